/** The calls of the protocol, each given to the part that answers it. */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { ForeignLease, LeaseUnknown, NotAllowed } from "../Errors.ts"
import type { LeaseExits } from "../LeaseExits.ts"
import type { Limits } from "../Limits.ts"
import { type CommandTarget, markerVariable } from "../process/Identity.ts"
import { type DaemonEvent, DaemonRpcs, type LoadEvent } from "../Protocol.ts"
import type { Administration } from "./administration.ts"
import type { Claims } from "./claims.ts"
import type { DeadlockLog } from "./deadlockLog.ts"
import type { Introductions } from "./introductions.ts"
import type { LeaseKeys } from "./leaseKeys.ts"
import type { Questions } from "./questions.ts"
import type { Reports } from "./reports.ts"
import { noticedOf, type Peer, type RevocationEvent, type SessionHost } from "./sessionHost.ts"
import { counted, subscribed } from "./streams.ts"

export interface HandlerOptions {
  readonly peers: ReadonlyMap<number, Peer>
  readonly host: SessionHost
  readonly claims: Claims
  readonly questions: Questions
  readonly administration: Administration
  readonly introductions: Introductions
  readonly reports: Reports
  readonly deadlocks: DeadlockLog
  readonly keys: LeaseKeys
  readonly limits: Limits
  readonly manager: ResourceManager["Service"]
  readonly table: LeaseTable["Service"]
  /** Where somebody learns from how commands ended. */
  readonly exits: LeaseExits["Service"] | undefined
}

interface Call {
  readonly client: { readonly id: number }
}

const stranger = (action: string) =>
  new NotAllowed({ action, agent: undefined, message: "a connection begins with Hello: who are you?" })

/** How many events a slow reader is behind at most: the table counts what it drops. */
const eventsMax = 1_024

