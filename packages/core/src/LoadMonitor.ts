/**
 * Samples the load of pools, tells whoever listens, and scales.
 *
 * - A sample is taken every interval once somebody listens or a policy scales;
 *   before that nothing runs.
 * - Each callback has a fiber and a mailbox of one sample of its own: a newer
 *   sample replaces an unread one. One that fails is logged, one that takes longer
 *   than its limit is interrupted, one that never ends keeps only itself busy.
 * - The stream is a sliding window of the latest samples: a slow reader misses
 *   old ones and slows nobody.
 * - A policy that throws, or decides what is no capacity, is logged and changes
 *   nothing: the next sample asks it again.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { InvalidClaim } from "./Errors.ts"
import { readDuration } from "./internal/claimOptions.ts"
import { invalidClaim } from "./internal/refusal.ts"
import { isAmount } from "./ledger/Claim.ts"
import { detached } from "./Nesting.ts"
import { PoolLoad, type Policy } from "./ScalingPolicy.ts"

export { PoolLoad } from "./ScalingPolicy.ts"

/** The load of every pool at one instant. */
export const LoadSample = Schema.Struct({
  /** Milliseconds since the epoch, by the wall clock: for people. */
  takenAt: Schema.Number,
  pools: Schema.Array(PoolLoad)
})
export interface LoadSample extends Schema.Schema.Type<typeof LoadSample> {}

export interface LoadMonitorOptions {
  /** Time between samples. Default 5 seconds. */
  readonly interval?: Duration.Input
  /** How long one call of a callback may take. Default 5 seconds. */
  readonly callbackTimeout?: Duration.Input
  /** The pools to look at. Called at every sample. */
  readonly source: () => ReadonlyArray<PoolLoad>
  /** Decides capacities; without one nothing scales. */
  readonly policy?: Policy | undefined
  /** Waited for between a look at the source and what is told of it. */
  readonly beforeTold?: Effect.Effect<void>
  /** Sets a capacity that the policy decided, within the pool's bounds. */
  readonly setCapacity?: (resourceType: string, capacity: number) => void
}

export type LoadCallback = (sample: LoadSample) => Effect.Effect<unknown, unknown>

export class LoadMonitor extends Context.Service<
  LoadMonitor,
  {
    /** Takes a sample now, as the interval does: publishes it and scales. */
    readonly sample: Effect.Effect<LoadSample>
    /** The samples from now on, the latest 16 for a slow reader. */
    readonly samples: Stream.Stream<LoadSample>
    /** Calls back with every sample until the scope closes. */
    readonly onLoad: (callback: LoadCallback) => Effect.Effect<void, never, Scope.Scope>
    /** Samples from now on, if it does not already. */
    readonly start: Effect.Effect<void>
    /** Samples no more until it is started again. */
    readonly stop: Effect.Effect<void>
  }
>()("@resource-manager/core/LoadMonitor") {
  /** (in use + what waiters ask for) / capacity. */
  static readonly loadOf = (inUse: number, waiting: number, capacity: number) => loadOf(inUse, waiting, capacity)

  /** A monitor of its own, stopped when the scope closes. */
  static readonly make = (options: LoadMonitorOptions) => make(options)

  static readonly layer = (options: LoadMonitorOptions): Layer.Layer<LoadMonitor, InvalidClaim> =>
    Layer.effect(LoadMonitor, make(options))
}

/** (in use + what waiters ask for) / capacity. */
export const loadOf = (inUse: number, waiting: number, capacity: number): number => {
  const demand = inUse + waiting
  return capacity > 0 ? demand / capacity : demand > 0 ? Infinity : 0
}

/** A duration above zero: without one the sampler would take all the time there is. */
const positive = (field: string, input: Duration.Input) => {
  const micros = readDuration(field, input)
  if (typeof micros === "number" && micros > 0) return Effect.succeed(Duration.fromInputUnsafe(input))
  return Effect.fail(invalidClaim(field, String(input), 'a duration above zero, such as "5 seconds"'))
}

