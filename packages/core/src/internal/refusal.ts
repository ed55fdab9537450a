/** Turns the Ledger's plain facts into typed errors with a message for people. */
import * as Errors from "../Errors.ts"
import type { JournalFailed } from "../Journal.ts"
import type { Claim } from "../ledger/Claim.ts"
import type { WaitReason } from "../ledger/explain.ts"
import { formatQuota, quotaExceeded } from "./quotaText.ts"
import * as Refusal from "../ledger/Refusal.ts"
import type { Request } from "../ledger/Request.ts"
import type { Holder } from "../ledger/reservations/Reservation.ts"

/** How amounts of each type read. */
export interface Formats {
  (resourceType: string, amount: number): string
  /** Why the pool has the capacity that it has, where somebody said so. */
  readonly note?: (resourceType: string) => string | undefined
}

export const formatClaim = (claim: Claim, formats: Formats): string =>
  Object.entries(claim)
    .map(([type, amount]) => `${type}: ${formats(type, amount)}`)
    .join(", ")

const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value !== "object" || value === null) return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    // What cannot be shown (a cycle, a bigint inside) is named by its kind: a refusal must not throw.
    return Object.prototype.toString.call(value)
  }
}

/** What was given, as a wire can carry it: as it is where that is JSON, else as it reads. */
export const tellable = (value: unknown): unknown => {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean" ? value : show(value)
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return show(value)
  }
}

export const formatDuration = (micros: number): string => {
  const millis = micros / 1_000
  if (millis < 1_000) return `${Math.round(millis)} ms`
  const seconds = millis / 1_000
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  const minutes = seconds / 60
  return minutes < 120 ? `${minutes.toFixed(1)} min` : `${(minutes / 60).toFixed(1)} h`
}

const tokens = (count: number): string => (count === 1 ? "1 token" : `${count} tokens`)

export const holderText = (holder: Holder): string => {
  switch (holder._tag) {
    case "Agent":
      return holder.agent
    case "Group":
      return `group ${holder.group}`
    case "Priority":
      return `priority ${holder.atLeast} and above`
  }
}

/** One reason as a line. `now` is the Ledger's clock. */
export const formatReason = (reason: WaitReason, formats: Formats, now: number): string => {
  const type = reason.resourceType
  const amount = (value: number) => formats(type, value)
  const note = formats.note?.(type)
  const because = note === undefined ? "" : `; ${note}`
  switch (reason._tag) {
    case "Capacity": {
      const holders = reason.holders.slice(0, 3).map(({ agent, amount: units, ending, heldMicros }) => {
        const told =
          ending === undefined ? "" : ` and has to end within ${formatDuration(Math.max(0, ending.endsAtLatest - now))}`
        return `${agent} holds ${amount(units)} for ${formatDuration(heldMicros)}${told}`
      })
      const more = reason.holdersTotal - holders.length
      const named = more > 0 ? [...holders, `${more} more`] : holders
      return `${type}: asks for ${amount(reason.requested)}, ${amount(Math.max(0, reason.free))} of ${amount(reason.capacity)} free (${named.join(", ")})${because}`
    }
    case "Growth":
      return `${type}: asks for ${amount(reason.requested)}, the pool has ${amount(reason.capacity)} and may grow to ${amount(reason.maxCapacity)}${because}`
    case "Reservation": {
      const kept = reason.kept
        .slice(0, 3)
        .map(({ amount: units, from, holder }) =>
          from > now
            ? `${amount(units)} for ${holderText(holder)} in ${formatDuration(from - now)}`
            : `${amount(units)} for ${holderText(holder)}`
        )
      const more = reason.kept.length - kept.length
      const named = more > 0 ? [...kept, `${more} more`] : kept
      return `${type}: asks for ${amount(reason.requested)}, ${amount(reason.free)} free that are promised to nobody else (reserved: ${named.join(", ")})`
    }
    case "Rate":
      return `${type}: needs ${tokens(reason.requested)} of its rate, has ${reason.tokens}, ${
        reason.readyAt === Infinity
          ? "of which those ahead keep the rest"
          : `enough in ${formatDuration(reason.readyAt - now)}`
      }`
    case "Quota":
      return formatQuota(reason, formats, now)
    case "Order":
      return `${type}: ${reason.ahead} ahead, waiting for ${amount(reason.aheadAmount)}`
    case "Safety": {
      const named = reason.declared
        .slice(0, 3)
        .map(({ agent, amount: units, lease }) =>
          lease === 0
            ? `the claim itself up to ${amount(units)} more`
            : `${agent} up to ${amount(units)} more (lease ${lease})`
        )
      const more = reason.declared.length - named.length
      const who = more > 0 ? [...named, `${more} more`] : named
      return `${type}: would risk a deadlock: ${amount(reason.left)} would be left, and by what was declared may be asked for ${who.join(", ")}`
    }
  }
}

