/** The manager of a daemon, as the service that programs know. */
import type { WaitOptions } from "@resource-manager/core/Claim"
import type { Claim } from "@resource-manager/core/Claim"
import * as Errors from "@resource-manager/core/Errors"
import { detached } from "@resource-manager/core/Lease"
import type { LoadCallback, LoadSample } from "@resource-manager/core/LoadMonitor"
import type { RateConfig } from "@resource-manager/core/PoolConfig"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as QuotaTree from "@resource-manager/core/QuotaTree"
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Rate } from "../Protocol.ts"
import type { ClientClaims } from "./clientClaims.ts"
import { waitFields } from "./claimPayload.ts"
import { claimTrouble, isTrouble, questionTrouble, type Trouble } from "./clientErrors.ts"
import * as ClientLease from "./clientLease.ts"
import { type CallFailure, type DaemonRpc, isLinkError, type Link } from "./link.ts"
import { typeFacts } from "./typeFacts.ts"

/** How long one call of a load callback may take. */
const callbackTimeout = "5 seconds"

/** Trouble of a call whose errors have no place for it, as the one that says what to mend. */
const steering = <A, E extends { readonly _tag: string }, E2>(
  effect: Effect.Effect<A, E | Trouble>,
  errorOf: (trouble: Trouble) => E2
): Effect.Effect<A, Exclude<E, Trouble> | E2> =>
  Effect.catch(effect, (error): Effect.Effect<A, Exclude<E, Trouble> | E2> =>
    isTrouble(error) ? Effect.fail(errorOf(error)) : Effect.fail(error as Exclude<E, Trouble>)
  )

const invalid = (trouble: Trouble): Errors.InvalidClaim => {
  const error = claimTrouble(trouble)
  return error._tag === "InvalidClaim"
    ? error
    : new Errors.InvalidClaim({ message: trouble.message, field: "session", value: trouble._tag, allowed: "" })
}

const invalidCapacity = (resourceType: string) => (trouble: Trouble) =>
  new Errors.InvalidCapacity({
    message: trouble.message,
    resourceType,
    field: "token",
    value: trouble._tag,
    allowed: "an administrator's"
  })

const invalidRate = (resourceType: string) => (trouble: Trouble) =>
  new Errors.InvalidRate({
    message: trouble.message,
    resourceType,
    field: "token",
    value: trouble._tag,
    allowed: "an administrator's"
  })

const invalidGroup = (group: string) => (trouble: Trouble) =>
  new Errors.InvalidGroup({
    message: trouble.message,
    group,
    field: "token",
    value: trouble._tag,
    allowed: "an administrator's"
  })

/** A duration as the wire has it. The manager checks it. */
const spanOf = (input: Duration.Input): number | string =>
  typeof input === "number" || typeof input === "string"
    ? input
    : Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })

const rateOf = ({ interval, ...rate }: RateConfig): Rate =>
  interval === undefined
    ? rate
    : {
        ...rate,
        interval: spanOf(interval)
      }

