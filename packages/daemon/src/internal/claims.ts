/**
 * Claims of sessions: each command is decided once, kept with what was decided, and
 * answered once that is committed.
 *
 * What is decided and whose it is are one uninterruptible step; waiting is not, and
 * an interrupted call (its connection is gone) leaves the command as it is: only
 * `Cancel` and the session's end give it up.
 */
import type { TableClaimOptions, Ticket } from "@resource-manager/core/LeaseTable"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import { CommandCancelled, ForeignLease, type LimitExceeded, SessionUnknown } from "../Errors.ts"
import type * as Protocol from "../Protocol.ts"
import type { Growth } from "../Sessions.ts"
import {
  type DaemonCommand,
  type DaemonSession,
  limitReached,
  type Peer,
  refusalError,
  type SessionHost
} from "./sessionHost.ts"

type Payload<R extends Rpc.Any> = Rpc.Payload<R>
type Failure<R extends Rpc.Any> = Rpc.Error<R>

type WaitPayload = Pick<
  Payload<typeof Protocol.Claim>,
  "expected" | "maximum" | "onQuota" | "preemptible" | "priority" | "timeout"
>

/** A duration as a client gave it: the manager refuses what is none. */
const span = (input: number | string | undefined) => input as Duration.Input | undefined

/** How a claim waits, and what it says for the policies. */
const waitOf = ({ expected, maximum, onQuota, preemptible, priority, timeout }: WaitPayload): TableClaimOptions => ({
  timeout: span(timeout),
  priority,
  expected: span(expected),
  preemptible,
  maximum,
  onQuota
})

const grantOf = (ticket: Ticket): Protocol.Granted => {
  const { parent } = ticket
  return parent === undefined
    ? { lease: ticket.id, token: ticket.token }
    : { lease: ticket.id, token: ticket.token, parent }
}

const foreign = (lease: number) => new ForeignLease({ lease, message: `lease ${lease} is not of this session` })

const cancelled = (command: number) => new CommandCancelled({ command, message: `command ${command} was given up` })

export class Claims {
  private readonly host: SessionHost
  private readonly fork: (effect: Effect.Effect<void>) => { readonly interruptUnsafe: () => void }

  constructor(host: SessionHost, fork: (effect: Effect.Effect<void>) => { readonly interruptUnsafe: () => void }) {
    this.host = host
    this.fork = fork
  }

  readonly claim = (
    peer: Peer,
    payload: Payload<typeof Protocol.Claim>
  ): Effect.Effect<Protocol.Granted, Failure<typeof Protocol.Claim>> =>
    Effect.suspend(() => this.claimUnsafe(peer, payload))

  /** Decides in the call itself. What it returns is the answer where that can be told now, and may be dropped. */
  claimUnsafe(
    peer: Peer,
    payload: Payload<typeof Protocol.Claim>
  ): Effect.Effect<Protocol.Granted, Failure<typeof Protocol.Claim>> {
    const { host } = this
    const session = host.heard(peer)
    if (session instanceof SessionUnknown) return Effect.fail(session)
    const denied = host.mayActAs(peer, payload.agent, "a claim")
    if (denied !== undefined) return Effect.fail(denied)
    const parent = this.parentOf(session, payload.parent)
    if (parent instanceof ForeignLease) return Effect.fail(parent)
    const command = this.begin(session, payload.command, payload.ack)
    if (command instanceof Error) return Effect.fail(command)
    if (command.begun) return this.again(command)
    command.begun = true
    const refusal = host.sessions.roomForLease(session)
    if (refusal !== undefined) return this.refuse(command, limitReached(refusal, session.name))
    const { agent, claim, expiresAfter, manual, wait } = payload
    const options: TableClaimOptions = {
      parent,
      wait,
      manual,
      expiresAfter: span(expiresAfter),
      ...waitOf(payload)
    }
    const decision = host.table.claimUnsafe(agent, claim, options)
    return this.decided(session, command, decision, grantOf)
  }

  readonly grow = (
    peer: Peer,
    payload: Payload<typeof Protocol.Grow>
  ): Effect.Effect<void, Failure<typeof Protocol.Grow>> =>
    Effect.suspend((): Effect.Effect<void, Failure<typeof Protocol.Grow>> => {
      const session = this.host.heard(peer)
      if (session instanceof SessionUnknown) return Effect.fail(session)
      const parent = this.parentOf(session, payload.parent)
      if (parent instanceof ForeignLease) return Effect.fail(parent)
      const command = this.begin(session, payload.command, payload.ack)
      if (command instanceof Error) return Effect.fail(command)
      if (command.begun) return this.again(command)
      const lease = this.ownLease(session, payload.lease)
      if (lease !== undefined) return Effect.fail(lease)
      command.begun = true
      command.grows = { lease: payload.lease, amounts: payload.claim }
      const growth = this.host.table.growUnsafe(payload.lease, payload.claim, { parent, ...waitOf(payload) })
      return this.decided(session, command, growth, () => undefined)
    })

