/**
 * Two agents note their results in two places, each locked, in opposite orders.
 * Whoever closes the cycle is told at once, gives back what it holds, and does it
 * again in the one order that cannot cross.
 */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { ExclusiveLock } from "@resource-manager/core/ResourceType"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Checker } from "./checker.ts"
import { manifestLock, totalsLock } from "./machine.ts"
import { note, type Progress } from "./progress.ts"

const hold = <A, E, R>(checker: Checker, agent: string, lock: ExclusiveLock, body: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    return yield* manager.withLease(agent, lock.hold)(checker.watch(agent, lock.hold)(body))
  })

/** How many notes were made: two, whatever the order of things. */
export const cross = Effect.fnUntraced(function* (
  checker: Checker,
  progress: Progress,
  agents: readonly [string, string]
) {
  let noted = 0
  const bothHold = yield* Latch.make()
  let holding = 0
  const meet = Effect.suspend(() => (++holding < 2 ? bothHold.await : bothHold.open))

  const merge = (agent: string, first: ExclusiveLock, second: ExclusiveLock, between: Effect.Effect<unknown>) =>
    hold(
      checker,
      agent,
      first,
      Effect.andThen(
        between,
        hold(
          checker,
          agent,
          second,
          Effect.sync(() => void noted++)
        )
      )
    )

  const attempt = (agent: string, first: ExclusiveLock, second: ExclusiveLock) =>
    merge(agent, first, second, meet).pipe(
      Effect.catchTag("DeadlockDetected", (error) =>
        Effect.gen(function* () {
          const deadlock = { agent, cycle: error.cycle, retried: false }
          progress.deadlocks.push(deadlock)
          for (const line of error.message.split("\n")) note(progress, line)
          yield* merge(agent, manifestLock, totalsLock, Effect.void)
          deadlock.retried = true
          note(progress, `${agent} did it again, ${manifestLock.name} before ${totalsLock.name}: done`)
        })
      )
    )

  yield* Effect.all([attempt(agents[0], manifestLock, totalsLock), attempt(agents[1], totalsLock, manifestLock)], {
    concurrency: "unbounded"
  })
  return noted
})
