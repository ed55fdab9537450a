/** What a caller says of a claim beside its amounts, and how it is read. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { amountAllowed, invalid } from "../ledger/admission.ts"
import { type Claim, isAmount } from "../ledger/Claim.ts"
import type { ClaimOptions } from "../ledger/Ledger.ts"
import type * as Refusals from "../ledger/Refusal.ts"
import type { Request } from "../ledger/Request.ts"
import type { Scheduling } from "../ledger/Scheduling.ts"

/** What a claim says of itself for the policies that its manager has. */
export interface SchedulingOptions {
  /** Higher goes first where the order goes by priority: a number, or the name of a class of the order. Its agent's unless given. */
  readonly priority?: number | string | undefined
  /** How long the lease is expected to last, for orders that plan ahead. Unknown unless given: it counts as endless. */
  readonly expected?: Duration.Input | undefined
  /** Whether the lease may be taken back for a claim that goes before it. */
  readonly preemptible?: boolean | undefined
  /**
   * The most that the lease and all inside it will hold, where deadlocks are avoided by
   * the banker's algorithm: a claim inside it that is more than that fails with `InvalidClaim`.
   */
  readonly maximum?: Claim | undefined
  /** What to do where it is over a quota for now. As its agent or its group says unless given; they fail unless told. */
  readonly onQuota?: "fail" | "wait" | undefined
}

/** What a claim that is only asked about says of itself. */
export interface CheckOptions extends SchedulingOptions {
  /** The longest time that its lease would last. */
  readonly expiresAfter?: Duration.Input | undefined
}

/** How a claim waits and how long its lease lasts. */
export interface WaitOptions extends SchedulingOptions {
  /** The longest wait: `ClaimTimedOut` after it. The manager's default unless given; `"Infinity"` waits for ever. */
  readonly timeout?: Duration.Input | undefined
  /** The longest time that the lease lasts: it is taken back then, whatever its holder does. For ever unless given. */
  readonly expiresAfter?: Duration.Input | undefined
  /**
   * When the body of `withLease` is stopped, where its lease is preemptible and has to
   * end: at the deadline, which is the default, or as soon as that is announced.
   */
  readonly stopAt?: "deadline" | "announcement" | undefined
}

/** Microseconds of a duration, rounded up, or what is wrong with it. */
export const readDuration = (field: string, input: Duration.Input): number | Refusals.InvalidClaim => {
  // A duration reads NaN as zero, which no caller can have meant.
  const duration = Number.isNaN(input) ? undefined : Option.getOrUndefined(Duration.fromInput(input))
  const micros = duration === undefined ? Number.NaN : Math.ceil(Duration.toMicros(duration))
  return micros >= 0 ? micros : invalid(field, String(input), 'a duration such as "5 seconds", not negative')
}

/** The most that a priority may be, either way. */
const priorityMax = 1_000_000_000

/** A priority, or the name of a class of it. */
export const readPriority = (
  input: number | string,
  classes: Readonly<Record<string, number>>
): number | Refusals.InvalidClaim => {
  const priority = typeof input === "string" && Object.hasOwn(classes, input) ? classes[input] : input
  if (typeof priority === "number" && Number.isInteger(priority) && Math.abs(priority) <= priorityMax) {
    // Not -0.
    return priority + 0
  }
  const names = Object.keys(classes)
  const none = typeof input === "string" ? "; the order has no classes of priority" : ""
  const named = names.length === 0 ? none : `, or one of the classes ${names.join(", ")}`
  return invalid("priority", input, `a whole number from -${priorityMax} to ${priorityMax}${named}`)
}

/** What a claim's options say for the policies; `undefined` where they say nothing. */
export const readScheduling = (
  options: SchedulingOptions,
  classes: Readonly<Record<string, number>>
): Scheduling | Refusals.InvalidClaim | undefined => {
  const { expected, maximum, onQuota, preemptible } = options
  const priority = options.priority === undefined ? undefined : readPriority(options.priority, classes)
  const says = priority !== undefined || expected !== undefined || onQuota !== undefined || maximum !== undefined
  if (!says && preemptible !== true) return undefined
  for (const [type, amount] of Object.entries(maximum ?? {})) {
    if (!isAmount(amount)) return invalid(`maximum.${type}`, amount, amountAllowed)
  }
  if (onQuota !== undefined && onQuota !== "fail" && onQuota !== "wait") {
    return invalid("onQuota", onQuota, '"fail" or "wait"')
  }
  if (typeof priority === "object") return priority
  const micros = expected === undefined ? 0 : readDuration("expected", expected)
  if (typeof micros !== "number") return micros
  return {
    ...(priority === undefined ? {} : { priority }),
    expected: micros === Infinity ? 0 : micros,
    preemptible: preemptible === true,
    ...(onQuota === undefined ? {} : { onQuota }),
    ...(maximum === undefined ? {} : { maximum: { ...maximum } })
  }
}

/** What the Ledger is told of a claim inside `parent`, or what is wrong with its options. */
export const readWait = (
  parent: Request | undefined,
  options: WaitOptions | undefined,
  defaults: {
    readonly classes: Readonly<Record<string, number>>
    /** The longest wait of claims that name none, in microseconds. */
    readonly timeoutMicros: number
  },
  now: number,
  more?: ClaimOptions
): ClaimOptions | Refusals.InvalidClaim => {
  const timeout = options?.timeout === undefined ? defaults.timeoutMicros : readDuration("timeout", options.timeout)
  if (typeof timeout !== "number") return timeout
  const ttl = options?.expiresAfter === undefined ? 0 : readDuration("expiresAfter", options.expiresAfter)
  if (typeof ttl !== "number") return ttl
  if (options?.expiresAfter !== undefined && ttl === 0) {
    return invalid("expiresAfter", String(options.expiresAfter), "a duration above zero")
  }
  const scheduling = options === undefined ? undefined : readScheduling(options, defaults.classes)
  if (scheduling !== undefined && "_tag" in scheduling) return scheduling
  return {
    ...more,
    parent,
    deadline: timeout === Infinity ? undefined : now + timeout,
    ttl: ttl === Infinity ? 0 : ttl,
    scheduling
  }
}
