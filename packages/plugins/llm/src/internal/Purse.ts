/**
 * A budget of a day: a pool whose capacity is what is left of it, in millionths of a
 * dollar. A call holds its estimate while it runs; once it is over, what it cost is
 * taken off the capacity, before the estimate comes back. So what is spent and what may
 * still be spent by calls that run never exceed the budget together, and where calls
 * cost no more than was estimated, no more than the budget is spent.
 */
import type {
  InvalidCapacity,
  InvalidRate,
  ResourceTypeTaken,
  UnknownResourceType
} from "@resource-manager/core/Errors"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as Effect from "effect/Effect"
import { formatMicros } from "../Usage.ts"

export interface Purse {
  readonly type: string
  readonly scope: "agent" | "total"
  readonly budgetMicros: number
  readonly spentMicros: () => number
  /** Takes off what a call cost. */
  readonly spend: (micros: number) => Effect.Effect<void>
  /** A new day. */
  readonly refill: Effect.Effect<void>
}

export interface PurseOptions {
  readonly owner: string
  readonly type: string
  readonly scope: "agent" | "total"
  readonly budgetMicros: number
}

/** Registers the pool. On a durable manager what was left of it is still what is left. */
export const make = (
  manager: ResourceManager["Service"],
  { budgetMicros, owner, scope, type }: PurseOptions
): Effect.Effect<Purse, InvalidCapacity | InvalidRate | ResourceTypeTaken | UnknownResourceType> =>
  Effect.gen(function* () {
    const dollars = ResourceType.make(type, { unit: "microdollars", format: formatMicros })
    yield* manager.register(owner, dollars, { capacity: budgetMicros }).pipe(
      // Two calls of a new agent at the same time.
      Effect.catchTag("ResourceTypeTaken", (error) => (error.owner === owner ? Effect.void : Effect.fail(error)))
    )
    let spent = budgetMicros - (yield* manager.poolStatistics(type)).capacity
    const update: Effect.Effect<void> = Effect.suspend(() => {
      const then = spent
      const note = `${formatMicros(spent)} of ${formatMicros(budgetMicros)} spent today`
      return manager.setCapacity(type, Math.max(0, budgetMicros - spent), { note }).pipe(
        Effect.catchCause((cause) => Effect.logWarning(`${type} was not brought up to date`, cause)),
        // Another one may have begun meanwhile: the last one to end must say what is true.
        Effect.andThen(Effect.suspend(() => (then === spent ? Effect.void : update)))
      )
    })
    return {
      type,
      scope,
      budgetMicros,
      spentMicros: () => spent,
      spend: (micros) =>
        Effect.suspend(() => {
          // What a call of yesterday took too much is yesterday's: today has no more than its budget.
          spent = Math.max(0, spent + micros)
          return micros === 0 ? Effect.void : update
        }),
      refill: Effect.suspend(() => {
        spent = 0
        return update
      })
    }
  })