  readonly shrink = (
    peer: Peer,
    payload: Payload<typeof Protocol.Shrink>
  ): Effect.Effect<void, Failure<typeof Protocol.Shrink>> =>
    Effect.flatMap(this.host.sessionOf(peer), (session): Effect.Effect<void, Failure<typeof Protocol.Shrink>> => {
      const lease = this.ownLease(session, payload.lease)
      if (lease !== undefined) return Effect.fail(lease)
      return this.once(session, payload, this.host.table.shrink(payload.lease, payload.amounts))
    })

  readonly settle = (
    peer: Peer,
    payload: Payload<typeof Protocol.Settle>
  ): Effect.Effect<void, Failure<typeof Protocol.Settle>> =>
    Effect.flatMap(this.host.sessionOf(peer), (session): Effect.Effect<void, Failure<typeof Protocol.Settle>> => {
      const lease = this.ownLease(session, payload.lease)
      if (lease !== undefined) return Effect.fail(lease)
      return this.once(session, payload, this.host.table.settle(payload.lease, payload.actual))
    })

  readonly release = (peer: Peer, lease: number): Effect.Effect<void, Failure<typeof Protocol.Release>> =>
    Effect.suspend(() => this.releaseUnsafe(peer, lease))

  /** Gives back in the call itself, but for what processes work under. What it returns may be dropped, and asked for again. */
  releaseUnsafe(peer: Peer, lease: number): Effect.Effect<void, Failure<typeof Protocol.Release>> {
    const { sessions, supervisor, table } = this.host
    const session = this.host.heard(peer)
    if (session instanceof SessionUnknown) return Effect.fail(session)
    if (!session.tickets.has(lease)) {
      // Come back already, which may not be committed yet; or somebody else's.
      return sessions.ownerOf(lease) === undefined ? this.host.told(Exit.void) : Effect.fail(foreign(lease))
    }
    // Still a claim: `Cancel` gives it up. Until then it is the session's.
    if (table.ticket(lease)?.status === "waiting") return Effect.void
    if (supervisor.has(lease)) {
      return Effect.suspend(() => {
        sessions.drop(lease)
        return Effect.andThen(supervisor.giveBack(lease, "released"), table.committed)
      })
    }
    sessions.drop(lease)
    table.releaseUnsafe(lease)
    return this.host.told(Exit.void)
  }

  readonly releaseManual = (
    peer: Peer,
    payload: Payload<typeof Protocol.ReleaseManual>
  ): Effect.Effect<void, Failure<typeof Protocol.ReleaseManual>> =>
    Effect.flatMap(
      this.host.sessionOf(peer),
      (session): Effect.Effect<void, Failure<typeof Protocol.ReleaseManual>> => {
        const denied = this.host.mayActAs(peer, payload.agent, "a release")
        if (denied !== undefined) return Effect.fail(denied)
        return this.once(session, payload, this.host.table.releaseManual(payload.agent, payload.claim))
      }
    )

  readonly cancel = (
    peer: Peer,
    payload: Payload<typeof Protocol.Cancel>
  ): Effect.Effect<void, Failure<typeof Protocol.Cancel>> =>
    Effect.flatMap(this.host.sessionOf(peer), (session): Effect.Effect<void, Failure<typeof Protocol.Cancel>> => {
      const { sessions, table } = this.host
      const command = sessions.cancel(session, payload.command, payload.ack)
      if (command === undefined) return Effect.void
      if ("_tag" in command) return Effect.fail(refusalError(command, session.name))
      command.stop?.()
      command.stop = undefined
      const granted = command.answer !== undefined && Exit.isSuccess(command.answer)
      sessions.answer(command, Exit.fail(cancelled(command.id)))
      const { grows, ticket } = command
      if (grows !== undefined) return this.undoGrowth(ticket, grows, granted)
      if (ticket === undefined) return Effect.void
      sessions.drop(ticket)
      return Effect.andThen(table.giveUp(ticket), table.committed)
    })

  /** Requests of commands that were taken up from the journal go on. */
  readonly resumeAll: Effect.Effect<void> = Effect.sync(() => {
    for (const session of this.host.sessions.values()) {
      for (const command of session.commands.values()) {
        if (command.ticket === undefined || command.answer !== undefined) continue
        const ticket = this.host.table.ticket(command.ticket)
        if (ticket === undefined) continue
        const answerOf = command.grows === undefined ? grantOf : () => undefined
        if (ticket.status === "waiting") this.watch(session, command, ticket, answerOf)
        else {
          if (command.grows !== undefined) {
            this.host.sessions.drop(ticket.id)
            this.lasts(session, command)
          }
          this.host.sessions.answer(command, Exit.succeed(answerOf(ticket)))
        }
      }
    }
  })

