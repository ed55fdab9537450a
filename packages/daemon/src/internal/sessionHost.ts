/**
 * Sessions at their edge: the clock, the journal, the connections that they are on,
 * and the leases that come back when one ends.
 */
import type { LeaseNotice, LeaseTable, ReturnReason } from "@resource-manager/core/LeaseTable"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import { randomBytes } from "node:crypto"
import {
  CommandCancelled,
  CommandForgotten,
  LimitExceeded,
  type LimitName,
  NotAllowed,
  SessionUnknown
} from "../Errors.ts"
import { sameProcess } from "../process/Identity.ts"
import type { Service as ProcessTable } from "../process/ProcessTable.ts"
import type { TerminateOptions } from "../process/Terminator.ts"
import type { CallError, NoticedLease, Rights } from "../Protocol.ts"
import {
  type Command,
  type LimitReached,
  type ReturnedLease,
  type Session,
  type SessionFacts,
  type SessionRefusal,
  Sessions,
  type SessionsOptions
} from "../Sessions.ts"
import * as Records from "./records.ts"
import type { Connection } from "./serverTransport.ts"
import { Supervisor } from "./supervisor.ts"
import { timerMillis } from "./timers.ts"

/** What a command was answered: typed by the call that asks. */
export type Answer = Exit.Exit<unknown, unknown>

export type DaemonSession = Session<Answer>
export type DaemonCommand = Command<Answer>

export type RevocationEvent =
  | { readonly _tag: "Started" }
  | ({ readonly _tag: "Returned" } & ReturnedLease)
  | ({ readonly _tag: "Noticed" } & NoticedLease)

/** A notice as it goes to a client. */
export const noticedOf = (lease: number, { cause, leftMillis, phase, reservation }: LeaseNotice): RevocationEvent => ({
  _tag: "Noticed",
  lease,
  phase,
  leftMillis,
  ...(cause === undefined ? {} : { cause }),
  ...(reservation === undefined ? {} : { reservation })
})

/** One client: its connection, what it may do, and the session that is on it. */
export interface Peer {
  readonly connection: Connection
  rights: Rights | undefined
  session: DaemonSession | undefined
  streams: number
  /** Where its session's revocations go. */
  revocations: Queue.Queue<RevocationEvent> | undefined
}

const now = (): number => performance.now()

export const limitExceeded = (limit: LimitName, value: number, max: number, of: string): LimitExceeded =>
  new LimitExceeded({ limit, value, max, message: `${of} has ${value} ${nouns[limit]}, at most ${max}` })

const nouns: Readonly<Record<LimitName, string>> = {
  connections: "connections",
  sessions: "sessions",
  commands: "commands without an acknowledged answer",
  leases: "leases held or waited for",
  streams: "streams",
  messageBytes: "bytes in a message",
  registrations: "pools that clients registered"
}

export const limitReached = ({ limit, max, value }: LimitReached, of: string): LimitExceeded =>
  limitExceeded(limit, value, max, of)

export const refusalError = (
  refusal: SessionRefusal,
  name: string
): LimitExceeded | NotAllowed | CommandForgotten | CommandCancelled => {
  switch (refusal._tag) {
    case "Invalid":
      return new NotAllowed({
        action: "a command",
        agent: undefined,
        message: `${refusal.value} is no number of a command, nor of an acknowledgement: they are whole numbers from 0 to ${Number.MAX_SAFE_INTEGER}`
      })
    case "Limit":
      return limitReached(refusal, name)
    case "Forgotten":
      return new CommandForgotten({
        command: refusal.command,
        acknowledged: refusal.acknowledged,
        message: `command ${refusal.command} is not run again: all answers below ${refusal.acknowledged} were acknowledged`
      })
    case "Cancelled":
      return new CommandCancelled({ command: refusal.command, message: `command ${refusal.command} was given up` })
  }
}

const sessionEnded = () => new SessionUnknown({ message: "the session has ended: whatever it held has come back" })

const noSession = () =>
  new SessionUnknown({ message: "there is no session on this connection: open one first, or the one it had has ended" })

export interface SessionHostOptions {
  readonly table: LeaseTable["Service"]
  readonly sessions: SessionsOptions
  readonly processes: ProcessTable | undefined
  /** How processes of sessions that end are ended. */
  readonly terminate: TerminateOptions
  readonly fork: (effect: Effect.Effect<void>) => unknown
  readonly cut: (connection: Connection, why: string) => void
}

/** How often one looks whether a client's process is gone, after its connection is. */
const goneMillisMin = 5
const goneMillisMax = 500

export class SessionHost {
  readonly sessions: Sessions<Answer>
  readonly table: LeaseTable["Service"]
  private readonly peers = new Map<DaemonSession, Peer>()
  private readonly run: (effect: Effect.Effect<void>) => unknown
  private timer: NodeJS.Timeout | undefined
  private readonly cut: (connection: Connection, why: string) => void
  private readonly processes: ProcessTable | undefined
  readonly supervisor: Supervisor

