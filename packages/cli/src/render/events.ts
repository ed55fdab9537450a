/**
 * `events`: each event of the decision core as one readable line, with the time of
 * the wall clock. Most events name a claim by its number alone; a printer
 * remembers what it has seen of those that go on.
 */
import type { LedgerEvent } from "@resource-manager/core/Ledger"
import { amount, claimShort, counted, rateText, type Types } from "./amounts.ts"
import { failureWord } from "./failures.ts"
import { nameCell, named } from "./names.ts"
import type { Role } from "./style.ts"
import { line, pad, type Span, span, type Text } from "./text.ts"
import { duration, wallTime } from "./time.ts"
import type { Sheet } from "./views.ts"

/** Some events were not delivered: the reader was too slow. */
export interface Dropped {
  readonly _tag: "Dropped"
  readonly count: number
}

export interface TimedEvent {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly event: LedgerEvent | Dropped
}

type EventOf<Tag extends LedgerEvent["_tag"]> = Extract<LedgerEvent, { readonly _tag: Tag }>

/** What is known of a claim by its number. `at` is when it was queued or granted, in microseconds. */
interface Known {
  readonly agent: string
  readonly claim: Readonly<Record<string, number>>
  readonly at: number
}

/** How many claims are remembered at most; the oldest are forgotten. */
const knownMax = 10_000

const since = (known: Known | undefined, at: number): string =>
  known === undefined ? "" : ` after ${duration((at - known.at) / 1_000)}`

interface Said {
  readonly what: string
  readonly role?: Role
  readonly text: Text
}

const list = (...parts: ReadonlyArray<string | Span | undefined>): Text => parts.filter((part) => part !== undefined)

const asked = (event: EventOf<"Queued" | "GrantedAtOnce">, types: Types): ReadonlyArray<string | Span> => [
  nameCell(event.agent),
  `: ${claimShort(types, event.claim) || "nothing"}`,
  ...(event.grows === undefined ? [] : [`, to grow lease ${event.grows}`]),
  ...(event.parent === undefined ? [] : [`, inside lease ${event.parent}`])
]

/** By when who starts, where that is new. */
const planned = ({ at, starts, unknown = [] }: EventOf<"Planned">): string => {
  const [first, ...more] = starts
  const told =
    first === undefined
      ? []
      : more.length > 0
        ? [`${counted(starts.length, "waiter")} told by when they start`]
        : [`waiter ${first[0]} starts in ${duration((first[1] - at) / 1_000)} at the latest`]
  const lost = unknown.length === 0 ? [] : [`${counted(unknown.length, "waiter")} told that nobody knows any more`]
  return [...told, ...lost].join(", ")
}

const limits = (event: EventOf<"Queued" | "GrantedAtOnce">): string => {
  const ttl = event.ttl === 0 ? "" : `, for at most ${duration(event.ttl / 1_000)}`
  return event.deadline === undefined || event.deadline === Infinity
    ? ttl
    : `${ttl}, gives up in ${duration((event.deadline - event.at) / 1_000)}`
}

const claimOf = (kind: "lease" | "waiter", id: number, known: Known | undefined): ReadonlyArray<string | Span> =>
  known === undefined ? [`${kind} ${id}`] : [`${kind} ${id} of `, nameCell(known.agent)]

const rateSet = ({ rate, type }: EventOf<"RateSet">): Said => ({
  what: "rate",
  text: list(
    nameCell(type),
    rate === undefined
      ? ": no rate"
      : `: ${rateText({ limit: rate.limit, intervalMillis: rate.intervalMicros / 1_000 })} by the ${rate.per}`
  )
})

const endsFor = ({ by, cause, reservation }: EventOf<"Preempting">): string =>
  cause === "reservation"
    ? `reservation ${reservation ?? "?"}`
    : `${cause === "deadlock" ? "a deadlock of " : ""}waiter ${by}`

const returned = (event: EventOf<"Returned">, known: Known | undefined): Said => {
  const byItself = event.reason === "released"
  const text = list(...claimOf("lease", event.id, known), since(known, event.at), byItself ? "" : `: ${event.reason}`)
  return byItself ? { what: "returned", text } : { what: "returned", role: "warn", text }
}

/** An event of a kind that this does not know, as from a newer daemon: told by its fields. */
const unknownKind = (event: { readonly _tag: string }): Said => {
  const { _tag, ...fields } = event
  return { what: _tag, text: JSON.stringify(fields) }
}

