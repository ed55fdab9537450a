/** The manager that settings describe: its pools and policies, what plugins bring, and the quotas. */
import * as DeadlockPolicy from "@resource-manager/core/DeadlockPolicy"
import type { InvalidCapacity, InvalidClaim, InvalidRate } from "@resource-manager/core/Errors"
import type { JournalError } from "@resource-manager/core/Journal"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import * as Order from "@resource-manager/core/Order"
import type { PoolConfig } from "@resource-manager/core/PoolConfig"
import * as Preemption from "@resource-manager/core/Preemption"
import { type ManagerError, ResourceManager, type ResourceManagerOptions } from "@resource-manager/core/ResourceManager"
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as ScalingPolicy from "@resource-manager/core/ScalingPolicy"
import { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import type { InvalidJournalOption } from "@resource-manager/plugin-sqlite/SqliteJournal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { preemptionOptions } from "../config/policyChecks.ts"
import { groupsInOrder } from "../config/checks.ts"
import { refuse } from "../config/document.ts"
import type { ConfigInvalid } from "../config/errors.ts"
import type { FieldPath } from "../config/problems.ts"
import type { Complete } from "../config/schema.ts"
import type { Settings } from "../config/settings.ts"
import { adaptive, governedPools } from "./adaptive.ts"
import { adaptiveRates, governedRates } from "./adaptiveRate.ts"
import type { LoadedPlugin } from "../plugins/load.ts"
import type { PluginFailed } from "../plugins/PluginFailed.ts"

const poolOf = (name: string, settings: Complete["pools"][string]): PoolConfig => {
  const { adaptive, adaptiveRate: _adaptiveRate, capacity, max, unit, ...pool } = settings
  // One that is learnt is never more than it says, unless it says a maximum.
  const most = max ?? (adaptive === undefined ? undefined : capacity)
  return {
    ...pool,
    capacity,
    ...(most === undefined ? {} : { max: most }),
    ...(unit === undefined ? {} : { type: ResourceType.make(name, { unit }) })
  }
}

/** The options of the manager itself. */
export const managerOptions = ({ manager, pools }: Complete): ResourceManagerOptions => {
  const {
    deadlock: _deadlock,
    order: _order,
    preemption: _preemption,
    scaling: _scaling,
    timeout,
    ...options
  } = manager
  return {
    ...options,
    ...(timeout === "off" ? {} : { timeout }),
    pools: Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, poolOf(name, pool)]))
  }
}

/** The policies that settings choose. */
const deadlockPolicies = {
  fail: DeadlockPolicy.layerFail,
  revoke: DeadlockPolicy.layerRevoke,
  "wound-wait": DeadlockPolicy.layerWoundWait,
  "wait-die": DeadlockPolicy.layerWaitDie,
  banker: DeadlockPolicy.layerBanker,
  off: DeadlockPolicy.layerOff
} as const satisfies Record<Complete["manager"]["deadlock"], Layer.Layer<never>>

export const policies = ({ manager: { deadlock, order, preemption, scaling } }: Complete): Layer.Layer<never> =>
  Layer.mergeAll(
    deadlockPolicies[deadlock],
    order === "arrival" ? Layer.empty : Order.layer(order),
    preemption === "off" ? Layer.empty : Preemption.layer(preemptionOptions(preemption)),
    scaling === "off" ? Layer.empty : ScalingPolicy.layer(ScalingPolicy.thresholds(scaling))
  )

/** An error of the manager about something that settings say. */
const refused = (settings: Settings, path: FieldPath) => (error: { readonly message: string }) =>
  refuse(settings.document, [{ path, at: "key", message: error.message }])

const quotas = (settings: Settings): Layer.Layer<never, ConfigInvalid, ResourceManager> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      for (const [agent, limits] of Object.entries(settings.complete.quotas)) {
        for (const [type, quota] of Object.entries(limits)) {
          yield* Effect.mapError(manager.setQuota(agent, type, quota), refused(settings, ["quotas", agent, type]))
        }
      }
    })
  )

/** Groups, parents before what is in them, and who is in which. What was set live of others stays. */
const groups = (settings: Settings): Layer.Layer<never, ConfigInvalid, ResourceManager> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      for (const [name, { agents = [], ...options }] of groupsInOrder(settings.complete.groups)) {
        const wrong = refused(settings, ["groups", name])
        yield* Effect.mapError(manager.setGroup(name, options), wrong)
        for (const agent of agents) yield* Effect.mapError(manager.assign(agent, { group: name }), wrong)
      }
    })
  )

