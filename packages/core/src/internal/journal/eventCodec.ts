/**
 * Ledger events as a journal keeps them: an array each, a letter for what happened
 * and then its fields in order, without what is missing at the end. Amounts by type
 * are pairs, for a type may be called `__proto__`.
 */
import * as Schema from "effect/Schema"
import { GroupLimitsFields, OnQuotaField } from "./quotaSchema.ts"
import type { LedgerEvent } from "../../ledger/Event.ts"
import { NoticeCause } from "../../Statistics.ts"
import { SchedulingFields } from "./schedulingSchema.ts"
import { reservation } from "./reservationSchema.ts"

const Micros = Schema.Finite
const Whole = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const Weight = Schema.Finite.check(Schema.isGreaterThan(0))
const Pairs = Schema.Array(Schema.Tuple([Schema.String, Whole]))
const RateFields = Schema.Struct({
  limit: Whole,
  intervalMicros: Whole,
  burst: Schema.optionalKey(Whole),
  per: Schema.Literals(["unit", "request"])
})
const Configured = Schema.Struct({
  capacity: Whole,
  minCapacity: Whole,
  maxCapacity: Schema.optionalKey(Whole),
  rate: Schema.optionalKey(RateFields)
})
const ReturnReason = Schema.Literals(["released", "expired", "stopped", "revoked", "lost", "preempted", "overrun"])
const RefusalTag = Schema.Literals([
  "InvalidClaim",
  "UnknownResourceType",
  "ResourceExhausted",
  "QuotaExceeded",
  "DeadlockDetected",
  "ClaimTimedOut",
  "QueueFull",
  "ManagerStopped",
  "LeaseRevoked"
])

const asked = {
  agent: Schema.String,
  claim: Pairs,
  manual: Schema.Boolean,
  ttl: Micros,
  parent: Schema.optionalKey(Whole),
  grows: Schema.optionalKey(Whole),
  deadline: Schema.optionalKey(Micros),
  scheduling: Schema.optionalKey(SchedulingFields)
}

type Fields = Readonly<Record<string, Schema.Codec<unknown, unknown>>>

/** The letter of each event, and its fields in the order in which they are kept. */
const layouts = {
  PoolDefined: [
    "P",
    {
      at: Micros,
      type: Schema.String,
      capacity: Whole,
      minCapacity: Whole,
      maxCapacity: Schema.optionalKey(Whole),
      rate: Schema.optionalKey(RateFields)
    }
  ],
  PoolConfigured: [
    "C",
    {
      at: Micros,
      type: Schema.String,
      capacity: Whole,
      configured: Configured,
      rate: Schema.optionalKey(RateFields)
    }
  ],
  CapacitySet: ["c", { at: Micros, type: Schema.String, capacity: Whole, maxCapacity: Schema.optionalKey(Whole) }],
  RateSet: ["r", { at: Micros, type: Schema.String, rate: Schema.optionalKey(RateFields) }],
  Refunded: ["f", { at: Micros, type: Schema.String, tokens: Whole }],
  QuotaSet: ["q", { at: Micros, agent: Schema.String, type: Schema.String, quota: Schema.optionalKey(Whole) }],
  GroupSet: [
    "o",
    {
      at: Micros,
      group: Schema.String,
      weight: Schema.Finite,
      limits: Schema.Array(Schema.Tuple([Schema.String, GroupLimitsFields])),
      parent: Schema.optionalKey(Schema.String),
      onQuota: Schema.optionalKey(OnQuotaField)
    }
  ],
  GroupRemoved: ["O", { at: Micros, group: Schema.String }],
  AgentAssigned: [
    "m",
    {
      at: Micros,
      agent: Schema.String,
      group: Schema.optionalKey(Schema.String),
      onQuota: Schema.optionalKey(OnQuotaField)
    }
  ],
  Queued: ["w", { at: Micros, id: Whole, ...asked, parked: Schema.optionalKey(Schema.Literal(true)) }],
  Admitted: ["a", { at: Micros, id: Whole }],
  Withdrawn: ["d", { at: Micros, id: Whole }],
  GrantedAtOnce: ["g", { at: Micros, id: Whole, token: Whole, ...asked }],
  Granted: [
    "G",
    {
      at: Micros,
      id: Whole,
      token: Whole,
      passed: Schema.optionalKey(Schema.Array(Whole)),
      priority: Schema.optionalKey(Schema.Int)
    }
  ],
  Planned: [
    "S",
    {
      at: Micros,
      starts: Schema.Array(Schema.Tuple([Whole, Micros])),
      unknown: Schema.optionalKey(Schema.Array(Whole))
    }
  ],
  Chosen: ["H", { at: Micros, id: Whole }],
  Rescued: ["R", { at: Micros, id: Whole, type: Schema.String }],
  AgentSet: ["A", { at: Micros, agent: Schema.String, weight: Weight, priority: Schema.Int }],
  SharesKept: ["h", { at: Micros, kept: Schema.Boolean, halfLife: Schema.optionalKey(Whole) }],
  Exempted: ["e", { at: Micros, id: Whole }],
  Undone: ["u", { at: Micros, id: Whole }],
  Kept: ["k", { at: Micros, id: Whole }],
  Settled: ["t", { at: Micros, id: Whole, costs: Pairs }],
  Shrunk: ["s", { at: Micros, id: Whole, amounts: Pairs }],
  Returned: ["x", { at: Micros, id: Whole, reason: ReturnReason, fence: Schema.optionalKey(Whole) }],
  Lingers: ["L", { at: Micros, id: Whole }],
  Preempting: [
    "p",
    {
      at: Micros,
      id: Whole,
      by: Whole,
      cause: NoticeCause,
      deadline: Micros,
      forcedAt: Micros,
      reservation: Schema.optionalKey(Whole)
    }
  ],
  Spared: ["v", { at: Micros, id: Whole }],
  Ending: ["D", { at: Micros, id: Whole }],
  Left: ["l", { at: Micros, id: Whole, reason: Schema.Union([RefusalTag, Schema.Literal("Interrupted")]) }],
  Refused: ["n", { at: Micros, agent: Schema.String, types: Schema.Array(Schema.String), reason: RefusalTag }],
  LeadSet: ["j", { at: Micros, lead: Schema.optionalKey(Whole) }],
  Reserved: ["b", { at: Micros, id: Whole, claim: Pairs, ...reservation }],
  ReservationEnded: ["B", { at: Micros, id: Whole, reason: Schema.Literals(["cancelled", "expired", "released"]) }],
  Stopped: ["z", { at: Micros }]
} as const satisfies Record<LedgerEvent["_tag"], readonly [string, Fields]>

