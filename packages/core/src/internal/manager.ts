/** The manager in one process: the Ledger at its edge, assembled. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Claim } from "../Claim.ts"
import { DeadlockPolicy } from "../DeadlockPolicy.ts"
import * as Errors from "../Errors.ts"
import { Journal } from "../Journal.ts"
import * as Lease from "../Lease.ts"
import { isAmount } from "../ledger/Claim.ts"
import { Agent } from "../ledger/Agent.ts"
import { growthNeeded } from "../ledger/deadlock.ts"
import { refusedAtOnce } from "../ledger/check.ts"
import { leasesOf, waitersOf, Walks } from "../ledger/explain.ts"
import type { Pool } from "../ledger/Pool.ts"
import { backfillProblem } from "../ledger/plan/Backfill.ts"
import { preemptionOff } from "../ledger/preemption/Preemptor.ts"
import { readingOf } from "../ledger/readings.ts"
import { Request } from "../ledger/Request.ts"
import * as LoadMonitor from "../LoadMonitor.ts"
import type { Meter } from "../Meter.ts"
import { Order } from "../Order.ts"
import { Preemption, type PreemptionPolicy } from "../Preemption.ts"
import * as PoolConfig from "../PoolConfig.ts"
import type { ResourceManager, ResourceManagerOptions, TestResourceManager } from "../ResourceManager.ts"
import * as ResourceType from "../ResourceType.ts"
import { ScalingPolicy } from "../ScalingPolicy.ts"
import * as Statistics from "../Statistics.ts"
import { waitGraphOf } from "../WaitGraph.ts"
import * as closing from "./closing.ts"
import { formerHome, recoverFrom } from "./journal/open.ts"
import * as reservations from "./reservations.ts"
import * as quotaTree from "./quotaTree.ts"
import * as leaseTable from "./leaseTable.ts"
import { readDuration, readPriority, readScheduling, type WaitOptions } from "./claimOptions.ts"
import { LedgerRuntime } from "./LedgerRuntime.ts"
import { invalidClaim, manualError, unknownResourceType, tellable } from "./refusal.ts"

/** A registered type: who brought it, how it reads, how its real use is measured. */
interface Registered {
  readonly owner: string
  readonly type: ResourceType.ResourceType
  readonly measure: Effect.Effect<number> | undefined
  /** The most that `setCapacity` may set. */
  readonly max: number
  /** The pool's own maximum, where a policy scales it. */
  readonly maxCapacity: number | undefined
  /** Why the capacity is what it is, as whoever set it last says. */
  note: string | undefined
}

const configuration = "the manager's configuration"

const duration = (field: string, input: Duration.Input | undefined, otherwise: number) => {
  const micros = input === undefined ? otherwise : readDuration(field, input)
  return typeof micros === "number"
    ? Effect.succeed(micros)
    : Effect.fail(invalidClaim(micros.field, micros.value, micros.allowed))
}

const limit = (field: string, value: number | undefined, otherwise: number) =>
  value === undefined || value === Infinity
    ? Effect.succeed(value ?? otherwise)
    : isAmount(value)
      ? Effect.succeed(value)
      : Effect.fail(invalidClaim(field, value, "a whole number from 0"))

const preemptionOf = ({ byPriority, grace, name, overrun, reclaim, windows }: PreemptionPolicy) =>
  Effect.all({
    name: Effect.succeed(name),
    byPriority: Effect.succeed(byPriority),
    reclaim: Effect.succeed(reclaim === true),
    windows: Effect.succeed(windows),
    grace: duration("preemption.grace", grace, preemptionOff.grace),
    overrun: duration("preemption.overrun", overrun, preemptionOff.overrun)
  })

