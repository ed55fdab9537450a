/** What holders of leases report, and the limits that it is for. */
import { InvalidClaim, type LeaseRevoked } from "@resource-manager/core/Errors"
import type { Ticket } from "@resource-manager/core/LeaseTable"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import { ForeignLease, LeaseUnknown, LimitRefused, LimitUnknown, NotAllowed } from "../Errors.ts"
import type { LeaseReports, ReportedLimit } from "../LeaseReports.ts"
import type * as Protocol from "../Protocol.ts"
import type { Claims } from "./claims.ts"
import type { LeaseKeys } from "./leaseKeys.ts"
import type { Peer, SessionHost } from "./sessionHost.ts"

export interface ReportOptions {
  readonly manager: ResourceManager["Service"]
  readonly host: SessionHost
  readonly claims: Claims
  readonly keys: LeaseKeys
  /** Where the home has limits that adapt. */
  readonly reports: LeaseReports["Service"] | undefined
}

type Payload<R extends Rpc.Any> = Rpc.Payload<R>
type Failure<R extends Rpc.Any> = Rpc.Error<R>
type PlanFailure = Failure<typeof Protocol.PlanCall>

const isUnder = ({ covers }: ReportedLimit, { claim }: Ticket): boolean => Object.keys(claim).some(covers)

const listed = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? "the daemon has none: its settings name them" : `there are ${names.join(", ")}`