  /**
   * Runs a command that asks for no request once, and keeps that it is done.
   */
  readonly once = <A, E>(
    session: DaemonSession,
    ids: { readonly command: number; readonly ack: number },
    effect: Effect.Effect<A, E>
  ): Effect.Effect<A, E | Failure<typeof Protocol.Heartbeat>> => {
    const command = this.begin(session, ids.command, ids.ack)
    if (command instanceof Error) return Effect.fail(command)
    if (command.begun) return this.again(command)
    command.begun = true
    const { sessions } = this.host
    return Effect.uninterruptibleMask((restore) =>
      Effect.onExit(effect, (exit) => {
        if (Exit.isSuccess(exit)) this.lasts(session, command)
        sessions.answer(command, exit)
        return Effect.void
      }).pipe(
        Effect.exit,
        Effect.flatMap((exit) => restore(this.host.told(exit)))
      )
    )
  }

  // --- parts

  private begin(session: DaemonSession, id: number, ack: number) {
    const command = this.host.sessions.begin(session, id, ack)
    return "_tag" in command ? refusalError(command, session.name) : command
  }

  /** A retry: the first answer, once it is there and committed. Its type is that of the call it repeats. */
  private again(command: DaemonCommand): Effect.Effect<never, never> {
    return Effect.flatMap(Effect.exit(this.host.awaitAnswer(command)), (exit) => this.host.told(exit)) as Effect.Effect<
      never,
      never
    >
  }

  private refuse(command: DaemonCommand, error: LimitExceeded | Failure<typeof Protocol.Heartbeat>) {
    this.host.sessions.answer(command, Exit.fail(error))
    return Effect.fail(error)
  }

  /** What the Ledger has just decided belongs to the session in the same step. */
  private decided<A, E>(
    session: DaemonSession,
    command: DaemonCommand,
    decision: Exit.Exit<Ticket, E>,
    answerOf: (ticket: Ticket) => A
  ): Effect.Effect<A, E> {
    const { host } = this
    if (Exit.isFailure(decision)) {
      const exit = Exit.failCause(decision.cause)
      host.sessions.answer(command, exit)
      return host.told(exit)
    }
    const ticket = decision.value
    const { grows } = command
    const isWaiting = ticket.status === "waiting"
    if (grows === undefined || isWaiting) {
      host.sessions.bind(session, command, ticket.id)
      host.note({
        s: "ask",
        id: session.id,
        command: command.id,
        ack: session.acknowledged,
        ticket: ticket.id,
        ...(grows === undefined ? {} : { grows })
      })
    } else {
      // Part of its lease from now on: there is nothing of its own to return.
      command.ticket = ticket.id
      this.lasts(session, command)
    }
    if (isWaiting) {
      this.watch(session, command, ticket, answerOf)
      return this.again(command)
    }
    const exit = Exit.succeed(answerOf(ticket))
    host.sessions.answer(command, exit)
    return host.told(exit)
  }

  /** Follows a waiting request until it is settled, whether or not a call waits for it. */
  private watch(
    session: DaemonSession,
    command: DaemonCommand,
    ticket: Ticket,
    answerOf: (ticket: Ticket) => unknown
  ): void {
    const { sessions, table } = this.host
    const fiber = this.fork(
      Effect.matchCause(table.settled(ticket.id), {
        onFailure: (cause) => {
          sessions.drop(ticket.id)
          sessions.answer(command, Exit.failCause(cause))
        },
        onSuccess: () => {
          command.stop = undefined
          if (command.grows !== undefined) {
            sessions.drop(ticket.id)
            // In the turn in which it was kept: one batch (D4).
            this.lasts(session, command)
          }
          sessions.answer(command, Exit.succeed(answerOf(ticket)))
        }
      })
    )
    if (command.answer === undefined) command.stop = () => fiber.interruptUnsafe()
  }

  /** What it did lasts, whatever becomes of its request. */
  private lasts(session: DaemonSession, command: DaemonCommand): void {
    const { grows, id } = command
    command.lasting = true
    this.host.note({
      s: "did",
      id: session.id,
      command: id,
      ack: session.acknowledged,
      ...(grows === undefined ? {} : { grows })
    })
  }

  private undoGrowth(ticket: number | undefined, { amounts, lease }: Growth, granted: boolean): Effect.Effect<void> {
    const { sessions, table } = this.host
    const status = ticket === undefined ? undefined : table.ticket(ticket)?.status
    if (ticket !== undefined && (status === "waiting" || status === "held")) {
      sessions.drop(ticket)
      return Effect.andThen(table.giveUp(ticket), table.committed)
    }
    // Too late to undo it: it is part of the lease, and nobody was told. The amounts go back.
    return granted ? Effect.andThen(Effect.ignore(table.shrink(lease, amounts)), table.committed) : Effect.void
  }

  /** The lease that a claim is inside of: one of the session's, or the one that the session is inside of. */
  private parentOf(session: DaemonSession, parent: number | undefined): number | undefined | ForeignLease {
    if (parent === undefined) return session.facts.inside
    if (session.tickets.has(parent) || parent === session.facts.inside) return parent
    // One that has come back is no parent any more.
    return this.host.table.ticket(parent)?.status === "held" ? foreign(parent) : session.facts.inside
  }

  private ownLease(session: DaemonSession, lease: number): ForeignLease | undefined {
    return session.tickets.has(lease) || this.host.table.ticket(lease) === undefined ? undefined : foreign(lease)
  }
}