const exhausted = (facts: Refusal.ResourceExhausted, formats: Formats): string => {
  const type = facts.resourceType
  if (facts.reason === "neverFits") {
    if (facts.short === "reservation") {
      return `${type}: ${formats(type, facts.requested)} can never be granted, the pool has ${formats(type, facts.limit)} that are promised to nobody else`
    }
    return facts.short === "capacity"
      ? `${type}: ${formats(type, facts.requested)} can never be granted, the pool has at most ${formats(type, facts.limit)}`
      : `${type}: ${tokens(facts.requested)} can never be there at once, the burst of its rate is ${facts.limit}`
  }
  switch (facts.short) {
    case "capacity":
      return `${type}: asked for ${formats(type, facts.requested)}, ${formats(type, facts.available)} free`
    case "rate":
      return `${type}: needs ${tokens(facts.requested)} of its rate, has ${facts.available}`
    case "reservation":
      return `${type}: asked for ${formats(type, facts.requested)}, ${formats(type, facts.available)} free that are promised to nobody else`
    case "order":
      return `${type}: asked for ${formats(type, facts.requested)}, earlier waiters come first`
  }
}

const deadlock = (facts: Refusal.DeadlockDetected, formats: Formats): string => {
  const steps = facts.cycle.map(
    (step) =>
      `  ${step.agent} waits for ${formats(step.resourceType, step.requested)} of ${step.resourceType}, ` +
      `of which ${step.heldBy} holds ${formats(step.resourceType, step.holds)} (lease ${step.lease})`
  )
  if (facts.avoided !== undefined) {
    return `no deadlock is risked (${facts.avoided}): ${facts.agent} asked for ${formatClaim(facts.claim, formats)}, which an older lease holds\n${steps.join("\n")}`
  }
  return `deadlock: ${facts.agent} asked for ${formatClaim(facts.claim, formats)} and would wait for ever\n${steps.join("\n")}`
}

/** What claims fail with where a manager ended because of its journal. */
export const stoppedBy = (failure: JournalFailed) =>
  new Errors.ManagerStopped({ message: `the resource manager has stopped: ${failure.message}` })

export const stoppedError = () => new Errors.ManagerStopped({ message: "the resource manager has stopped" })

export const invalidClaim = (field: string, value: unknown, allowed: string) =>
  new Errors.InvalidClaim({
    message: `${field} is ${show(value)}; allowed: ${allowed}`,
    field,
    value: tellable(value),
    allowed
  })

export const invalidCapacity = (resourceType: string, field: string, value: unknown, allowed: string) =>
  new Errors.InvalidCapacity({
    message: `${resourceType}: ${field} is ${show(value)}; allowed: ${allowed}`,
    resourceType,
    field,
    value: tellable(value),
    allowed
  })

export const invalidRate = (resourceType: string, field: string, value: unknown, allowed: string) =>
  new Errors.InvalidRate({
    message: `${resourceType}: ${field} is ${show(value)}; allowed: ${allowed}`,
    resourceType,
    field,
    value: tellable(value),
    allowed
  })