/** What an event says. */
const say = (event: LedgerEvent | Dropped, known: Known | undefined, types: Types): Said => {
  switch (event._tag) {
    case "PoolDefined":
      return { what: "pool", text: list(nameCell(event.type), `: ${amount(types, event.type, event.capacity)}`) }
    case "CapacitySet":
      return { what: "capacity", text: list(nameCell(event.type), `: ${amount(types, event.type, event.capacity)}`) }
    case "RateSet":
      return rateSet(event)
    case "Refunded":
      return { what: "refunded", text: list(nameCell(event.type), `: ${counted(event.tokens, "token")}`) }
    case "QuotaSet": {
      const quota = event.quota === undefined ? "no quota" : `at most ${amount(types, event.type, event.quota)}`
      return { what: "quota", text: list(nameCell(event.agent), `: ${quota} of ${event.type}`) }
    }
    case "Queued":
      return {
        what: "waiting",
        role: "warn",
        text: list(`waiter ${event.id} of `, ...asked(event, types), limits(event))
      }
    case "GrantedAtOnce":
      return {
        what: "granted",
        role: "good",
        text: list(`lease ${event.id} to `, ...asked(event, types), limits(event))
      }
    case "Granted": {
      const what = known === undefined ? undefined : `: ${claimShort(types, known.claim)}`
      const who = known === undefined ? [`lease ${event.id}`] : [`lease ${event.id} to `, nameCell(known.agent)]
      return { what: "granted", role: "good", text: list(...who, what, since(known, event.at)) }
    }
    case "Exempted":
      return { what: "exempted", text: list(...claimOf("waiter", event.id, known), " may pass the queue") }
    case "Undone":
      return { what: "undone", text: list(...claimOf("lease", event.id, known), ": its work never began") }
    case "Kept":
      return { what: "kept", text: list("growth ", String(event.id), " is its lease's for good") }
    case "Settled":
      return {
        what: "settled",
        text: list(
          ...claimOf("lease", event.id, known),
          ...Object.entries(event.costs).flatMap(([type, tokens], at) => [
            `${at === 0 ? ":" : ","} ${counted(tokens, "token")} of `,
            nameCell(type)
          ])
        )
      }
    case "Shrunk":
      return {
        what: "shrunk",
        text: list(...claimOf("lease", event.id, known), ` gave back ${claimShort(types, event.amounts)}`)
      }
    case "Returned":
      return returned(event, known)
    case "Lingers":
      return {
        what: "lingers",
        text: list(...claimOf("lease", event.id, known), ": its processes are ended when it expires")
      }
    case "Preempting":
      if (event.cause === "expiry") {
        return { what: "expiring", role: "warn", text: list(...claimOf("lease", event.id, known), " has expired") }
      }
      return {
        what: "preempting",
        role: "warn",
        text: list(
          ...claimOf("lease", event.id, known),
          ` has to end for ${endsFor(event)}, in ${duration((event.deadline - event.at) / 1_000)}`
        )
      }
    case "Planned":
      return { what: "planned", text: planned(event) }
    case "Spared":
      return { what: "spared", text: list(...claimOf("lease", event.id, known), " need not end") }
    case "Ending":
      return {
        what: "ending",
        role: "warn",
        text: list(...claimOf("lease", event.id, known), ": its time is over")
      }
    case "Left": {
      const why = failureWord(event.reason)
      return {
        what: "left",
        role: "warn",
        text: list(...claimOf("waiter", event.id, known), since(known, event.at), `: ${why}`)
      }
    }
    case "Refused": {
      const names = event.types.map(named).join(", ")
      return {
        what: "refused",
        role: "bad",
        text: list(nameCell(event.agent), `: ${failureWord(event.reason)} (${names})`)
      }
    }
    case "Stopped":
      return { what: "stopped", role: "warn", text: "no more claims are taken" }
    case "Dropped":
      return { what: "missed", role: "bad", text: `${counted(event.count, "event")} came faster than they were read` }
    default:
      return unknownKind(event)
  }
}

const ends = new Set<string>(["Returned", "Left", "Undone"])

/** Prints events in the order in which they happened. */
export class EventPrinter {
  private readonly sheet: Sheet
  private readonly known = new Map<number, Known>()

  constructor(sheet: Sheet) {
    this.sheet = sheet
  }

  /** One line, without its end. */
  line({ event, time }: TimedEvent): string {
    const { style, types, width, zone } = this.sheet
    const { role, text, what } = say(event, "id" in event ? this.known.get(event.id) : undefined, types)
    this.remember(event)
    const word = pad(role === undefined ? what : span(role, what), 9)
    const parts = Array.isArray(text) ? text : [text]
    return line([span("dim", wallTime(time, zone)), "  ", ...word, "  ", ...parts], width, style)
  }

  private remember(event: TimedEvent["event"]): void {
    if (event._tag === "Queued" || event._tag === "GrantedAtOnce") {
      this.known.set(event.id, { agent: event.agent, claim: event.claim, at: event.at })
      const oldest = this.known.size > knownMax ? this.known.keys().next().value : undefined
      if (oldest !== undefined) this.known.delete(oldest)
    } else if (event._tag === "Granted") {
      const known = this.known.get(event.id)
      // From here on it is held, and its age is that of the lease.
      if (known !== undefined) this.known.set(event.id, { ...known, at: event.at })
    } else if ("id" in event && ends.has(event._tag)) this.known.delete(event.id)
  }
}
