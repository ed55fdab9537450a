/**
 * Hands out what a machine has: claims over several resource types at once, each
 * granted whole or not at all, under quotas, rates, order and exact deadlock
 * detection, as scoped leases that come back whatever happens.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { gibibytes } from "./Amount.ts"
import type { CheckOptions, Claim, WaitOptions } from "./Claim.ts"
import type {
  ClaimError,
  InvalidCapacity,
  InvalidClaim,
  InvalidGroup,
  InvalidQuota,
  InvalidRate,
  LeaseRevoked,
  ReservationRefused,
  ResourceNotAcquired,
  ResourceTypeTaken,
  UnknownResourceType
} from "./Errors.ts"
import * as internal from "./internal/manager.ts"
import type { JournalError } from "./Journal.ts"
import type { Lease } from "./Lease.ts"
import { LeaseTable } from "./LeaseTable.ts"
import { Meter } from "./Meter.ts"
import type { AgentStatistics, Check, LeaseView, PoolStatistics, WaiterView } from "./Statistics.ts"
import type { LoadCallback, LoadSample } from "./LoadMonitor.ts"
import type { CapacityOptions, PoolConfig, RateConfig } from "./PoolConfig.ts"
import type { GroupOptions, GroupStatistics, Membership } from "./QuotaTree.ts"
import type { ReservationOptions, ReservationView } from "./Reservation.ts"
import type { ResourceType } from "./ResourceType.ts"
import * as ScalingPolicy from "./ScalingPolicy.ts"

export interface ResourceManagerOptions {
  /** Resource type to pool. Plugins add theirs. */
  readonly pools?: Readonly<Record<string, PoolConfig>>
  /** The longest wait of claims that name none. For ever unless given. */
  readonly timeout?: Duration.Input
  /** The most claims that may wait at once. Default 1,000,000. */
  readonly waitersMax?: number
  /** The most claims of one agent that may wait at once. Unlimited unless given. */
  readonly waitersPerAgentMax?: number
  /** Time between samples of the load. Default 5 seconds. */
  readonly loadInterval?: Duration.Input
  /** How long one call of a load callback may take. Default 5 seconds. */
  readonly callbackTimeout?: Duration.Input
  /** How long leases may last after the scope closed, before they are taken back. Default 5 seconds. */
  readonly gracePeriod?: Duration.Input
}

/** What an agent is to the order. */
export interface AgentAttributes {
  readonly weight?: number | undefined
  readonly priority?: number | string | undefined
}

/** Why a manager cannot be built: its configuration, or its journal. */
export type ManagerError = InvalidCapacity | InvalidRate | InvalidClaim | JournalError

