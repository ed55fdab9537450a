/** What leases came to, as their holders told the daemon: for limits that learn from it. */
import type { LeaseOutcome } from "@resource-manager/core/AdaptiveLeases"
import { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import * as Effect from "effect/Effect"

/** By the overloads that were reported, then by the exit codes of commands; `drops` are those that say "too much". */
export const outcomesBy = (
  drops: ReadonlyArray<number>
): Effect.Effect<(lease: number) => LeaseOutcome | undefined, never, LeaseExits | LeaseReports> =>
  Effect.gen(function* () {
    const exits = yield* LeaseExits
    const reports = yield* LeaseReports
    return (lease) => {
      if (reports.wasOverloaded(lease)) return "dropped"
      const code = exits.of(lease)
      if (code === undefined) return undefined
      return code === 0 ? "served" : drops.includes(code) ? "dropped" : "ignored"
    }
  })