  constructor(options: SessionHostOptions) {
    this.table = options.table
    this.sessions = new Sessions(options.sessions)
    this.run = options.fork
    this.cut = options.cut
    this.processes = options.processes
    this.supervisor = new Supervisor({ ...options, host: this })
  }

  // --- opening and closing

  open(peer: Peer, facts: SessionFacts): DaemonSession | LimitReached {
    const session = this.sessions.open(randomBytes(16).toString("hex"), facts, now())
    if ("_tag" in session) return session
    this.note({ s: "open", id: session.id, facts: Records.factsOf(facts) })
    this.attach(peer, session)
    this.arm()
    return session
  }

  /** A client comes back on another connection: the old one has no say any more. */
  resume(peer: Peer, id: string): DaemonSession | SessionUnknown {
    const session = this.sessions.get(id)
    if (session === undefined) {
      return new SessionUnknown({
        message: "the daemon knows no such session: it expired, or the daemon was started anew"
      })
    }
    const old = this.peers.get(session)
    if (old !== undefined && old !== peer) {
      old.session = undefined
      this.cut(old.connection, "its session went on on another connection")
    }
    this.sessions.hear(session, now())
    this.attach(peer, session)
    return session
  }

  private attach(peer: Peer, session: DaemonSession): void {
    peer.session = session
    this.peers.set(session, peer)
  }

  /** The connection is gone. The session lives on until its time is up. */
  detach(peer: Peer): void {
    const { session } = peer
    if (session === undefined || this.peers.get(session) !== peer) return
    this.peers.delete(session)
    peer.session = undefined
    this.run(this.endIfGone(session))
  }

