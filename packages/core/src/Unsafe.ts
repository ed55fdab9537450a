/** The manager for plain Node programs without Effect: promises, `AbortSignal`, `await using`. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { CheckOptions, Claim, WaitOptions } from "./Claim.ts"
import type { ClaimError, LeaseRevoked } from "./Errors.ts"
import type { Lease } from "./Lease.ts"
import type { CapacityOptions } from "./PoolConfig.ts"
import { ResourceManager, type ResourceManagerOptions } from "./ResourceManager.ts"
import type { Check, PoolStatistics, WaiterView } from "./Statistics.ts"

export interface UnsafeOptions extends WaitOptions {
  /** Ends the wait, and aborts the body, when aborted. */
  readonly signal?: AbortSignal
}

/** A lease to `await using`, or to release by hand. */
export interface UnsafeLease extends AsyncDisposable {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  readonly token: number
  readonly release: () => Promise<void>
  readonly grow: (claim: Claim, options?: WaitOptions) => Promise<void>
  readonly shrink: (amounts: Claim) => Promise<void>
}

/** Promises reject with the typed errors of `@resource-manager/core/Errors`. */
export interface UnsafeManager extends AsyncDisposable {
  /**
   * Runs a body inside a lease. Its signal is aborted with the call's or when the
   * lease expires; an aborted call gives its units back once the body has settled.
   * Calls inside of calls are not known as such, so a deadlock among them is found
   * by nothing but a time-out.
   */
  readonly withLease: <A>(
    agent: string,
    claim: Claim,
    body: (signal: AbortSignal) => Promise<A> | A,
    options?: UnsafeOptions
  ) => Promise<A>
  readonly lease: (agent: string, claim: Claim, options?: UnsafeOptions) => Promise<UnsafeLease>
  /** `undefined` where it would have to wait. */
  readonly tryLease: (agent: string, claim: Claim) => Promise<UnsafeLease | undefined>
  readonly check: (agent: string, claim: Claim, options?: CheckOptions) => Promise<Check>
  readonly setQuota: (agent: string, resourceType: string, quota: number) => Promise<void>
  readonly setCapacity: (resourceType: string, capacity: number, options?: CapacityOptions) => Promise<void>
  readonly usage: (agent: string) => Promise<Claim>
  readonly poolStatistics: (resourceType: string) => Promise<PoolStatistics>
  readonly explain: (agent: string) => Promise<ReadonlyArray<WaiterView>>
  /** Fails waiters, lets leases drain for the grace period, then takes them back. */
  readonly stop: () => Promise<void>
}

const ignore = () => undefined

/** A manager that runs until `stop`. A wrong configuration rejects the first call. */
export const makeUnsafe = (options: ResourceManagerOptions = {}): UnsafeManager =>
  fromLayerUnsafe(ResourceManager.layer(options))

/** The same over any layer of the manager: plugins included, or another home. */
export const fromLayerUnsafe = <E>(layer: Layer.Layer<ResourceManager, E>): UnsafeManager => {
  const scope = Scope.makeUnsafe()
  let built: Promise<Context.Context<ResourceManager>> | undefined
  let stopped: Promise<void> | undefined
  const services = () => (built ??= Effect.runPromise(Layer.buildWithScope(layer, scope)))

  /** As everywhere in Node, a call that its signal ends rejects with the signal's reason. */
  const run = async <A, E2>(
    use: (manager: ResourceManager["Service"]) => Effect.Effect<A, E2>,
    signal?: AbortSignal
  ): Promise<A> => {
    const context = await services()
    // An effect runs until it first waits before its signal is looked at.
    signal?.throwIfAborted()
    const exit = await Effect.runPromiseExitWith(context)(
      Effect.flatMap(ResourceManager, use),
      signal === undefined ? {} : { signal }
    )
    if (Exit.isSuccess(exit)) return exit.value
    if (Cause.hasInterruptsOnly(exit.cause)) signal?.throwIfAborted()
    throw Cause.squash(exit.cause)
  }

  /**
   * The scope is the lease's own: `release` closes it. Closed as well where nobody
   * receives the lease, because the signal struck between the grant and the answer.
   */
  const own = async <A, E2>(
    acquire: (manager: ResourceManager["Service"]) => Effect.Effect<A, E2, Scope.Scope>,
    signal?: AbortSignal
  ): Promise<A> => {
    const lifetime = Scope.makeUnsafe()
    try {
      return await run((manager) => Scope.provide(acquire(manager), lifetime), signal)
    } catch (error) {
      await Effect.runPromise(Scope.close(lifetime, Exit.void))
      throw error
    }
  }

  const wrap = (lease: Lease): UnsafeLease => {
    const release = () => Effect.runPromise(lease.release)
    return {
      id: lease.id,
      agent: lease.agent,
      get claim() {
        return lease.claim
      },
      token: lease.token,
      release,
      grow: (claim, wait) => Effect.runPromise(lease.grow(claim, wait)),
      shrink: (amounts) => Effect.runPromise(lease.shrink(amounts)),
      [Symbol.asyncDispose]: release
    }
  }

  // Closing the scope is the manager's own stop: nobody is interrupted, leases have their grace period.
  const stop = () => (stopped ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  return {
    withLease: <A>(
      agent: string,
      claim: Claim,
      body: (signal: AbortSignal) => Promise<A> | A,
      { expiresAfter, signal, timeout }: UnsafeOptions = {}
    ) => {
      const work = Effect.suspend(() => {
        const controller = new AbortController()
        let running: Promise<unknown> = Promise.resolve()
        return Effect.onInterrupt(
          Effect.promise(() => {
            const promise = (async () => body(controller.signal))()
            running = promise
            return promise
          }),
          () => {
            controller.abort(signal?.reason)
            // A promise cannot be interrupted: its units come back when it has settled.
            // Those of an expired lease are back already, so nobody waits for that.
            return signal?.aborted === true ? Effect.promise(() => running.then(ignore, ignore)) : Effect.void
          }
        )
      })
      return run<A, ClaimError | LeaseRevoked>(
        (manager) =>
          expiresAfter === undefined
            ? manager.withLease(agent, claim, { timeout })(work)
            : manager.withLease(agent, claim, { timeout, expiresAfter })(work),
        signal
      )
    },
    lease: (agent, claim, { signal, ...wait } = {}) =>
      own((manager) => Effect.map(manager.lease(agent, claim, wait), wrap), signal),
    tryLease: (agent, claim) =>
      own((manager) =>
        Effect.map(manager.tryLease(agent, claim), (lease) => Option.getOrUndefined(Option.map(lease, wrap)))
      ),
    check: (agent, claim, options) => run((manager) => manager.check(agent, claim, options)),
    setQuota: (agent, resourceType, quota) => run((manager) => manager.setQuota(agent, resourceType, quota)),
    setCapacity: (resourceType, capacity, options) =>
      run((manager) => manager.setCapacity(resourceType, capacity, options)),
    usage: (agent) => run((manager) => manager.usage(agent)),
    poolStatistics: (resourceType) => run((manager) => manager.poolStatistics(resourceType)),
    explain: (agent) => run((manager) => manager.explain(agent)),
    stop,
    [Symbol.asyncDispose]: stop
  }
}
