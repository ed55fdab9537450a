/** How a manager ends. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { LedgerRuntime } from "./LedgerRuntime.ts"

/** Asked at every return while the leases drain: O(pools). */
const anyHeld = ({ ledger }: LedgerRuntime) =>
  [...ledger.books.everyPool()].some((pool) => pool.holdersHead !== undefined)

/** Waiters fail, leases drain, and what is left after the grace period is taken back. */
export const stop = (runtime: LedgerRuntime, graceMicros: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    runtime.command((ledger, now) => ledger.stop(now))
    if (anyHeld(runtime) && graceMicros > 0) {
      const drained = Effect.callback<void>((resume) => {
        runtime.onDecided = () => {
          if (!anyHeld(runtime)) resume(Effect.void)
        }
      })
      yield* Effect.timeoutOption(drained, Duration.millis(graceMicros / 1_000))
      runtime.onDecided = undefined
    }
    const taken = runtime.command((ledger, now) => ledger.revokeAll(now))
    if (taken.length > 0) {
      const leases = taken.map((lease) => `${lease.id} of ${lease.agent.id}`).join(", ")
      yield* Effect.logWarning(
        `the manager stopped and took back ${taken.length === 1 ? "a lease" : `${taken.length} leases`}: ${leases}`
      )
    }
    runtime.close()
  })

/** Leases and waiters stay in the journal for the next start; in this process nothing is held any more. */
export const suspend = (runtime: LedgerRuntime): Effect.Effect<void> =>
  Effect.sync(() => {
    runtime.close()
    runtime.command((ledger, now) => ledger.revokeAll(now))
  })