  /** A client of this machine that is gone comes back no more: its session need not wait (S3). */
  private readonly endIfGone = (session: DaemonSession): Effect.Effect<void> => {
    const { processes } = this
    const { process } = session.facts
    if (process === undefined || processes === undefined) return Effect.void
    const look = (pause: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (!session.open || this.isAttended(session)) return Effect.void
        return Effect.flatMap(
          // What cannot be read is not gone.
          Effect.orElseSucceed(processes.isAlive(process), () => true),
          (lives) =>
            lives
              ? Effect.delay(look(Math.min(pause * 2, goneMillisMax)), pause)
              : Effect.suspend(() => (this.isAttended(session) ? Effect.void : this.end(session)))
        )
      })
    return look(goneMillisMin)
  }

  /** Whether a client is there for it now. */
  isAttended(session: DaemonSession): boolean {
    return this.peers.has(session)
  }

  /** Ends a session: what it waits for leaves the queue, what it holds comes back. */
  readonly end = (session: DaemonSession): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (!session.open) return Effect.void
      const peer = this.peers.get(session)
      this.peers.delete(session)
      if (peer !== undefined) peer.session = undefined
      this.note({ s: "end", id: session.id })
      const ended = Exit.fail(sessionEnded())
      for (const command of session.commands.values()) this.sessions.answer(command, ended)
      const tickets = this.sessions.close(session)
      return Effect.forEach(tickets, this.takeBack, { discard: true })
    })

  private readonly takeBack = (ticket: number): Effect.Effect<void> =>
    this.table.ticket(ticket)?.status === "held" ? this.supervisor.giveBack(ticket, "lost") : this.table.giveUp(ticket)

  /** The session's time is up. A client that is stopped (Ctrl-Z) cannot speak, and what works under its leases is there. */
  private readonly expire = (session: DaemonSession): Effect.Effect<void> => {
    const { process } = session.facts
    const hasProcesses = () => [...session.tickets].some((ticket) => this.supervisor.has(ticket))
    if (!this.sessions.isDue(session, now())) return Effect.void
    if (process === undefined || this.processes === undefined || !hasProcesses()) return this.end(session)
    return Effect.flatMap(
      Effect.orElseSucceed(this.processes.inspect(process.pid), () => undefined),
      (info) => {
        // The look may have taken its time, and the client may have spoken.
        if (!this.sessions.isDue(session, now())) return Effect.void
        if (info?.state !== "stopped" || !sameProcess(info.identity, process)) return this.end(session)
        this.sessions.hear(session, now())
        return Effect.void
      }
    )
  }

  // --- who calls

  readonly sessionOf = (peer: Peer): Effect.Effect<DaemonSession, SessionUnknown> => {
    const session = this.heard(peer)
    return session instanceof SessionUnknown ? Effect.fail(session) : Effect.succeed(session)
  }

  /** The session that a call came from. */
  heard(peer: Peer): DaemonSession | SessionUnknown {
    const { session } = peer
    if (session === undefined) return noSession()
    this.sessions.hear(session, now())
    return session
  }

  /** Why an agent is not the caller's to act as. */
  mayActAs(peer: Peer, agent: string, action: string): CallError | undefined {
    const only = peer.rights?.agent ?? peer.session?.facts.agent
    if (only === undefined || only === agent) return undefined
    return new NotAllowed({
      action,
      agent: only,
      message: `${action} of ${JSON.stringify(agent)} is not allowed: this connection acts as ${JSON.stringify(only)} alone`
    })
  }

  /** Why a connection may not act as whatever agent it likes. */
  mayActAsAny(peer: Peer, action: string): CallError | undefined {
    const only = peer.rights?.agent
    if (only === undefined) return undefined
    return new NotAllowed({
      action,
      agent: only,
      message: `${action} of all agents is not allowed: this connection acts as ${JSON.stringify(only)} alone`
    })
  }

  // --- leases that are taken

  /** A lease came back by other hands than its session's, and that is committed. */
  readonly onReturned = (lease: number, reason: ReturnReason): void => {
    if (reason === "released") {
      this.supervisor.forget(lease)
      this.sessions.drop(lease)
      return
    }
    this.supervisor.evict(lease)
    // Whoever holds it is told what it was taken for; that it was by force is in the manager's log and statistics.
    const returned: ReturnedLease = { lease, reason: reason === "overrun" ? "preempted" : reason }
    const session = this.sessions.take(returned)
    if (session === undefined) return
    const queue = this.peers.get(session)?.revocations
    if (queue !== undefined) Queue.offerUnsafe(queue, { _tag: "Returned", ...returned })
  }

  /** A lease has to end, and that is committed. */
  readonly onNoticed = (lease: number, notice: LeaseNotice): void => {
    if (notice.phase === "ending") this.supervisor.stop(lease, notice.forcedInMillis)
    const session = this.sessions.owner(lease)
    const queue = session === undefined ? undefined : this.peers.get(session)?.revocations
    if (queue !== undefined) Queue.offerUnsafe(queue, noticedOf(lease, notice))
  }

  // --- commands

  note(note: Records.SessionNote): void {
    this.table.note(note)
  }

  /** The answer of a command that somebody else runs. Interruption leaves it alone. */
  readonly awaitAnswer = (command: DaemonCommand): Effect.Effect<unknown, unknown> =>
    Effect.callback<unknown, unknown>((resume) => {
      if (command.answer !== undefined) return resume(command.answer)
      const listener = (answer: Answer) => resume(answer)
      command.listeners ??= []
      command.listeners.push(listener)
      return Effect.sync(() => {
        const at = command.listeners?.indexOf(listener) ?? -1
        if (at >= 0) command.listeners?.splice(at, 1)
      })
    })

  /** An answer, once all that it tells of is committed. */
  readonly told = <A, E>(exit: Exit.Exit<A, E>): Effect.Effect<A, E> =>
    this.table.isCommitted() ? exit : Effect.andThen(this.table.committed, exit)

  // --- time

  /** Sees to it that expired sessions are looked for in time. */
  arm(): void {
    if (this.timer !== undefined) return
    const deadline = this.sessions.nextDeadline()
    if (deadline === undefined) return
    this.timer = setTimeout(this.fire, timerMillis(deadline - now()))
  }

  private readonly fire = (): void => {
    this.timer = undefined
    const expired = this.sessions.due(now())
    if (expired.length === 0) return this.arm()
    this.run(
      Effect.andThen(
        Effect.forEach(expired, this.expire, { discard: true }),
        Effect.sync(() => this.arm())
      )
    )
  }

  close(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  // --- recovery

  /** Clients that went while the daemon was away are not waited for (S3). */
  lookForGone(): void {
    for (const session of this.sessions.values()) this.run(this.endIfGone(session))
  }

  /** Takes up the sessions of the journal. The requests that they answer for. */
  restore(restored: Iterable<Records.RestoredSession>): ReadonlySet<number> {
    const kept = new Set<number>()
    const lives = (id: number) => {
      const status = this.table.ticket(id)?.status
      return status === "waiting" || status === "held"
    }
    for (const record of restored) {
      const session = this.sessions.open(record.id, record.facts, now())
      if ("_tag" in session) continue
      session.acknowledged = record.ack
      for (const ticket of record.tickets) {
        if (!lives(ticket)) continue
        kept.add(ticket)
        this.sessions.bind(session, undefined, ticket)
      }
      for (const [id, { grows, ticket }] of record.commands) {
        if (ticket !== undefined && !lives(ticket)) continue
        const command = this.sessions.begin(session, id, record.ack)
        if ("_tag" in command) continue
        command.begun = true
        command.ticket = ticket
        command.grows = grows
        command.lasting = ticket === undefined
        if (ticket === undefined) this.sessions.answer(command, Exit.void)
      }
    }
    this.arm()
    return kept
  }
}