/** What agents are to the order. What was set live of others stays. */
const attributes = (settings: Settings): Layer.Layer<never, ConfigInvalid, ResourceManager> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { priorities, weights } = settings.complete
      for (const [agent, weight] of Object.entries(weights)) {
        yield* Effect.mapError(manager.setAgent(agent, { weight }), refused(settings, ["weights", agent]))
      }
      for (const [agent, priority] of Object.entries(priorities)) {
        yield* Effect.mapError(manager.setAgent(agent, { priority }), refused(settings, ["priorities", agent]))
      }
    })
  )

/** A priority that is written as a class: one that a journal has is told by its number. */
const priorityIn = ({ manager: { order } }: Complete, priority: number | string = 0): number => {
  if (typeof priority === "number") return priority
  const options = typeof order === "object" ? order.priority : undefined
  // The settings were checked: it is there.
  return (typeof options === "object" ? options.classes?.[priority] : undefined) ?? 0
}

/** What is kept at all times. One that a journal has of a former start is not made again. */
const reservations = (settings: Settings): Layer.Layer<never, ConfigInvalid, ResourceManager> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const there = new Set(
        (yield* manager.reservations)
          .filter(({ endsInMillis }) => endsInMillis === undefined)
          .map((reservation) => JSON.stringify([reservation.for, reservation.claim]))
      )
      for (const [at, { agent, claim, group, note, priority }] of settings.complete.reservations.entries()) {
        const atLeast = priorityIn(settings.complete, priority)
        const holder = agent !== undefined ? { agent } : group !== undefined ? { group } : { priority: atLeast }
        if (there.has(JSON.stringify([holder, claim]))) continue
        yield* Effect.mapError(
          manager.reserve({ for: holder, claim, ...(note === undefined ? {} : { note }) }),
          refused(settings, ["reservations", at])
        )
      }
    })
  )

export type JournalFailure = JournalError | InvalidJournalOption
export type HomeFailure = ConfigInvalid | PluginFailed | JournalFailure

const isOfSettings = (error: ManagerError | JournalFailure): error is InvalidCapacity | InvalidRate | InvalidClaim =>
  error._tag === "InvalidCapacity" || error._tag === "InvalidRate" || error._tag === "InvalidClaim"

/** Where settings say what an error of the manager is about: a pool, or what its options name. */
const placeOf = (error: InvalidCapacity | InvalidRate | InvalidClaim): FieldPath =>
  error._tag === "InvalidClaim" ? ["manager", ...error.field.split(".")] : ["pools"]

type Home = ResourceManager | LeaseTable | LeaseExits | LeaseReports | Meter

/** The manager with all of it, as a home that hands leases to others. */
export const homeOf = (
  settings: Settings,
  plugins: ReadonlyArray<LoadedPlugin>,
  journal: Layer.Layer<never, JournalFailure> = Layer.empty
): Layer.Layer<Home, HomeFailure> => {
  const manager: Layer.Layer<Home, ConfigInvalid | JournalFailure> = ResourceManager.layerHome(
    managerOptions(settings.complete)
  ).pipe(
    Layer.merge(Layer.merge(LeaseExits.layer, LeaseReports.layer)),
    Layer.provide([policies(settings.complete), journal]),
    Layer.catch((error) =>
      Layer.effectContext(Effect.fail(isOfSettings(error) ? refused(settings, placeOf(error))(error) : error))
    )
  )
  // One after the other: who comes second to a name is told of who has it.
  const complete = plugins.reduce<Layer.Layer<Home, HomeFailure>>(
    (below, plugin) => Layer.provideMerge(plugin.layer, below),
    manager
  )
  // Groups before what is kept for them.
  const kept = Layer.provideMerge(reservations(settings), Layer.provideMerge(groups(settings), complete))
  const limits = adaptive(governedPools(settings.complete), (path) => refused(settings, path))
  const rates = adaptiveRates(governedRates(settings.complete), (path) => refused(settings, path))
  return Layer.provideMerge(Layer.mergeAll(quotas(settings), attributes(settings), limits, rates), kept)
}