/** A monitor of its own, stopped when the scope closes. */
export const make = Effect.fnUntraced(function* (options: LoadMonitorOptions) {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const context = yield* Effect.context()
  const interval = yield* positive("loadInterval", options.interval ?? "5 seconds")
  const callbackTimeout = yield* positive("callbackTimeout", options.callbackTimeout ?? "5 seconds")
  const published = yield* Effect.acquireRelease(PubSub.sliding<LoadSample>(16), PubSub.shutdown)
  const mailboxes = new Set<Queue.Queue<LoadSample>>()
  const changedAt = new Map<string, bigint>()
  let running: Fiber.Fiber<unknown> | undefined

  const scale = (pool: PoolLoad) => {
    if (options.policy === undefined || options.setCapacity === undefined) return
    if (pool.maxCapacity === pool.capacity && pool.minCapacity >= pool.capacity) return
    const now = clock.monotonicTimeNanosUnsafe()
    const last = changedAt.get(pool.resourceType)
    const since = last === undefined ? Infinity : Number((now - last) / 1_000n)
    const decided = options.policy.capacity(pool, since)
    if (!isAmount(decided)) throw new Error(`the scaling policy decided on a capacity of ${String(decided)}`)
    const capacity = Math.min(pool.maxCapacity, Math.max(pool.minCapacity, decided))
    if (capacity === pool.capacity) return
    changedAt.set(pool.resourceType, now)
    options.setCapacity(pool.resourceType, capacity)
  }

  const sample = Effect.gen(function* () {
    const taken: LoadSample = { takenAt: clock.currentTimeMillisUnsafe(), pools: options.source() }
    if (options.beforeTold !== undefined) yield* options.beforeTold
    // Not the unsafe form: that drops the newest sample while any reader is behind.
    yield* PubSub.publish(published, taken)
    for (const mailbox of mailboxes) Queue.offerUnsafe(mailbox, taken)
    for (const pool of taken.pools) {
      yield* Effect.catchCause(
        Effect.sync(() => scale(pool)),
        (cause) => Effect.logWarning(`${pool.resourceType} was not scaled`, cause)
      )
    }
    return taken
  })

  const sampler = Effect.delay(sample, interval).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterrupts(cause) ? Effect.failCause(cause) : Effect.logWarning("the load was not sampled", cause)
    ),
    Effect.forever
  )

  const start = Effect.sync(() => {
    // In one step: two that start it at once must not start two samplers.
    running ??= Fiber.runIn(Effect.runForkWith(context)(sampler), scope)
  })

  const stop = Effect.suspend(() => {
    const fiber = running
    running = undefined
    return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
  })

  const onLoad = (callback: LoadCallback) =>
    Effect.gen(function* () {
      const mailbox = yield* Queue.sliding<LoadSample>(1)
      const once = Effect.flatMap(Queue.take(mailbox), (taken) =>
        Effect.suspend(() => callback(taken)).pipe(
          Effect.timeoutOption(callbackTimeout),
          Effect.flatMap((ended) =>
            Option.isSome(ended) ? Effect.void : Effect.logWarning("a load callback took too long and was interrupted")
          ),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logWarning("a load callback failed", cause)
          )
        )
      )
      // Detached, and not waited for at the end: one that cannot be interrupted
      // must not keep the scope from closing. It outlives the body that it is
      // registered in, so what it claims is inside of no lease there.
      const fiber = yield* Effect.forkDetach(detached(Effect.forever(once)))
      mailboxes.add(mailbox)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          mailboxes.delete(mailbox)
          fiber.interruptUnsafe()
        })
      )
      yield* start
    }).pipe(Effect.uninterruptible)

  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => mailboxes.clear())
  )
  if (options.policy !== undefined) yield* start

  return LoadMonitor.of({
    sample,
    samples: Stream.unwrap(Effect.as(start, Stream.fromPubSub(published))),
    onLoad,
    start,
    stop
  })
})