export const make = (link: Link, claims: ClientClaims): ResourceManager["Service"] => {
  /** What measures the types that this program registered: effects do not cross. */
  const measures = new Map<string, Effect.Effect<number>>()

  const question = <A, E>(
    make: (rpc: DaemonRpc) => Effect.Effect<A, E>
  ): Effect.Effect<A, Exclude<CallFailure<E>, Trouble>> => questionTrouble(link.call(make))

  const loadEvents = Stream.unwrap(
    Effect.map(
      Effect.orDie(link.ready),
      // Over again on the next connection.
      (rpc) => Stream.catch(rpc.LoadSamples(), (error) => (isLinkError(error) ? Stream.empty : Stream.die(error)))
    )
  ).pipe(Stream.forever)

  const samples = Stream.flatMap(loadEvents, (event) =>
    event._tag === "Sample" ? Stream.succeed(event.sample) : Stream.empty
  )

  const onLoad = (callback: LoadCallback) =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const once = (sample: LoadSample) =>
        Effect.suspend(() => callback(sample)).pipe(
          Effect.timeoutOption(callbackTimeout),
          Effect.flatMap((ended) =>
            Option.isSome(ended) ? Effect.void : Effect.logWarning("a load callback took too long and was interrupted")
          ),
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logWarning("a load callback failed", cause)
          )
        )
      // Each has a mailbox of one: a newer sample replaces an unread one.
      const heard = Stream.tap(loadEvents, () => Deferred.succeed(begun, undefined)).pipe(
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.runForEach((event) => (event._tag === "Sample" ? once(event.sample) : Effect.void))
      )
      const fiber = yield* Effect.forkDetach(detached(heard))
      yield* Effect.addFinalizer(() => Effect.sync(() => fiber.interruptUnsafe()))
      yield* Deferred.await(begun)
    })

  const withLease =
    (agent: string, claim: Claim, options?: WaitOptions) =>
    <A, E, R>(body: Effect.Effect<A, E, R>) =>
      claims.withLease(agent, claim, options, body)

  /** One that does not wait: `unavailable` is no failure but the answer. */
  const attempt = <A, R>(granting: Effect.Effect<A, Errors.ClaimError, R>) =>
    Effect.catchIf(
      Effect.asSome(granting),
      (error) => error._tag === "ResourceExhausted" && error.reason === "unavailable",
      () => Effect.succeedNone
    )

  const types = Effect.map(
    question((rpc) => rpc.Types()),
    (all) => all.map(({ name, unit, unitOne }) => ResourceType.make(name, { unit, unitOne }))
  )

  return {
    // The overloads differ only in whether an expiry can interrupt the body.
    withLease: withLease as ResourceManager["Service"]["withLease"],
    lease: (agent, claim, options) =>
      claims.granted(agent, claim, options, undefined, (held) => ClientLease.hold(claims, held)),
    tryLease: (agent, claim, options) =>
      attempt(claims.granted(agent, claim, options, { wait: false }, (held) => ClientLease.hold(claims, held))),
    acquire: (agent, claim, options) => claims.granted(agent, claim, options, { manual: true }, () => Effect.void),
    tryAcquire: (agent, claim) =>
      Effect.map(
        attempt(claims.granted(agent, claim, undefined, { manual: true, wait: false }, () => Effect.void)),
        Option.isSome
      ),
    release: (agent, claim) =>
      steering(
        claims.command((rpc, ids) => rpc.ReleaseManual({ ...ids, agent, claim })),
        invalid
      ),
    check: (agent, claim, options) =>
      question((rpc) =>
        rpc.Check({
          agent,
          claim,
          ...waitFields(options),
          ...(options?.expiresAfter === undefined ? {} : { expiresAfter: spanOf(options.expiresAfter) })
        })
      ),
    setQuota: (agent, type, quota) =>
      steering(
        claims.command((rpc, ids) => rpc.SetQuota({ ...ids, agent, type, quota })),
        invalid
      ),
    removeQuota: (agent, type) =>
      steering(
        claims.command((rpc, ids) => rpc.RemoveQuota({ ...ids, agent, type })),
        invalid
      ),
    setAgent: (agent, { priority, weight }) =>
      steering(
        claims.command((rpc, ids) =>
          rpc.SetAgent({
            ...ids,
            agent,
            ...(weight === undefined ? {} : { weight }),
            ...(priority === undefined ? {} : { priority })
          })
        ),
        invalid
      ),
    setGroup: (group, options = {}) =>
      steering(
        claims.command((rpc, ids) => rpc.SetGroup({ ...ids, group, options: QuotaTree.toInput(options, spanOf) })),
        invalidGroup(group)
      ),
    removeGroup: (group) =>
      steering(
        claims.command((rpc, ids) => rpc.RemoveGroup({ ...ids, group })),
        invalidGroup(group)
      ),
    assign: (agent, { group, onQuota } = {}) =>
      steering(
        claims.command((rpc, ids) =>
          rpc.Assign({
            ...ids,
            agent,
            ...(group === undefined ? {} : { group }),
            ...(onQuota === undefined ? {} : { onQuota })
          })
        ),
        invalidGroup(group ?? "")
      ),
    groups: question((rpc) => rpc.Groups()),
    reserve: (options) =>
      steering(
        claims.command((rpc, ids) =>
          rpc.Reserve({
            ...ids,
            for: options.for,
            claim: options.claim,
            ...(options.startsIn === undefined ? {} : { startsIn: spanOf(options.startsIn) }),
            ...(options.lasts === undefined ? {} : { lasts: spanOf(options.lasts) }),
            ...(options.note === undefined ? {} : { note: options.note })
          })
        ),
        invalid
      ),
    endReservation: (id, reason) =>
      questionTrouble(
        claims.command((rpc, ids) => rpc.EndReservation({ ...ids, id, ...(reason === undefined ? {} : { reason }) }))
      ),
    reservations: question((rpc) => rpc.Reservations()),
    quota: (agent, type) =>
      Effect.map(
        question((rpc) => rpc.Quota({ agent, type })),
        Option.fromNullOr
      ),
    setCapacity: (type, capacity, options) =>
      steering(
        claims.command((rpc, ids) =>
          rpc.SetCapacity({
            ...ids,
            type,
            capacity,
            ...(options?.max === undefined ? {} : { max: options.max }),
            ...(options?.note === undefined ? {} : { note: options.note })
          })
        ),
        invalidCapacity(type)
      ),
    setRate: (type, rate) =>
      steering(
        claims.command((rpc, ids) => rpc.SetRate({ ...ids, type, rate: rate === undefined ? null : rateOf(rate) })),
        invalidRate(type)
      ),
    usage: (agent) => question((rpc) => rpc.Usage({ agent })),
    poolUsage: (type) =>
      Effect.map(
        question((rpc) => rpc.Pool({ type })),
        (pool) => pool.usagePercent
      ),
    poolStatistics: (type) => question((rpc) => rpc.Pool({ type })),
    agentStatistics: (agent) => question((rpc) => rpc.Agent({ agent })),
    pools: question((rpc) => rpc.Pools()),
    agents: question((rpc) => rpc.Agents()),
    leases: question((rpc) => rpc.Leases()),
    waiters: question((rpc) => rpc.Waiters()),
    explain: (agent) => question((rpc) => rpc.Explain({ agent })),
    loadSamples: samples,
    onLoad,
    sampleLoad: question((rpc) => rpc.SampleLoad()),
    register: (owner, type, { measure, rate, capacity, max, min }) =>
      steering(
        claims.command((rpc, ids) =>
          rpc.Register({
            ...ids,
            owner,
            type: typeFacts(type),
            pool: {
              capacity,
              ...(min === undefined ? {} : { min }),
              ...(max === undefined ? {} : { max }),
              ...(rate === undefined ? {} : { rate: rateOf(rate) })
            }
          })
        ),
        invalidCapacity(type.name)
      ).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            if (measure !== undefined) measures.set(type.name, measure)
          })
        )
      ),
    types,
    measure: (type) => {
      const own = measures.get(type)
      return own === undefined
        ? Effect.map(
            question((rpc) => rpc.Measure({ type })),
            Option.fromNullOr
          )
        : Effect.asSome(own)
    },
    stop: question((rpc) => rpc.Stop())
  }
}
