/** The state of a Ledger as a snapshot keeps it: every field is checked as it is read. */
import * as Schema from "effect/Schema"
import { GroupLimitsFields, OnQuotaField } from "./quotaSchema.ts"
import type { State } from "../../ledger/State.ts"
import { NoticeFields, SchedulingFields } from "./schedulingSchema.ts"
import { reservation } from "./reservationSchema.ts"

const Micros = Schema.Finite
const Whole = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
/** Below 0 is a debt. */
const Level = Schema.Int.check(
  Schema.isBetween({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })
)
const Sum = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

const Rate = Schema.Struct({
  limit: Whole,
  intervalMicros: Whole,
  burst: Schema.optionalKey(Whole),
  per: Schema.Literals(["unit", "request"])
})

const bounds = {
  capacity: Whole,
  minCapacity: Whole,
  maxCapacity: Schema.optionalKey(Whole),
  rate: Schema.optionalKey(Rate)
}

const Terms = Schema.Struct({ generation: Whole, refunded: Schema.String.check(Schema.isPattern(/^\d+$/)) })

const Histogram = Schema.Struct({ count: Whole, sum: Sum, max: Sum, zeros: Whole, cells: Schema.Array(Whole) })

const figures = {
  acquisitions: Whole,
  failures: Schema.Record(Schema.String, Whole),
  waits: Histogram,
  holds: Histogram
}

const Bucket = Schema.Struct({ level: Level, remainder: Whole, burst: Whole, terms: Terms })

const Pool = Schema.Struct({
  type: Schema.String,
  ...bounds,
  configured: Schema.Struct(bounds),
  bucket: Schema.optionalKey(Bucket),
  generation: Whole,
  holders: Schema.Array(Whole),
  firstShort: Schema.optionalKey(Whole),
  rescuedAt: Schema.optionalKey(Whole),
  waitingLargest: Whole,
  blocked: Schema.Array(Whole),
  countedHard: Schema.Boolean,
  peak: Whole,
  ...figures,
  busy: Sum,
  accountedAt: Micros,
  definedAt: Micros
})

const Agent = Schema.Struct({
  id: Schema.String,
  weight: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  priority: Schema.optionalKey(Schema.Int),
  served: Schema.optionalKey(Sum),
  servedIn: Schema.optionalKey(Whole),
  accounts: Schema.Array(Schema.Struct({ pool: Whole, quota: Schema.optionalKey(Whole), peak: Whole })),
  manual: Schema.Array(Whole),
  group: Schema.optionalKey(Schema.String),
  onQuota: Schema.optionalKey(OnQuotaField),
  ...figures
})

const Group = Schema.Struct({
  id: Schema.String,
  parent: Schema.optionalKey(Schema.String),
  onQuota: Schema.optionalKey(OnQuotaField),
  weight: Schema.Finite,
  served: Schema.optionalKey(Sum),
  servedIn: Schema.optionalKey(Whole),
  virtual: Schema.optionalKey(Sum),
  levels: Schema.Array(
    Schema.Struct({
      pool: Whole,
      limits: GroupLimitsFields,
      bucket: Schema.optionalKey(Bucket),
      generation: Whole,
      peak: Whole
    })
  )
})

const Paid = Schema.Struct({
  group: Schema.String,
  pool: Whole,
  cost: Whole,
  level: Level,
  remainder: Whole,
  terms: Terms
})

const Part = Schema.Struct({
  pool: Whole,
  amount: Whole,
  cost: Whole,
  left: Schema.optionalKey(Schema.Struct({ level: Whole, remainder: Whole, terms: Terms }))
})

const Request = Schema.Struct({
  id: Whole,
  agent: Whole,
  askedAt: Micros,
  token: Whole,
  grantedAt: Schema.optionalKey(Micros),
  parent: Schema.optionalKey(Whole),
  grows: Schema.optionalKey(Whole),
  manual: Schema.optionalKey(Schema.Literal(true)),
  ttl: Schema.optionalKey(Micros),
  deadline: Schema.optionalKey(Micros),
  notice: Schema.optionalKey(NoticeFields),
  leasePriority: Schema.optionalKey(Schema.Int),
  scheduling: Schema.optionalKey(SchedulingFields),
  rescued: Schema.optionalKey(Schema.Literal(true)),
  chosen: Schema.optionalKey(Whole),
  toldStart: Schema.optionalKey(Micros),
  passed: Schema.optionalKey(Schema.Tuple([Whole, Micros])),
  parts: Schema.Array(Part),
  parked: Schema.optionalKey(Schema.Literal(true)),
  place: Schema.optionalKey(Whole),
  paid: Schema.optionalKey(Schema.Array(Paid))
})

export const LedgerState = Schema.Struct({
  now: Micros,
  ordered: Schema.optionalKey(Schema.Literal(true)),
  choices: Schema.optionalKey(Whole),
  virtual: Schema.optionalKey(Sum),
  halfLife: Schema.optionalKey(Whole),
  lead: Schema.optionalKey(Whole),
  nextId: Whole,
  nextToken: Whole,
  stopped: Schema.Boolean,
  exemptions: Whole,
  pools: Schema.Array(Pool),
  groups: Schema.optionalKey(Schema.Array(Group)),
  agents: Schema.Array(Agent),
  requests: Schema.Array(Request),
  exempt: Schema.Array(Whole),
  heldBack: Schema.optionalKey(Schema.Array(Whole)),
  reservations: Schema.optionalKey(
    Schema.Struct({
      nextId: Whole,
      open: Schema.Array(
        Schema.Struct({ id: Whole, claim: Schema.Array(Schema.Tuple([Schema.String, Whole])), ...reservation })
      )
    })
  )
})

/** Throws where it is none. What the parts of it say of each other is for `restore` to check. */
export const decodeState: (input: unknown) => State = Schema.decodeUnknownSync(LedgerState)