export class ResourceManager extends Context.Service<
  ResourceManager,
  {
    /**
     * Runs an effect inside a lease: granted as one, given back whatever happens.
     * With `expiresAfter` the effect is interrupted when the lease expires; a
     * `preemptible` one when its lease is taken for a claim that goes before it. The
     * units come back when its finalizers have ended.
     */
    readonly withLease: {
      (
        agent: string,
        claim: Claim,
        options: WaitOptions & ({ readonly expiresAfter: Duration.Input } | { readonly preemptible: true })
      ): <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ClaimError | LeaseRevoked, R>
      (
        agent: string,
        claim: Claim,
        options?: WaitOptions & { readonly expiresAfter?: undefined; readonly preemptible?: false | undefined }
      ): <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ClaimError, R>
      (
        agent: string,
        claim: Claim,
        options: WaitOptions | undefined
      ): <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ClaimError | LeaseRevoked, R>
    }
    /** A lease that is held until the scope closes. The wait is interruptible. */
    readonly lease: (
      agent: string,
      claim: Claim,
      options?: WaitOptions
    ) => Effect.Effect<Lease, ClaimError, Scope.Scope>
    /** A lease now or none: never waits and never overtakes a waiter. */
    readonly tryLease: (
      agent: string,
      claim: Claim,
      options?: Omit<WaitOptions, "timeout">
    ) => Effect.Effect<Option.Option<Lease>, ClaimError, Scope.Scope>
    /** For bridges that cannot use a scope: held until `release`. */
    readonly acquire: (agent: string, claim: Claim, options?: WaitOptions) => Effect.Effect<void, ClaimError>
    /** The same without waiting: whether it was granted. */
    readonly tryAcquire: (agent: string, claim: Claim) => Effect.Effect<boolean, ClaimError>
    /** Gives back amounts of the agent's manual acquisitions, newest first, all or nothing. */
    readonly release: (
      agent: string,
      claim: Claim
    ) => Effect.Effect<void, ResourceNotAcquired | InvalidClaim | UnknownResourceType>
    /**
     * Would the claim be granted now, by what it says for the policies, and if not, why: every
     * reason at once. `granted` is what `tryLease` would find, `passing` that one which may
     * wait goes past others at once. Asked as if outside of all leases, and without what preemption
     * would take for it. Takes nothing.
     */
    readonly check: (agent: string, claim: Claim, options?: CheckOptions) => Effect.Effect<Check>

    /** Limits what an agent may hold and wait for of one type. After a cut its youngest waiters over it fail. */
    readonly setQuota: (
      agent: string,
      resourceType: string,
      quota: number
    ) => Effect.Effect<void, InvalidQuota | InvalidClaim | UnknownResourceType>
    readonly removeQuota: (
      agent: string,
      resourceType: string
    ) => Effect.Effect<void, InvalidClaim | UnknownResourceType>
    /**
     * Sets all that a group of agents is, and what it may have: see `QuotaTree`. After a
     * cut the youngest waiters over it fail, or wait for quota again; leases stay.
     */
    readonly setGroup: (
      group: string,
      options?: GroupOptions
    ) => Effect.Effect<void, InvalidGroup | UnknownResourceType>
    /** Removes a group that no agent is in, and no group below. */
    readonly removeGroup: (group: string) => Effect.Effect<void, InvalidGroup>
    /** Puts an agent into a group, or into none. Its leases go with it. */
    readonly assign: (agent: string, membership?: Membership) => Effect.Effect<void, InvalidGroup>
    /** All groups, each tree from its root down. */
    readonly groups: Effect.Effect<ReadonlyArray<GroupStatistics>>
    /**
     * What an agent is to the order: its weight beside its siblings where shares are fair
     * (0.000001 to 1000000, 1 unless set), and the priority of its claims that say none, a number or the
     * name of a class (0 unless set). What is not said stays.
     */
    readonly setAgent: (agent: string, attributes: AgentAttributes) => Effect.Effect<void, InvalidClaim>
    /**
     * Promises capacity to an agent, a group or a class of priority, for a window or at all
     * times: see `Reservation`. Refused at once where it cannot be kept.
     */
    readonly reserve: (
      options: ReservationOptions
    ) => Effect.Effect<ReservationView, InvalidClaim | UnknownResourceType | ReservationRefused>
    /** Ends a promise early; `false` where there is none with that id. `released`: its holder needs the rest no more. */
    readonly endReservation: (id: number, reason?: "cancelled" | "released") => Effect.Effect<boolean>
    /** What is promised, in the order in which it was made. */
    readonly reservations: Effect.Effect<ReadonlyArray<ReservationView>>
    /** The agent's quota of a type, or none. */
    readonly quota: (agent: string, resourceType: string) => Effect.Effect<Option.Option<number>, UnknownResourceType>
    /**
     * Changes what a pool has, within its bounds. Growing serves waiters at once. With
     * `max` it is lower for now: claims up to that wait for growth instead of failing.
     */
    readonly setCapacity: (
      resourceType: string,
      capacity: number,
      options?: CapacityOptions
    ) => Effect.Effect<void, InvalidCapacity | UnknownResourceType>
    /** Sets or, with `undefined`, removes a pool's rate. */
    readonly setRate: (
      resourceType: string,
      rate: RateConfig | undefined
    ) => Effect.Effect<void, InvalidRate | UnknownResourceType>

    /** What an agent holds, by type. */
    readonly usage: (agent: string) => Effect.Effect<Claim>
    /** In use over capacity, in percent. */
    readonly poolUsage: (resourceType: string) => Effect.Effect<number, UnknownResourceType>
    readonly poolStatistics: (resourceType: string) => Effect.Effect<PoolStatistics, UnknownResourceType>
    readonly agentStatistics: (agent: string) => Effect.Effect<AgentStatistics>
    readonly pools: Effect.Effect<ReadonlyArray<PoolStatistics>>
    readonly agents: Effect.Effect<ReadonlyArray<AgentStatistics>>
    /** Every lease, oldest first. */
    readonly leases: Effect.Effect<ReadonlyArray<LeaseView>>
    /** Every waiting claim in order, with all reasons. */
    readonly waiters: Effect.Effect<ReadonlyArray<WaiterView>>
    /** Why an agent waits: each of its waiting claims with all reasons at once. Empty where it does not wait. */
    readonly explain: (agent: string) => Effect.Effect<ReadonlyArray<WaiterView>>

    /** The load of all pools, at every interval. */
    readonly loadSamples: Stream.Stream<LoadSample>
    /** Calls back with every sample until the scope closes. Nobody is harmed by one that throws, is slow or never ends. */
    readonly onLoad: (callback: LoadCallback) => Effect.Effect<void, never, Scope.Scope>
    /** Samples the load now and scales, as the interval does. */
    readonly sampleLoad: Effect.Effect<LoadSample>

    /** Adds a pool for as long as the manager lives: what plugins do. `owner` names the plugin. */
    readonly register: (
      owner: string,
      type: ResourceType,
      pool: PoolConfig & {
        readonly measure?: Effect.Effect<number>
        /** Whether the owner sets the capacity as it changes: one that a journal has of a former start is not kept. */
        readonly followed?: boolean
      }
    ) => Effect.Effect<void, ResourceTypeTaken | InvalidCapacity | InvalidRate>
    /** The types that pools count, with how their amounts read. */
    readonly types: Effect.Effect<ReadonlyArray<ResourceType>>
    /** What is really in use of a type, where its plugin can measure it. */
    readonly measure: (resourceType: string) => Effect.Effect<Option.Option<number>, UnknownResourceType>

    /** Refuses new claims and fails all waiters with `ManagerStopped`. Leases stay until they return. */
    readonly stop: Effect.Effect<void>
  }
