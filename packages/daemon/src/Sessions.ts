/**
 * Sessions: what the daemon owes to each client, as a pure state machine. Time is
 * an argument, in milliseconds of a monotonic clock. The rules have the names of
 * `docs/design/daemon.md`:
 *
 * - S1 A session ends when nothing was heard of it for the timeout; whatever it
 *   holds or waits for is returned then, once.
 * - S2 A stall of the daemon itself (it looks far too late) counts for nobody: all
 *   deadlines move by the lateness, and a little more for what waits to be read.
 * - S3 A client that is seen to be gone ends its session at once; one that is seen to
 *   be stopped (Ctrl-Z), with processes at work under its leases, does not expire.
 * - S4 A session is on one connection: going on with it on another cuts the first.
 * - R1 A command id that was seen is never run again: a retry is given the first
 *   answer, or waits for it beside the first call.
 * - R2 An acknowledgement (`ack`: all answers below were received) drops the
 *   answers below it. An id below it is refused.
 * - R3 A session has at most `commandsMax` commands that are not acknowledged.
 * - R4 A command that was cancelled before it arrived is refused when it arrives.
 *
 * All timeouts are equal, so the order of hearing is the order of deadlines, and a
 * Map that is kept in that order is the queue of them: every operation is O(1).
 */

import type { ProcessIdentity } from "./process/Identity.ts"

/** Who a session is, as it said when it opened. */
export interface SessionFacts {
  /** The only agent that it may act as. Any, unless given. */
  readonly agent?: string | undefined
  /** What to call it. */
  readonly name?: string | undefined
  /** The client's process on this machine, as it was found when the session opened. */
  readonly process?: ProcessIdentity | undefined
  /** The lease that all its outermost claims are inside of, proved by its key. */
  readonly inside?: number | undefined
}

/** What a growth adds to which lease. */
export interface Growth {
  readonly lease: number
  readonly amounts: Readonly<Record<string, number>>
}

/** A command of a session, until its answer is acknowledged. */
export interface Command<A> {
  readonly id: number
  /** Whether somebody runs it already. */
  begun: boolean
  /** The request that it asked for, of claims. */
  ticket: number | undefined
  /** The lease that it grows, and by what, of growths. */
  grows: Growth | undefined
  answer: A | undefined
  /** Whether its effect lasts without a request: kept by the journal as done. */
  lasting: boolean
  cancelled: boolean
  /** Ends the wait for its request. */
  stop: (() => void) | undefined
  /** Whoever waits for the answer. */
  listeners: Array<(answer: A) => void> | undefined
}

/** A lease that was taken from its session. */
export interface ReturnedLease {
  readonly lease: number
  readonly reason: "expired" | "stopped" | "revoked" | "lost" | "preempted"
}

export interface Session<A> {
  /** Whoever knows it is the session: it is told to nobody else. */
  readonly id: string
  /** What it is called among people. */
  readonly name: string
  readonly facts: SessionFacts
  /** Commands below it are acknowledged. */
  acknowledged: number
  readonly commands: Map<number, Command<A>>
  /** Requests that are returned when the session ends: waiting or held. */
  readonly tickets: Set<number>
  /** The last leases that were taken from it, for a client that was away. */
  readonly returned: Array<ReturnedLease>
  heardAt: number
  open: boolean
}

export interface SessionsOptions {
  readonly timeoutMillis: number
  readonly sessionsMax: number
  readonly commandsMax: number
  readonly leasesMax: number
}

export interface LimitReached {
  readonly _tag: "Limit"
  readonly limit: "sessions" | "commands" | "leases"
  readonly value: number
  readonly max: number
}

export type SessionRefusal =
  | LimitReached
  | { readonly _tag: "Invalid"; readonly value: number }
  | { readonly _tag: "Forgotten"; readonly command: number; readonly acknowledged: number }
  | { readonly _tag: "Cancelled"; readonly command: number }

/** How many taken leases a session remembers for a client that was away: more than that are only "lost". */
export const returnedMax = 256

const isCommandNumber = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

export class Sessions<A> {
  readonly options: SessionsOptions
  /** In the order of hearing. */
  private readonly sessions = new Map<string, Session<A>>()
  /** The last one of them. */
  private latest: Session<A> | undefined = undefined
  private readonly owners = new Map<number, Session<A>>()
  /** Milliseconds that the daemon stood still: no session's time. */
  private stalledMillis = 0
  private opened = 0

  constructor(options: SessionsOptions) {
    this.options = options
  }

  get size(): number {
    return this.sessions.size
  }

  get tickets(): number {
    return this.owners.size
  }

  values(): IterableIterator<Session<A>> {
    return this.sessions.values()
  }

  get(id: string): Session<A> | undefined {
    return this.sessions.get(id)
  }

  ownerOf(ticket: number): Session<A> | undefined {
    return this.owners.get(ticket)
  }

  /** Opens a session under an id that nobody can guess. */
  open(id: string, facts: SessionFacts, now: number): Session<A> | LimitReached {
    const max = this.options.sessionsMax
    if (this.sessions.size >= max) return { _tag: "Limit", limit: "sessions", value: this.sessions.size, max }
    const session: Session<A> = {
      id,
      name: facts.name ?? `session ${++this.opened}`,
      facts,
      acknowledged: 0,
      commands: new Map(),
      tickets: new Set(),
      returned: [],
      heardAt: now - this.stalledMillis,
      open: true
    }
    this.sessions.set(id, session)
    this.latest = session
    return session
  }

