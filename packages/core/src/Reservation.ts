/**
 * Capacity that is promised: to an agent, to a group and all below it, or to every claim
 * of at least a priority; for a window of time (*advance*), or at all times (*standing*).
 *
 * - What is promised is granted to nobody else: not now, and not to a claim that would run
 *   into the window by the duration that it declares (`expected`, `expiresAfter`). A claim that
 *   declares none is taken to be endless.
 * - Its holder has it as soon as it asks, whoever waits before it.
 * - What cannot be kept is refused at once: with what is promised already, and what leases hold
 *   into the window. A lease that stays longer than it declared is in the way all the same.
 * - A window ends by itself, and can be released early.
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/** Whom capacity is promised to. */
export const Holder = Schema.Union([
  Schema.Struct({ agent: Schema.String }),
  Schema.Struct({ group: Schema.String }),
  /** Every claim of at least this priority. */
  Schema.Struct({ priority: Schema.Number })
])
export type Holder = typeof Holder.Type

/** The same as it may be said: a priority by the name of a class too. */
export const HolderInput = Schema.Union([...Holder.members, Schema.Struct({ priority: Schema.String })])
export type HolderInput = typeof HolderInput.Type

export interface ReservationOptions {
  readonly for: HolderInput
  readonly claim: Readonly<Record<string, number>>
  /** When its window begins, from now. Now unless given. */
  readonly startsIn?: Duration.Input | undefined
  /** How long the window is. At all times unless given. */
  readonly lasts?: Duration.Input | undefined
  /** For people. */
  readonly note?: string | undefined
}

/** A reservation that is not over. */
export const ReservationView = Schema.Struct({
  id: Schema.Number,
  for: Holder,
  claim: Schema.Record(Schema.String, Schema.Number),
  /** What its holder has in use of the types, at most what it was promised. */
  used: Schema.Record(Schema.String, Schema.Number),
  /** Time until its window begins; 0 where it has begun. */
  startsInMillis: Schema.Number,
  /** Time until it ends. Absent where it is at all times. */
  endsInMillis: Schema.optionalKey(Schema.Number),
  note: Schema.optionalKey(Schema.String)
})
export interface ReservationView extends Schema.Schema.Type<typeof ReservationView> {}