>()("@resource-manager/core/ResourceManager") {
  /** A manager in this process, stopped when the scope closes, and the `Meter` that monitoring reads it by. */
  static readonly layer = (options: ResourceManagerOptions = {}): Layer.Layer<ResourceManager | Meter, ManagerError> =>
    Layer.effectContext(
      Effect.map(internal.make(options), ({ manager, meter }) =>
        Context.make(ResourceManager, manager).pipe(Context.add(Meter, meter))
      )
    )

  /**
   * The same for a home that hands leases beyond this process: with `LeaseTable`,
   * over the same decisions.
   */
  static readonly layerHome = (
    options: ResourceManagerOptions = {}
  ): Layer.Layer<ResourceManager | LeaseTable | Meter, ManagerError> =>
    Layer.effectContext(
      Effect.map(internal.makeHome(options), ({ manager, meter, table }) =>
        Context.make(ResourceManager, manager).pipe(Context.add(LeaseTable, table), Context.add(Meter, meter))
      )
    )

  /**
   * The reference configuration: 100 cpu, 1 GiB of memory, 1,000 file handles, 100
   * connections; 50 a second of each with a burst of the capacity, memory by the
   * request with a burst of 50; scaling between half and
   * twice of each over 80 % and under 20 % of load, sampled every 5 seconds.
   */
  static readonly layerDefault: Layer.Layer<ResourceManager | Meter, ManagerError> = ResourceManager.layer({
    pools: {
      cpu: defaultPool(100, {}),
      // By the byte, 50 a second would let nothing through; by the request, a burst of
      // the capacity would let everything through: so a second's worth of requests.
      memory: defaultPool(gibibytes(1), { per: "request", burst: 50 }),
      fileHandles: defaultPool(1_000, {}),
      network: defaultPool(100, {})
    }
  }).pipe(Layer.provide(ScalingPolicy.layer(ScalingPolicy.thresholds())))

  /** A manager for tests: nothing runs by itself, and `TestResourceManager` waits for waiters without sleeps. */
  static readonly layerTest = (
    options: ResourceManagerOptions = {}
  ): Layer.Layer<ResourceManager | Meter | TestResourceManager, ManagerError> =>
    Layer.effectContext(
      Effect.map(internal.makeTest(options), ({ control, manager, meter }) =>
        Context.make(ResourceManager, manager).pipe(
          Context.add(Meter, meter),
          Context.add(TestResourceManager, control)
        )
      )
    )
}

function defaultPool(capacity: number, rate: Omit<RateConfig, "limit">): PoolConfig {
  return { capacity, min: capacity / 2, max: capacity * 2, rate: { limit: 50, ...rate } }
}

/** What tests need to know of a manager besides. */
export class TestResourceManager extends Context.Service<
  TestResourceManager,
  {
    /** Completes once at least `count` claims wait. */
    readonly awaitWaiting: (count: number) => Effect.Effect<void>
  }
>()("@resource-manager/core/TestResourceManager") {}