export const unknownResourceType = (resourceType: string, known: ReadonlyArray<string>) =>
  new Errors.UnknownResourceType({
    message: `no pool counts ${show(resourceType)}; there ${known.length === 1 ? "is" : "are"}: ${known.join(", ") || "none"}`,
    resourceType,
    known
  })

export const notAcquired = (facts: Refusal.ResourceNotAcquired, formats: Formats) =>
  new Errors.ResourceNotAcquired({
    agent: facts.agent,
    requested: facts.requested,
    held: facts.held,
    message: `${facts.agent} cannot release ${formatClaim(facts.requested, formats)}: by hand it acquired ${formatClaim(facts.held, formats) || "nothing"}`
  })

/** What a manual release fails with. */
export const manualError = (
  refusal: Refusal.ResourceNotAcquired | Refusal.InvalidClaim | Refusal.UnknownResourceType,
  formats: Formats
): Errors.ResourceNotAcquired | Errors.InvalidClaim | Errors.UnknownResourceType => {
  switch (refusal._tag) {
    case "ResourceNotAcquired":
      return notAcquired(refusal, formats)
    case "InvalidClaim":
      return invalidClaim(refusal.field, refusal.value, refusal.allowed)
    case "UnknownResourceType":
      return unknownResourceType(refusal.resourceType, refusal.known)
  }
}

export const leaseRevoked = (facts: Omit<Refusal.LeaseRevoked, "_tag">) =>
  new Errors.LeaseRevoked({
    lease: facts.lease,
    agent: facts.agent,
    reason: facts.reason,
    message: `lease ${facts.lease} of ${facts.agent} ${
      {
        expired: "has expired",
        stopped: "was taken back at the stop",
        revoked: "was revoked by an administrator",
        lost: "was taken back because its holder is gone",
        preempted: "was taken for a claim that goes before it",
        returned: "has come back already"
      }[facts.reason]
    }`
  })

/** The same of a lease that is held no more. */
export const leaseGone = (lease: Request) =>
  leaseRevoked({ lease: lease.id, agent: lease.agent.id, reason: goneReason(lease) })

const goneReason = ({ notice, returnedBy }: Request): Refusal.TakenReason => {
  if (notice === undefined || (returnedBy !== undefined && returnedBy !== "overrun")) {
    return Refusal.takenReason(returnedBy)
  }
  return notice.cause === "expiry" ? "expired" : "preempted"
}

/** The typed error of a refusal. Only `grow` can meet `LeaseRevoked`. */
export const toError = (
  refusal: Refusal.Refusal,
  formats: Formats,
  now: number
): Errors.ClaimError | Errors.LeaseRevoked => {
  switch (refusal._tag) {
    case "InvalidClaim":
      return invalidClaim(refusal.field, refusal.value, refusal.allowed)
    case "UnknownResourceType":
      return unknownResourceType(refusal.resourceType, refusal.known)
    case "ResourceExhausted":
      return new Errors.ResourceExhausted({ ...refusal, message: exhausted(refusal, formats) })
    case "QuotaExceeded":
      return quotaExceeded(refusal, formats, now)
    case "DeadlockDetected":
      return new Errors.DeadlockDetected({ ...refusal, message: deadlock(refusal, formats) })
    case "ClaimTimedOut": {
      const reasons = refusal.reasons.map((reason) => formatReason(reason, formats, now))
      return new Errors.ClaimTimedOut({
        agent: refusal.agent,
        claim: refusal.claim,
        waitedMillis: refusal.waitedMicros / 1_000,
        reasons,
        message:
          `${refusal.agent} waited ${formatDuration(refusal.waitedMicros)} for ${formatClaim(refusal.claim, formats)}` +
          reasons.map((reason) => `\n  ${reason}`).join("")
      })
    }
    case "QueueFull":
      return new Errors.QueueFull({
        ...refusal,
        message: `the queue of ${refusal.name} is full: ${refusal.waiting} waiting, at most ${refusal.limit}`
      })
    case "ManagerStopped":
      return stoppedError()
    case "LeaseRevoked":
      return leaseRevoked(refusal)
  }
}