  /** Something came from its client (S1). */
  hear(session: Session<A>, now: number): void {
    if (!session.open) return
    session.heardAt = Math.max(session.heardAt, now - this.stalledMillis)
    if (this.latest === session) return
    this.sessions.delete(session.id)
    this.sessions.set(session.id, session)
    this.latest = session
  }

  /** All answers below were received (R2). */
  acknowledge(session: Session<A>, ack: number): void {
    // What is no number of a command would be one that nothing is above of, also in the journal.
    if (!isCommandNumber(ack) || ack <= session.acknowledged) return
    session.acknowledged = ack
    for (const id of session.commands.keys()) {
      // In the order of arrival, which is that of the ids but for re-sent ones: one of those
      // may be kept behind a later one, where nobody reaches it, until that is acknowledged.
      if (id >= ack) break
      session.commands.delete(id)
    }
  }

  /** A command arrives: a new one, or the one that it repeats (R1). */
  begin(session: Session<A>, id: number, ack: number): Command<A> | SessionRefusal {
    for (const value of [id, ack]) if (!isCommandNumber(value)) return { _tag: "Invalid", value }
    this.acknowledge(session, ack)
    if (id < session.acknowledged) return { _tag: "Forgotten", command: id, acknowledged: session.acknowledged }
    const known = session.commands.get(id)
    if (known !== undefined) return known.cancelled ? { _tag: "Cancelled", command: id } : known
    const max = this.options.commandsMax
    if (session.commands.size >= max) return { _tag: "Limit", limit: "commands", value: session.commands.size, max }
    const command: Command<A> = {
      id,
      begun: false,
      ticket: undefined,
      grows: undefined,
      answer: undefined,
      lasting: false,
      cancelled: false,
      stop: undefined,
      listeners: undefined
    }
    session.commands.set(id, command)
    return command
  }

  /** Whether the session may have one more lease. */
  roomForLease(session: Session<A>): LimitReached | undefined {
    const max = this.options.leasesMax
    return session.tickets.size < max ? undefined : { _tag: "Limit", limit: "leases", value: session.tickets.size, max }
  }

  /** A request was made for a command. It is the session's until it comes back. */
  bind(session: Session<A>, command: Command<A> | undefined, ticket: number): void {
    if (command !== undefined) command.ticket = ticket
    session.tickets.add(ticket)
    this.owners.set(ticket, session)
  }

  /** The first answer of a command, and the last. */
  answer(command: Command<A>, answer: A): void {
    if (command.answer !== undefined) return
    command.answer = answer
    const listeners = command.listeners
    command.listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener(answer)
  }

  /**
   * A command is given up: its request, if it has one, is the caller's to give up;
   * if not, it never will have one (R4). Nothing where it was acknowledged.
   */
  cancel(session: Session<A>, id: number, ack: number): Command<A> | undefined | SessionRefusal {
    const command = this.begin(session, id, ack)
    // Acknowledged, or cancelled already: there is nothing left to give up.
    if ("_tag" in command) return command._tag === "Limit" || command._tag === "Invalid" ? command : undefined
    command.cancelled = true
    return command
  }

  /** The session that a request is of. */
  owner(ticket: number): Session<A> | undefined {
    return this.owners.get(ticket)
  }

  /** A request came back, or left the queue, with its session's doing. */
  drop(ticket: number): Session<A> | undefined {
    const session = this.owners.get(ticket)
    if (session === undefined) return undefined
    this.owners.delete(ticket)
    session.tickets.delete(ticket)
    return session
  }

  /** A lease was taken from its session: remembered for a client that is away. */
  take(returned: ReturnedLease): Session<A> | undefined {
    const session = this.drop(returned.lease)
    if (session === undefined) return undefined
    session.returned.push(returned)
    if (session.returned.length > returnedMax) session.returned.shift()
    return session
  }

  /** Ends a session. Its requests, oldest first, are the caller's to return. */
  close(session: Session<A>): ReadonlyArray<number> {
    if (!session.open) return []
    session.open = false
    this.sessions.delete(session.id)
    if (this.latest === session) this.latest = undefined
    const tickets = [...session.tickets]
    for (const ticket of tickets) this.owners.delete(ticket)
    for (const command of session.commands.values()) command.stop?.()
    session.tickets.clear()
    session.commands.clear()
    return tickets
  }

  /** When to look for expired sessions next; `undefined` is never. */
  nextDeadline(): number | undefined {
    const first = this.sessions.values().next()
    return first.done === true ? undefined : first.value.heardAt + this.options.timeoutMillis + this.stalledMillis
  }

  /** The sessions whose time is up, still open. Looked at far too late, none is (S2). */
  due(now: number): ReadonlyArray<Session<A>> {
    const deadline = this.nextDeadline()
    if (deadline === undefined || now < deadline) return []
    const late = now - deadline
    if (late > this.stallMillis) {
      this.stalledMillis += late + this.options.timeoutMillis / 3
      return []
    }
    const expired: Array<Session<A>> = []
    for (const session of this.sessions.values()) {
      if (!this.isDue(session, now)) break
      expired.push(session)
    }
    return expired
  }

  /** Whether a session is still to end: who was found due may have spoken since. */
  isDue(session: Session<A>, now: number): boolean {
    return session.open && session.heardAt + this.options.timeoutMillis + this.stalledMillis <= now
  }

  /** Looking later than this is the daemon's own stall. */
  get stallMillis(): number {
    return Math.max(250, this.options.timeoutMillis / 10)
  }
}