export const make = ({ claims, host, keys, manager, reports }: ReportOptions) => {
  const limits = () => reports?.limits() ?? []
  const names = () => limits().map(({ name }) => name)

  const unknownLimit = (limit: string | undefined, what: string) =>
    new LimitUnknown({ limit, known: names(), message: `${what}; ${listed(names())}` })

  const named = (name: string): Effect.Effect<ReportedLimit, LimitUnknown> =>
    Effect.suspend(() => {
      const limit = limits().find((each) => each.name === name)
      return limit === undefined
        ? Effect.fail(unknownLimit(name, `no limit that adapts is called ${JSON.stringify(name)}`))
        : Effect.succeed(limit)
    })

  /** A held lease that the caller is inside of, or may act for. */
  const leaseOf = (
    peer: Peer,
    lease: number | string
  ): Effect.Effect<Ticket, ForeignLease | LeaseUnknown | Protocol.CallError> =>
    Effect.suspend((): Effect.Effect<Ticket, ForeignLease | LeaseUnknown | Protocol.CallError> => {
      const id = typeof lease === "number" ? lease : keys.verify(lease)
      if (id === undefined) {
        return Effect.fail(
          new ForeignLease({
            lease: Number.parseInt(String(lease), 10) || 0,
            message: "the key in RESOURCE_MANAGER_LEASE is not this daemon's: connect to the daemon that gave it"
          })
        )
      }
      const ticket = host.table.ticket(id)
      if (ticket?.status !== "held") {
        return Effect.fail(
          new LeaseUnknown({ lease: id, message: `there is no lease ${id}: it has come back, or never was` })
        )
      }
      const denied = typeof lease === "number" ? host.mayActAs(peer, ticket.agent, "a report about a lease") : undefined
      return denied === undefined ? Effect.succeed(ticket) : Effect.fail(denied)
    })

  /** Once where it has a command id; answered once it is committed. */
  const once = <A, E>(
    peer: Peer,
    { ack, command }: { readonly command?: number | undefined; readonly ack?: number | undefined },
    effect: Effect.Effect<A, E>
  ) =>
    command === undefined
      ? Effect.andThen(Effect.uninterruptible(effect), (answer) => Effect.as(host.table.committed, answer))
      : Effect.flatMap(host.sessionOf(peer), (session) => claims.once(session, { command, ack: ack ?? 0 }, effect))

  const callsOf = (ticket: Ticket) => limits().find((limit) => limit.calls !== undefined && isUnder(limit, ticket))

  /** What has a price is not settled without it. */
  const ofCall = (type: string, value: number | undefined) =>
    new InvalidClaim({
      message: `${type} is of a call of a language model: say its input and output tokens, or that it failed`,
      field: type,
      value,
      allowed: "pools of no such call"
    })

  const settled = Effect.fnUntraced(function* (
    ticket: Ticket,
    cost: Protocol.CallCost
  ): Effect.fn.Return<Omit<Protocol.SettledLease, "lease" | "agent">, InvalidClaim | LeaseRevoked | LimitUnknown> {
    const { table } = host
    const limit = callsOf(ticket)
    if (cost._tag === "Amounts") {
      const priced = limit && Object.keys(cost.actual).find(limit.covers)
      if (priced !== undefined) return yield* ofCall(priced, cost.actual[priced])
      yield* table.settle(ticket.id, cost.actual)
      return { tokens: cost.actual }
    }
    if (cost._tag === "Usage") {
      if (limit?.calls === undefined) {
        return yield* unknownLimit(undefined, `lease ${ticket.id} is of no call of a language model`)
      }
      const { costMicros, tokens } = yield* limit.calls.settle(ticket.id, cost)
      return { tokens, ...(costMicros === undefined ? {} : { costMicros }) }
    }
    // Of a type without a rate nothing was paid.
    const rated = new Set(
      (yield* manager.pools).filter(({ rate }) => rate !== undefined).map((pool) => pool.resourceType)
    )
    const types = Object.keys(ticket.claim).filter((type) => rated.has(type) && limit?.covers(type) !== true)
    const others = Object.fromEntries(types.map((type) => [type, 0]))
    yield* table.settle(ticket.id, others)
    if (limit?.calls === undefined) return { tokens: others }
    const { costMicros, tokens } = yield* limit.calls.settle(ticket.id, { input: 0, output: 0 })
    return { tokens: { ...others, ...tokens }, ...(costMicros === undefined ? {} : { costMicros }) }
  })

  const settle = (
    peer: Peer,
    payload: Payload<typeof Protocol.SettleLease>
  ): Effect.Effect<Protocol.SettledLease, Failure<typeof Protocol.SettleLease>> =>
    Effect.flatMap(
      // All of it: a retry is answered as the first time, also where the lease has come back meanwhile.
      once(
        peer,
        payload,
        Effect.flatMap(leaseOf(peer, payload.lease), (ticket) =>
          Effect.map(settled(ticket, payload.cost), (answer) => ({ lease: ticket.id, agent: ticket.agent, ...answer }))
        )
      ),
      // A daemon that was started anew knows that it was done, not what was answered.
      (answer: Protocol.SettledLease | undefined) =>
        answer === undefined
          ? Effect.map(leaseOf(peer, payload.lease), ({ agent, id }) => ({ lease: id, agent, tokens: {} }))
          : Effect.succeed(answer)
    )

  /** The limits that a report is for. */
  const addressed = Effect.fnUntraced(function* (ticket: Ticket | undefined, name: string | undefined) {
    if (name !== undefined) {
      const limit = yield* named(name)
      if (ticket !== undefined && !isUnder(limit, ticket)) {
        return yield* unknownLimit(name, `lease ${ticket.id} is not under the limit ${name}`)
      }
      return [limit]
    }
    const found = ticket === undefined ? [] : limits().filter((limit) => isUnder(limit, ticket))
    if (found.length > 0) return found
    const what =
      ticket === undefined ? "an overload is of a lease or of a limit" : `lease ${ticket.id} is under no limit`
    return yield* unknownLimit(undefined, what)
  })

  const told = (
    reported: ReadonlyArray<ReportedLimit>,
    lease: number | undefined,
    retryAfter: Duration.Duration | undefined
  ) =>
    Effect.suspend(() => {
      if (lease !== undefined) reports?.tellOverload(lease)
      return Effect.forEach(reported, ({ overload }) => overload?.({ lease, retryAfter }) ?? Effect.void, {
        discard: true
      })
    })

  const ofEverybody = (peer: Peer): Effect.Effect<void, NotAllowed> => {
    const message = "an overload without a lease is everybody's: it needs the admin token"
    return peer.rights?.admin === true
      ? Effect.void
      : Effect.fail(new NotAllowed({ action: "an overload", agent: peer.rights?.agent, message }))
  }

  /** The lease around a command need not be under the limit that it names: then the report is of no lease. */
  const concerned = (peer: Peer, lease: number | string | undefined, around: Ticket, name: string | undefined) =>
    Effect.suspend((): Effect.Effect<Ticket | undefined, NotAllowed> => {
      const limit = limits().find((each) => each.name === name)
      const isElse = typeof lease === "string" && limit !== undefined && !isUnder(limit, around)
      return isElse ? Effect.as(ofEverybody(peer), undefined) : Effect.succeed(around)
    })

  /** Takes a report in. The names of the limits that it was for. */
  const overloaded = Effect.fnUntraced(function* (
    peer: Peer,
    payload: Payload<typeof Protocol.ReportOverload>
  ): Effect.fn.Return<ReadonlyArray<string>, Failure<typeof Protocol.ReportOverload>> {
    const { lease, limit, retryAfterMillis } = payload
    if (retryAfterMillis !== undefined && !(retryAfterMillis >= 0 && retryAfterMillis < Infinity)) {
      const allowed = "milliseconds from 0"
      const message = `retryAfterMillis is ${retryAfterMillis}; allowed: ${allowed}`
      return yield* new InvalidClaim({ message, field: "retryAfterMillis", value: String(retryAfterMillis), allowed })
    }
    if (lease === undefined) yield* ofEverybody(peer)
    const around = lease === undefined ? undefined : yield* leaseOf(peer, lease)
    const ticket = around === undefined ? undefined : yield* concerned(peer, lease, around, limit)
    const reported = yield* addressed(ticket, limit)
    const deaf = reported.find((each) => each.overload === undefined)
    if (ticket === undefined && deaf !== undefined) {
      const message = `${deaf.name} learns how many at once from its leases: say of which one`
      return yield* new LimitRefused({ limit: deaf.name, until: "never", message })
    }
    const retryAfter = retryAfterMillis === undefined ? undefined : Duration.millis(retryAfterMillis)
    yield* told(reported, ticket?.id, retryAfter)
    return reported.map(({ name }) => name)
  })

  const overload = (
    peer: Peer,
    payload: Payload<typeof Protocol.ReportOverload>
  ): Effect.Effect<ReadonlyArray<Protocol.LimitState>, Failure<typeof Protocol.ReportOverload>> =>
    Effect.flatMap(
      once(peer, payload, overloaded(peer, payload)),
      // A daemon that was started anew knows that it was done, not of which limits.
      (reported: ReadonlyArray<string> | undefined) =>
        viewsFor(
          peer,
          limits().filter(({ name }) => reported?.includes(name) ?? name === payload.limit)
        )
    )

  const viewsFor = (peer: Peer, shown: ReadonlyArray<ReportedLimit>) =>
    Effect.map(
      Effect.forEach(shown, ({ view }) => view),
      (all) => all.map((state) => visible(peer, state))
    )

  /** An agent sees of budgets its own and that of all together. */
  const visible = (peer: Peer, state: Protocol.LimitState): Protocol.LimitState => {
    const only = peer.rights?.admin === true ? undefined : peer.rights?.agent
    if (only === undefined || state.budgets === undefined) return state
    const isOther = ({ agent }: { readonly agent?: string }) => agent !== undefined && agent !== only
    const others = new Set(state.budgets.filter(isOther).map(({ pool }) => pool))
    return {
      ...state,
      pools: state.pools.filter((pool) => !others.has(pool)),
      budgets: state.budgets.filter((budget) => !isOther(budget))
    }
  }

  return {
    plan: (
      peer: Peer,
      { agent, limit, ...estimate }: Payload<typeof Protocol.PlanCall>
    ): Effect.Effect<Protocol.PlannedCall, Failure<typeof Protocol.PlanCall>> => {
      const denied = host.mayActAs(peer, agent, "a call")
      if (denied !== undefined) return Effect.fail(denied)
      return Effect.flatMap(named(limit), ({ calls }): Effect.Effect<Protocol.PlannedCall, PlanFailure> =>
        calls === undefined
          ? Effect.fail(unknownLimit(limit, `${limit} is no limit of a language model`))
          : calls.plan(agent, estimate)
      )
    },
    settle,
    overload,
    limits: (peer: Peer) => Effect.suspend(() => viewsFor(peer, limits())),
    /** The command of a held lease ended: what it took is settled before the lease comes back. */
    exited: (lease: number, code: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const ticket = host.table.ticket(lease)
        const calls = ticket === undefined ? undefined : callsOf(ticket)?.calls
        if (calls === undefined) return Effect.void
        // Its caller does not wait for long, and it is not to be left half done.
        return Effect.andThen(Effect.uninterruptible(calls.ended(lease, code)), host.table.committed)
      })
  }
}

/** Whether a service is left alone for now. */
export const isPaused = (reports: LeaseReports["Service"] | undefined): Effect.Effect<boolean> =>
  Effect.map(
    Effect.forEach(reports?.limits() ?? [], ({ view }) => view),
    (states) => states.some(({ rate }) => rate !== undefined && rate.pausedMillis > 0)
  )

export type Reports = ReturnType<typeof make>