const assemble = Effect.fnUntraced(function* (options: ResourceManagerOptions, kind: "process" | "home") {
  const registered = new Map<string, Registered>()
  const formats = Object.assign(
    (resourceType: string, amount: number) => registered.get(resourceType)?.type.format(amount) ?? `${amount} units`,
    { note: (resourceType: string) => registered.get(resourceType)?.note }
  )
  const policy = yield* ScalingPolicy
  const order = yield* Order
  if (order?.problem !== undefined) {
    return yield* invalidClaim(`order.${order.problem.field}`, order.problem.value, order.problem.allowed)
  }
  const deadlock = yield* DeadlockPolicy
  const preemption = yield* preemptionOf(yield* Preemption)
  const unfit = backfillProblem(order?.backfill, { deadlock, order: order?.order, preemption })
  if (unfit !== undefined) return yield* invalidClaim("order.backfill.kind", order?.backfill?.kind, unfit)
  const context = yield* Effect.context()
  const timeoutMicros = yield* duration("timeout", options.timeout, Infinity)
  const graceMicros = yield* duration("gracePeriod", options.gracePeriod, 5_000_000)
  const journal = yield* Journal
  const recovered = journal === undefined ? undefined : yield* recoverFrom(journal)
  const runtime = new LedgerRuntime(context, {
    // A journal names claims by their ids.
    indexed: kind === "home" || journal !== undefined,
    journal,
    recovered,
    deadlock,
    preemption,
    order: order?.order,
    backfill: order?.backfill,
    classes: order?.classes,
    waitersMax: yield* limit("waitersMax", options.waitersMax, 1_000_000),
    waitersPerAgentMax: yield* limit("waitersPerAgentMax", options.waitersPerAgentMax, Infinity),
    formats,
    timeoutMicros
  })
  const { ledger, outbox } = runtime
  yield* Effect.addFinalizer(() => Effect.sync(() => outbox.abandon()))
  const { books } = ledger
  const former = recovered === undefined ? undefined : formerHome(recovered)
  if (recovered !== undefined) {
    // What the former process held is nobody's; it died about when it wrote last.
    if (kind !== "home") ledger.forsake(() => false, books.now)
    else outbox.journal?.inherit(recovered.home)
  }
  outbox.failureListeners.add((failure) => Effect.runForkWith(context)(Effect.logFatal(failure.message)))

  const register: ResourceManager["Service"]["register"] = (owner, type, pool) =>
    Effect.andThen(define(owner, type, pool), runtime.told(Effect.void))
  const define: ResourceManager["Service"]["register"] = (owner, type, { followed, measure, ...config }) =>
    Effect.gen(function* () {
      const pool = yield* PoolConfig.read(type.name, config, policy !== undefined)
      // No step from here on: two that register at once must not both find it free.
      const taken = registered.get(type.name)
      if (taken !== undefined) {
        return yield* new Errors.ResourceTypeTaken({
          message: `${type.name} is claimed by ${owner}, and was registered by ${taken.owner}`,
          resourceType: type.name,
          owner: taken.owner,
          claimant: owner
        })
      }
      registered.set(type.name, {
        owner,
        type,
        measure,
        max: config.max ?? Number.MAX_SAFE_INTEGER,
        maxCapacity: pool.maxCapacity,
        note: undefined
      })
      runtime.command((core, now) => core.definePool(type.name, { ...pool, followed }, now))
    })

  for (const [name, { type, ...config }] of Object.entries(options.pools ?? {})) {
    const known = ResourceType.known.find((candidate) => candidate.name === name)
    yield* Effect.catchTag(
      define(configuration, { ...(type ?? known ?? ResourceType.make(name)), name }, config),
      "ResourceTypeTaken",
      Effect.die
    )
  }

  const poolOf = (resourceType: string): Effect.Effect<Pool, Errors.UnknownResourceType> => {
    const pool = books.pools.get(resourceType)
    return pool === undefined
      ? Effect.fail(unknownResourceType(resourceType, [...books.pools.keys()]))
      : Effect.succeed(pool)
  }
  const statisticsOf = (pool: Pool, now: number) =>
    Statistics.poolStatistics(pool, registered.get(pool.type)?.note, now)

  /** The state as of now: what is due has happened. */
  const current = <A>(read: (now: number) => A) =>
    Effect.suspend(() => {
      const state = runtime.command((core, now) => {
        core.advance(now)
        return read(core.now)
      })
      return runtime.told(Effect.succeed(state))
    })

  /** Waiters with why they wait, all at one instant. */
  const viewsOf = (waiters: ReadonlyArray<Request>, now: number) => {
    const walks = new Walks()
    return waiters.map((waiter) =>
      Statistics.waiterView(
        waiter,
        formats,
        now,
        walks,
        books.ordering,
        ledger.plannedStart(waiter),
        ledger.safetyOf(waiter)
      )
    )
  }

  const monitor = yield* LoadMonitor.make({
    ...(options.loadInterval === undefined ? {} : { interval: options.loadInterval }),
    ...(options.callbackTimeout === undefined ? {} : { callbackTimeout: options.callbackTimeout }),
    policy,
    source: () => {
      runtime.command((core, now) => core.advance(now))
      return [...books.pools.values()].map((pool) => loadOf(pool, registered.get(pool.type)?.maxCapacity))
    },
    beforeTold: runtime.told(Effect.void),
    setCapacity: (resourceType, capacity) => {
      const pool = books.pools.get(resourceType)
      if (pool !== undefined) runtime.command((core, now) => core.setCapacity(pool, capacity, now))
    }
  })

  const withLease =
    (agent: string, claim: Claim, options?: WaitOptions) =>
    <A, E, R>(body: Effect.Effect<A, E, R>) =>
      runtime.withLease(agent, claim, options, body)

  /** One that does not wait: `unavailable` is no failure but the answer. */
  const attempt = <A, R>(
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    manual: boolean,
    use: (request: Request | undefined) => Effect.Effect<A, never, R>
  ) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber): Effect.Effect<A, Errors.ClaimError, R> => {
        const answer = runtime.ask(fiber, agent, claim, options, { wait: false, manual })
        return !(answer instanceof Request) && answer._tag === "ResourceExhausted" && answer.reason === "unavailable"
          ? runtime.answered(use(undefined))
          : Effect.flatMap(runtime.obtain(answer, restore, runtime.error), use)
      })
    )

  const setQuota = (agent: string, resourceType: string, quota: number) =>
    Effect.suspend((): Effect.Effect<void, Errors.InvalidClaim | Errors.UnknownResourceType> => {
      const refusal = runtime.command((core, now) => core.setQuota(agent, resourceType, quota, now))
      if (refusal === undefined) return runtime.told(Effect.void)
      return refusal._tag === "UnknownResourceType"
        ? Effect.fail(unknownResourceType(refusal.resourceType, refusal.known))
        : Effect.fail(invalidClaim(refusal.field, refusal.value, refusal.allowed))
    })

  const setAgent: ResourceManager["Service"]["setAgent"] = (agent, { priority, weight }) =>
    Effect.suspend(() => {
      const read = priority === undefined ? undefined : readPriority(priority, runtime.classes)
      const refusal =
        typeof read === "object"
          ? read
          : runtime.command((core, now) => core.setAgent(agent, { priority: read, weight }, now))
      return refusal === undefined
        ? runtime.told(Effect.void)
        : Effect.fail(invalidClaim(refusal.field, refusal.value, refusal.allowed))
    })

  const meter: Meter["Service"] = {
    now: Effect.sync(() => runtime.now()),
    read: (bounds) => current((now) => readingOf(books, now, bounds)),
    waitGraph: (waitsMax) => current((now) => waitGraphOf(books, now, waitsMax))
  }

  const stop = Effect.suspend(() => {
    runtime.command((core, now) => core.stop(now))
    return runtime.told(Effect.void)
  })

  const manager: ResourceManager["Service"] = {
    // The overloads differ only in whether an expiry can interrupt the body.
    withLease: withLease as ResourceManager["Service"]["withLease"],
    lease: (agent, claim, options) =>
      runtime.granted(agent, claim, options, undefined, (request) => Lease.hold(runtime, request)),
    tryLease: (agent, claim, options) =>
      attempt(agent, claim, options, false, (request) =>
        request === undefined ? Effect.succeedNone : Effect.asSome(Lease.hold(runtime, request))
      ),
    acquire: (agent, claim, options) => runtime.granted(agent, claim, options, { manual: true }, () => Effect.void),
    tryAcquire: (agent, claim) =>
      attempt(agent, claim, undefined, true, (request) => Effect.succeed(request !== undefined)),
    release: (agent, claim) =>
      Effect.suspend(() => {
        const refusal = runtime.command((core, now) => core.releaseManual(agent, claim, now))
        return refusal === undefined ? Effect.void : Effect.fail(manualError(refusal, formats))
      }),
    check: (agent, claim, options = {}) => {
      const scheduling = readScheduling(options, runtime.classes)
      const ttl = options.expiresAfter === undefined ? 0 : readDuration("expiresAfter", options.expiresAfter)
      const looked = () => {
        if (scheduling !== undefined && "_tag" in scheduling) return refusedAtOnce(scheduling)
        return typeof ttl === "object" ? refusedAtOnce(ttl) : ledger.check(agent, claim, { scheduling, ttl })
      }
      return current((now) => Statistics.check(looked(), formats, now))
    },
    setQuota: (agent, resourceType, quota) =>
      isAmount(quota)
        ? setQuota(agent, resourceType, quota)
        : Effect.fail(
            new Errors.InvalidQuota({
              // Not all callers are typed: neither name need be a string.
              message: `the quota of ${String(agent)} on ${String(resourceType)} is ${String(quota)}; allowed: a whole number from 0`,
              agent,
              resourceType,
              value: tellable(quota),
              allowed: "a whole number from 0"
            })
          ),
    setAgent,
    removeQuota: (agent, resourceType) => setQuota(agent, resourceType, Infinity),
    ...quotaTree.make(runtime),
    ...reservations.make(runtime),
    quota: (agent, resourceType) =>
      Effect.flatMap(poolOf(resourceType), (pool) =>
        current(() => {
          const quota = books.agents.get(agent)?.accounts.get(pool)?.quota ?? Infinity
          return quota === Infinity ? Option.none() : Option.some(quota)
        })
      ),
    setCapacity: (resourceType, capacity, options = {}) =>
      Effect.gen(function* () {
        const pool = yield* poolOf(resourceType)
        const entry = registered.get(resourceType)
        // Not the pool's own maximum: without a scaling policy that is the capacity of the moment.
        const bounds = { min: pool.minCapacity, max: entry?.max ?? Number.MAX_SAFE_INTEGER }
        const checked = yield* PoolConfig.readCapacity(resourceType, "capacity", capacity, bounds)
        const maxCapacity =
          options.max === undefined
            ? entry?.maxCapacity
            : yield* PoolConfig.readCapacity(resourceType, "max", options.max, { min: checked, max: bounds.max })
        if (entry !== undefined) entry.note = options.note
        if (checked === pool.capacity && maxCapacity === pool.maxCapacity) return
        runtime.command((core, now) => core.setCapacity(pool, checked, now, { maxCapacity }))
        yield* runtime.told(Effect.void)
      }),
    setRate: (resourceType, rate) =>
      Effect.gen(function* () {
        const pool = yield* poolOf(resourceType)
        const checked = rate === undefined ? undefined : yield* PoolConfig.readRate(resourceType, rate)
        runtime.command((core, now) => core.setRate(pool, checked, now))
        yield* runtime.told(Effect.void)
      }),
    usage: (agent) => current(() => books.agents.get(agent)?.usage() ?? {}),
    poolUsage: (resourceType) =>
      Effect.flatMap(poolOf(resourceType), (pool) =>
        current(() => (pool.capacity === 0 ? 0 : (pool.inUse / pool.capacity) * 100))
      ),
    poolStatistics: (resourceType) =>
      Effect.flatMap(poolOf(resourceType), (pool) => current((now) => statisticsOf(pool, now))),
    agentStatistics: (agent) => current(() => Statistics.agentStatistics(books.agents.get(agent) ?? new Agent(agent))),
    pools: current((now) => [...books.pools.values()].map((pool) => statisticsOf(pool, now))),
    agents: current(() => [...books.agents.values()].map(Statistics.agentStatistics)),
    leases: current((now) => leasesOf(books).map((lease) => Statistics.leaseView(lease, now))),
    waiters: current((now) => viewsOf(waitersOf(books), now)),
    explain: (agent) => current((now) => viewsOf([...(books.agents.get(agent)?.waiters ?? [])], now)),
    loadSamples: monitor.samples,
    onLoad: monitor.onLoad,
    sampleLoad: monitor.sample,
    register,
    types: Effect.sync(() => [...registered.values()].map(({ type }) => type)),
    measure: (resourceType) =>
      Effect.flatMap(poolOf(resourceType), () => {
        const measure = registered.get(resourceType)?.measure
        return measure === undefined ? Effect.succeedNone : Effect.asSome(measure)
      }),
    stop
  }

  // What recovery and the configuration decided is told with the layer itself.
  runtime.command((core, now) => core.advance(now))
  outbox.commit()
  if (outbox.failure !== undefined) return yield* outbox.failure
  // Registered last, so it runs first. A home's leases are others', who are still there at its next start.
  yield* Effect.addFinalizer(() =>
    kind === "home" && journal !== undefined ? closing.suspend(runtime) : closing.stop(runtime, graceMicros)
  )

  return { manager, meter, runtime, former }
})

