/** Streams of a connection: bounded in number, and each in what it keeps for a slow reader. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LimitExceeded } from "../Errors.ts"
import { limitExceeded, type Peer } from "./sessionHost.ts"

/** Counts a stream for as long as it is read. */
export const counted = (peer: Peer, max: number): Effect.Effect<void, LimitExceeded, Scope.Scope> =>
  Effect.suspend(() => {
    if (peer.streams >= max) return Effect.fail(limitExceeded("streams", peer.streams, max, "this connection"))
    peer.streams++
    return Effect.addFinalizer(() =>
      Effect.sync(() => {
        peer.streams--
      })
    )
  })

/** A stream into a queue that drops the oldest for a slow reader. It is subscribed to before the queue is answered. */
export const subscribed = <A, B>(
  stream: Stream.Stream<A>,
  capacity: number,
  started: ReadonlyArray<B>,
  map: (value: A) => B
): Effect.Effect<Queue.Dequeue<B>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.sliding<B>(capacity)
    yield* Effect.forkScoped(
      Stream.runForEach(stream, (value) => Queue.offer(queue, map(value))),
      { startImmediately: true }
    )
    for (const element of started) yield* Queue.offer(queue, element)
    return queue
  })
