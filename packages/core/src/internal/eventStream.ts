/** The events of a manager as a stream that slows nobody: a reader that is too slow misses some, and is told how many. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dropped } from "../LeaseTable.ts"
import type { LedgerEvent } from "../ledger/Event.ts"
import type { EventListener } from "./Outbox.ts"

/** How many events a reader may be behind. */
export const bufferMax = 8_192

/** One reader's place. */
class Reader {
  private buffer: Array<LedgerEvent | Dropped> = []
  private dropped = 0
  private resume: (() => void) | undefined = undefined

  readonly hear: EventListener = (events) => {
    const room = Math.max(0, bufferMax - this.buffer.length)
    this.buffer.push(...events.slice(0, room))
    this.dropped += Math.max(0, events.length - room)
    const resume = this.resume
    this.resume = undefined
    resume?.()
  }

  /** What there is, as soon as there is something. The newest were dropped, so the count comes last. */
  readonly take = Effect.map(
    Effect.callback<void>((done) => {
      if (this.buffer.length > 0) return done(Effect.void)
      this.resume = () => done(Effect.void)
      return Effect.sync(() => {
        this.resume = undefined
      })
    }),
    () => {
      const taken =
        this.dropped === 0 ? this.buffer : [...this.buffer, { _tag: "Dropped" as const, count: this.dropped }]
      this.buffer = []
      this.dropped = 0
      return taken
    }
  )
}

export const eventStream = (listen: (listener: EventListener) => () => void): Stream.Stream<LedgerEvent | Dropped> =>
  Stream.unwrap(
    Effect.gen(function* (): Effect.fn.Return<Stream.Stream<LedgerEvent | Dropped>, never, Scope.Scope> {
      const reader = new Reader()
      yield* Effect.acquireRelease(
        Effect.sync(() => listen(reader.hear)),
        (end) => Effect.sync(end)
      )
      return Stream.flattenIterable(Stream.fromEffectRepeat(reader.take))
    })
  )