interface Layout {
  readonly tag: LedgerEvent["_tag"]
  readonly letter: string
  readonly names: ReadonlyArray<string>
  readonly decode: (input: unknown) => Readonly<Record<string, unknown>>
}

const table: ReadonlyArray<Layout> = Object.entries(layouts).map(([tag, [letter, fields]]) => ({
  // The keys of `layouts` are exactly the tags.
  tag: tag as LedgerEvent["_tag"],
  letter,
  names: Object.keys(fields),
  decode: Schema.decodeUnknownSync(Schema.Struct<Fields>(fields))
}))

const byTag = new Map(table.map((layout) => [layout.tag, layout]))
const byLetter = new Map(table.map((layout) => [layout.letter, layout]))
if (byLetter.size !== table.length) throw new Error("two events have one letter")

/** Kept as pairs. */
const amountFields = new Set(["claim", "amounts", "costs", "limits"])

export type StoredEvent = ReadonlyArray<unknown>

/** An event as it is kept. Plain JSON. */
export const encodeEvent = (event: LedgerEvent): StoredEvent => {
  const { letter, names } = byTag.get(event._tag)!
  const stored: Array<unknown> = [letter]
  // Read by name, from a type that has each of the names of its own layout.
  const fields = event as unknown as Readonly<Record<string, unknown>>
  for (const name of names) {
    const value = fields[name]
    stored.push(amountFields.has(name) && value !== undefined ? Object.entries(value as object) : value)
  }
  while (stored.at(-1) === undefined) stored.pop()
  return stored
}

/** The event that was kept. Throws where it is none. */
export const decodeEvent = (stored: StoredEvent): LedgerEvent => {
  const [letter, ...values] = stored
  const layout = typeof letter === "string" ? byLetter.get(letter) : undefined
  if (layout === undefined) throw new Error(`no event begins with ${JSON.stringify(letter)}`)
  if (values.length > layout.names.length) throw new Error(`${layout.tag} has ${values.length} fields`)
  const fields: Record<string, unknown> = { _tag: layout.tag }
  const input: Record<string, unknown> = {}
  values.forEach((value, at) => {
    // JSON has no `undefined`: what is missing in the middle is null.
    if (value !== null) input[layout.names[at]!] = value
  })
  const decoded = layout.decode(input)
  for (const name of layout.names) {
    const value = decoded[name]
    // Pairs, which the layout's schema has just checked.
    fields[name] = amountFields.has(name) ? Object.fromEntries(value as Array<[string, unknown]>) : value
  }
  // By its tag's layout it has that event's fields, each checked.
  return fields as unknown as LedgerEvent
}