const loadOf = (pool: Pool, maxCapacity: number | undefined): LoadMonitor.PoolLoad => {
  const needed = growthNeeded(pool)
  return {
    resourceType: pool.type,
    inUse: pool.inUse,
    waiting: pool.waitingAmount,
    capacity: pool.capacity,
    // A pool without a maximum is not scaled: shrunk, it could never grow back. Nor is
    // one that a plugin lowered for now: the plugin raises it again.
    minCapacity: maxCapacity === undefined ? pool.capacity : pool.minCapacity,
    maxCapacity: maxCapacity === undefined ? pool.capacity : pool.limit,
    load: LoadMonitor.loadOf(pool.inUse, pool.waitingAmount, pool.capacity),
    ...(needed === undefined ? {} : { needed })
  }
}

export const make = (options: ResourceManagerOptions) =>
  Effect.map(assemble(options, "process"), ({ manager, meter }) => ({ manager, meter }))

/** The same with its leases by id. */
export const makeHome = (options: ResourceManagerOptions) =>
  Effect.map(assemble(options, "home"), ({ former, manager, meter, runtime }) => ({
    manager,
    meter,
    table: leaseTable.make(runtime, runtime.ledger.books.index!, former)
  }))

/** The same, with what tests need besides. Its end waits for no lease: a test's clock stands still. */
export const makeTest = (options: ResourceManagerOptions) =>
  Effect.map(assemble({ gracePeriod: 0, ...options }, "process"), ({ manager, meter, runtime }) => {
    const awaitWaiting = (count: number) =>
      Effect.callback<void>((resume) => {
        const { books } = runtime.ledger
        if (books.waiting >= count) return resume(Effect.void)
        const listener = () => {
          if (books.waiting >= count) resume(Effect.void)
        }
        listeners.add(listener)
        return Effect.sync(() => listeners.delete(listener))
      })
    const listeners = new Set<() => void>()
    runtime.onDecided = () => {
      for (const listener of listeners) listener()
    }
    const control: TestResourceManager["Service"] = { awaitWaiting }
    return { manager, meter, control }
  })
