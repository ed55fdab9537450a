/**
 * Sessions in the journal. What a session is owed outlives the daemon (rules of
 * `docs/design/daemon.md`):
 *
 * - D1 What changes a session is a note in the batch of the decision that changed
 *   it, so both are kept or neither is.
 * - D2 A command whose request is neither waiting nor held after a restart is
 *   decided anew if it is asked again: it had no effect that lasts, or its answer
 *   was received.
 * - D4 A growth becomes its lease's for good, and its number is forgotten: that it is
 *   granted is a note in the batch that makes it so.
 * - D3 Releases have no note: what the table has no more is not the session's. One
 *   whose processes are still being ended has, and so has a revocation.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CommandTarget, ProcessIdentity } from "../process/Identity.ts"
import type { Growth as GrowthOf, Session, SessionFacts } from "../Sessions.ts"

const Facts = Schema.Struct({
  agent: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  process: Schema.optionalKey(ProcessIdentity),
  inside: Schema.optionalKey(Schema.Number)
})

const Opened = Schema.Struct({ s: Schema.Literal("open"), id: Schema.String, facts: Facts })
const Growth = Schema.Struct({ lease: Schema.Number, amounts: Schema.Record(Schema.String, Schema.Number) })

/** A command asked for a request: a claim, or the growth of a lease. */
const Asked = Schema.Struct({
  s: Schema.Literal("ask"),
  id: Schema.String,
  command: Schema.Number,
  ack: Schema.Number,
  ticket: Schema.Number,
  grows: Schema.optionalKey(Growth)
})
/** A command that asked for no request is done, or a growth that is granted for good (D4). */
const Did = Schema.Struct({
  s: Schema.Literal("did"),
  id: Schema.String,
  command: Schema.Number,
  ack: Schema.Number,
  grows: Schema.optionalKey(Growth)
})
/** A process works under a lease. */
const Bound = Schema.Struct({ s: Schema.Literal("proc"), lease: Schema.Number, target: CommandTarget })
/** How a lease comes back whose processes are being ended; `ended`: as what it was told to end for. */
const Reason = Schema.Literals(["released", "revoked", "lost", "ended"])
export type BackReason = typeof Reason.Type
/** It comes back once its processes are gone: whoever gave it back, or took it, was told so. */
const Returning = Schema.Struct({ s: Schema.Literal("back"), lease: Schema.Number, reason: Reason })
const Closed = Schema.Struct({ s: Schema.Literal("end"), id: Schema.String })

export const SessionNote = Schema.Union([Opened, Asked, Did, Bound, Returning, Closed])
export type SessionNote = typeof SessionNote.Type

const SessionRecord = Schema.Struct({
  id: Schema.String,
  facts: Facts,
  ack: Schema.Number,
  commands: Schema.Array(
    Schema.Struct({
      command: Schema.Number,
      ticket: Schema.optionalKey(Schema.Number),
      grows: Schema.optionalKey(Growth)
    })
  ),
  tickets: Schema.Array(Schema.Number)
})

export const SessionsState = Schema.Struct({
  sessions: Schema.Array(SessionRecord),
  processes: Schema.Array(
    Schema.Struct({
      lease: Schema.Number,
      targets: Schema.Array(CommandTarget),
      back: Schema.optionalKey(Reason)
    })
  )
})
export type SessionsState = typeof SessionsState.Type

export interface RestoredCommand {
  readonly ticket: number | undefined
  readonly grows: GrowthOf | undefined
}

export interface RestoredSession {
  readonly id: string
  readonly facts: SessionFacts
  ack: number
  readonly commands: Map<number, RestoredCommand>
  readonly tickets: Set<number>
}

/** What works under a lease. */
export interface Work {
  readonly targets: Array<CommandTarget>
  /** Where it is being ended: how the lease comes back then. */
  back: BackReason | undefined
}

export interface Restored {
  readonly sessions: Map<string, RestoredSession>
  /** By lease. */
  readonly processes: Map<number, Work>
}

const apply = ({ processes, sessions }: Restored, note: SessionNote): void => {
  if (note.s === "proc") {
    const work = processes.get(note.lease)
    if (work === undefined) processes.set(note.lease, { targets: [note.target], back: undefined })
    else work.targets.push(note.target)
    return
  }
  if (note.s === "back") {
    const work = processes.get(note.lease)
    if (work !== undefined) work.back = note.reason
    return
  }
  if (note.s === "open") {
    sessions.set(note.id, { id: note.id, facts: note.facts, ack: 0, commands: new Map(), tickets: new Set() })
    return
  }
  const session = sessions.get(note.id)
  if (session === undefined) return
  if (note.s === "end") {
    sessions.delete(note.id)
    return
  }
  session.ack = Math.max(session.ack, note.ack)
  for (const id of session.commands.keys()) if (id < session.ack) session.commands.delete(id)
  const ticket = note.s === "ask" ? note.ticket : undefined
  if (ticket !== undefined) session.tickets.add(ticket)
  session.commands.set(note.command, { ticket, grows: note.grows })
}

/** The sessions of a snapshot and the notes since. Notes of others are left alone. */
export const restore = Effect.fnUntraced(function* (recovered: {
  readonly state: unknown
  readonly notes: ReadonlyArray<unknown>
}) {
  const restored: Restored = { sessions: new Map(), processes: new Map() }
  const { processes, sessions } = restored
  if (recovered.state !== undefined) {
    const state = yield* Schema.decodeUnknownEffect(SessionsState)(recovered.state)
    for (const record of state.sessions) {
      sessions.set(record.id, {
        id: record.id,
        facts: record.facts,
        ack: record.ack,
        commands: new Map(record.commands.map(({ command, grows, ticket }) => [command, { ticket, grows }] as const)),
        tickets: new Set(record.tickets)
      })
    }
    for (const { back, lease, targets } of state.processes) processes.set(lease, { targets: [...targets], back })
  }
  for (const note of recovered.notes) apply(restored, yield* Schema.decodeUnknownEffect(SessionNote)(note))
  return restored
})

/** What a snapshot keeps of them. */
export const stateOf = <A>(sessions: Iterable<Session<A>>, processes: ReadonlyMap<number, Work>): SessionsState => ({
  processes: Array.from(processes, ([lease, { back, targets }]) => ({
    lease,
    targets,
    ...(back === undefined ? {} : { back })
  })),
  sessions: Array.from(sessions, (session) => ({
    id: session.id,
    facts: factsOf(session.facts),
    ack: session.acknowledged,
    commands: Array.from(session.commands.values())
      // One without an effect is decided anew.
      .filter((command) => command.ticket !== undefined || command.lasting)
      .map(({ grows, id, lasting, ticket }) => ({
        command: id,
        ...(ticket === undefined || lasting ? {} : { ticket }),
        ...(grows === undefined ? {} : { grows })
      })),
    tickets: [...session.tickets]
  }))
})

/** Without the keys that have no value: JSON has no `undefined`. */
export const factsOf = (facts: SessionFacts): typeof Facts.Type => ({
  ...(facts.agent === undefined ? {} : { agent: facts.agent }),
  ...(facts.name === undefined ? {} : { name: facts.name }),
  ...(facts.process === undefined ? {} : { process: facts.process }),
  ...(facts.inside === undefined ? {} : { inside: facts.inside })
})