/** An event as JSON has it: what there is not, or is without end, is an absent key. */
const plainEvent = (event: object): DaemonEvent["event"] =>
  // What was an object with a tag still is one.
  JSON.parse(
    JSON.stringify(event, (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? undefined : value
    )
  )

export const make = (options: HandlerOptions) => {
  const { administration, claims, host, introductions, limits, peers, questions, reports, table } = options

  /** Whoever has introduced itself. */
  const known = <A, E, R>(
    call: Call,
    use: (peer: Peer) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | NotAllowed, R> => {
    const peer = peers.get(call.client.id)
    return peer?.rights === undefined ? Effect.fail(stranger("a call")) : use(peer)
  }

  const revocations = (peer: Peer) =>
    Effect.gen(function* () {
      const session = yield* host.sessionOf(peer)
      yield* counted(peer, limits.streamsPerConnection)
      const queue = yield* Queue.sliding<RevocationEvent>(limits.leasesPerSession)
      peer.revocations = queue
      yield* Queue.offer(queue, { _tag: "Started" })
      for (const returned of session.returned) yield* Queue.offer(queue, { _tag: "Returned", ...returned })
      // What it was told while it was away.
      for (const lease of session.tickets) {
        const notice = table.notice(lease)
        if (notice !== undefined) yield* Queue.offer(queue, noticedOf(lease, notice))
      }
      return queue
    })

  /** A lease that the caller's session holds. */
  const ownLease = (peer: Peer, lease: number) =>
    Effect.flatMap(host.sessionOf(peer), (session): Effect.Effect<void, ForeignLease | LeaseUnknown> => {
      if (table.ticket(lease)?.status !== "held" || host.supervisor.isEnding(lease)) {
        return Effect.fail(new LeaseUnknown({ lease, message: `there is no lease ${lease}: it has come back` }))
      }
      return session.tickets.has(lease)
        ? Effect.void
        : Effect.fail(new ForeignLease({ lease, message: `lease ${lease} is not of this session` }))
    })

  /** Whoever may see what is of all agents. */
  const overseer = (peer: Peer, action: string): Effect.Effect<void, NotAllowed> =>
    peer.rights?.admin === true
      ? Effect.void
      : Effect.fail(
          new NotAllowed({
            action,
            agent: peer.rights?.agent,
            message: `the ${action} are of all agents: they need the admin token`
          })
        )

  /** A process that a lease's holder says is its own is ended with the lease: an agent's token has to prove it. */
  const ownProcess = (peer: Peer, lease: number, target: CommandTarget): Effect.Effect<void, NotAllowed> =>
    peer.rights?.admin === true
      ? Effect.void
      : Effect.flatMap(host.supervisor.isOwn(target, options.keys.of(lease)), (isOwn) =>
          isOwn
            ? Effect.void
            : Effect.fail(
                new NotAllowed({
                  action: "binding a process",
                  agent: peer.rights?.agent,
                  message: `process ${target.root.pid} was not started under lease ${lease}: an agent's token binds only what has the lease's key in ${markerVariable}, with a process group of its own or none`
                })
              )
        )

  const events = (peer: Peer) =>
    Effect.gen(function* () {
      yield* overseer(peer, "events")
      yield* counted(peer, limits.streamsPerConnection)
      return yield* subscribed(table.events, eventsMax, [], (event): DaemonEvent => ({
        time: Date.now(),
        event: plainEvent(event)
      }))
    })

  return DaemonRpcs.of({
    Hello: (payload, call) => {
      const peer = peers.get(call.client.id)
      return peer === undefined ? Effect.interrupt : introductions.hello(peer, payload)
    },
    Ping: () => Effect.void,
    Status: (_, call) => known(call, () => questions.Status),

    OpenSession: (payload, call) => known(call, (peer) => introductions.openSession(peer, payload)),
    CloseSession: (_, call) =>
      known(call, (peer) =>
        Effect.flatMap(host.sessionOf(peer), (session) => Effect.andThen(host.end(session), table.committed))
      ),
    Heartbeat: ({ ack }, call) =>
      known(call, (peer) => Effect.map(host.sessionOf(peer), (session) => host.sessions.acknowledge(session, ack))),
    Revocations: (_, call) => known(call, revocations),

    Claim: (payload, call) =>
      known(call, (peer) =>
        Effect.tapError(claims.claim(peer, payload), (error) =>
          error._tag === "DeadlockDetected" ? Effect.sync(() => options.deadlocks.add(error)) : Effect.void
        )
      ),
    Grow: (payload, call) => known(call, (peer) => claims.grow(peer, payload)),
    Shrink: (payload, call) => known(call, (peer) => claims.shrink(peer, payload)),
    Settle: (payload, call) => known(call, (peer) => claims.settle(peer, payload)),
    Release: ({ lease }, call) => known(call, (peer) => claims.release(peer, lease)),
    ReleaseManual: (payload, call) => known(call, (peer) => claims.releaseManual(peer, payload)),
    Cancel: (payload, call) => known(call, (peer) => claims.cancel(peer, payload)),

    BindProcess: ({ lease, target }, call) =>
      known(call, (peer) =>
        ownLease(peer, lease).pipe(
          Effect.andThen(ownProcess(peer, lease, target)),
          Effect.andThen(host.supervisor.bind(lease, target))
        )
      ),
    ReportExit: ({ code, lease }, call) =>
      known(call, (peer) =>
        Effect.flatMap(ownLease(peer, lease), () => {
          options.exits?.tell(lease, code)
          return reports.exited(lease, code)
        })
      ),
    LeaseKey: ({ lease }, call) => known(call, (peer) => Effect.as(ownLease(peer, lease), options.keys.of(lease))),

    PlanCall: (payload, call) => known(call, (peer) => reports.plan(peer, payload)),
    SettleLease: (payload, call) => known(call, (peer) => reports.settle(peer, payload)),
    ReportOverload: (payload, call) => known(call, (peer) => reports.overload(peer, payload)),
    Limits: (_, call) => known(call, reports.limits),

    Check: (payload, call) => known(call, (peer) => questions.Check(peer, payload)),
    Groups: (_, call) => known(call, (peer) => questions.Groups(peer)),
    Quota: ({ agent, type }, call) => known(call, (peer) => questions.Quota(peer, agent, type)),
    Usage: ({ agent }, call) => known(call, (peer) => questions.Usage(peer, agent)),
    Pool: ({ type }, call) => known(call, () => questions.Pool(type)),
    Pools: (_, call) => known(call, () => questions.Pools),
    Agent: ({ agent }, call) => known(call, (peer) => questions.Agent(peer, agent)),
    Agents: (_, call) => known(call, questions.Agents),
    Leases: (_, call) => known(call, questions.Leases),
    Waiters: (_, call) => known(call, questions.Waiters),
    WaitersPage: ({ limit }, call) => known(call, (peer) => questions.WaitersPage(peer, limit)),
    Explain: ({ agent }, call) => known(call, (peer) => questions.Explain(peer, agent)),
    Types: (_, call) => known(call, () => questions.Types),
    Measure: ({ type }, call) => known(call, () => questions.Measure(type)),
    Overview: (_, call) => known(call, questions.Overview),
    Deadlocks: (_, call) => known(call, (peer) => Effect.andThen(overseer(peer, "deadlocks"), questions.Deadlocks)),
    SampleLoad: (_, call) => known(call, () => questions.SampleLoad),
    LoadSamples: (_, call) =>
      known(call, (peer) =>
        Effect.andThen(
          counted(peer, limits.streamsPerConnection),
          subscribed(options.manager.loadSamples, 16, [{ _tag: "Started" }], (sample): LoadEvent => ({
            _tag: "Sample",
            sample
          }))
        )
      ),
    Events: (_, call) => known(call, events),

    SetAgent: (payload, call) => known(call, (peer) => administration.SetAgent(peer, payload)),
    Reservations: (_, call) => known(call, () => questions.Reservations),
    Reserve: (payload, call) => known(call, (peer) => administration.Reserve(peer, payload)),
    EndReservation: (payload, call) => known(call, (peer) => administration.EndReservation(peer, payload)),
    SetGroup: (payload, call) => known(call, (peer) => administration.SetGroup(peer, payload)),
    RemoveGroup: (payload, call) => known(call, (peer) => administration.RemoveGroup(peer, payload)),
    Assign: (payload, call) => known(call, (peer) => administration.Assign(peer, payload)),
    SetQuota: (payload, call) => known(call, (peer) => administration.SetQuota(peer, payload)),
    RemoveQuota: (payload, call) => known(call, (peer) => administration.RemoveQuota(peer, payload)),
    SetCapacity: (payload, call) => known(call, (peer) => administration.SetCapacity(peer, payload)),
    SetRate: (payload, call) => known(call, (peer) => administration.SetRate(peer, payload)),
    Register: (payload, call) => known(call, (peer) => administration.Register(peer, payload)),
    RevokeLease: ({ lease }, call) => known(call, (peer) => administration.RevokeLease(peer, lease)),
    Stop: (_, call) => known(call, administration.Stop),
    Shutdown: (_, call) => known(call, administration.Shutdown)
  })
}
