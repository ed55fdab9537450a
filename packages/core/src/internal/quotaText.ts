/** What a tree of quotas says to people. */
import * as Errors from "../Errors.ts"
import type { QuotaReason } from "../ledger/quota/reasons.ts"
import type { QuotaExceeded } from "../ledger/Refusal.ts"
import { type Formats, formatDuration } from "./refusal.ts"

const counted = (count: number, one: string): string => (count === 1 ? `1 ${one}` : `${count} ${one}s`)

interface Figures {
  readonly resourceType: string
  readonly limit: QuotaReason["limit"]
  readonly requested: number
  readonly quota: number
  readonly held: number
  readonly waiting: number
}

/** What a group has left, and why that is not enough. */
const standing = (where: string, facts: Figures, formats: Formats, ready: string): string => {
  const { held, limit, quota, resourceType: type, waiting } = facts
  const amount = (value: number) => formats(type, value)
  const kept =
    waiting > 0 ? `, ${limit === "leases" || limit === "rate" ? waiting : amount(waiting)} kept for waiters` : ""
  switch (limit) {
    case "leases":
      return `${where} may have ${counted(quota, "lease")} at once and has ${held}${kept}`
    case "rate":
      return `the rate of ${where} has ${counted(Math.max(0, quota - held), "token")} of ${quota}${kept}, ${counted(facts.requested, "token")} needed${ready}`
    case "order":
      return `${where} has some left, and earlier claims come first`
    case "max":
      return `${where} may use ${amount(quota)} and uses ${amount(held)}${kept}`
    case "borrowing":
      return `${where} may use ${amount(quota)} with all that it may borrow, and uses ${amount(held)}${kept}`
    case "nominal":
      return `${where} has ${amount(quota)} in all, ${amount(held)} in use${kept}`
  }
}

/** The error of a refusal for quota. `now` is the Ledger's clock. */
export const quotaExceeded = (refusal: QuotaExceeded, formats: Formats, now: number): Errors.QuotaExceeded => {
  const { agent, level, requested, resourceType: type, waiting, ...facts } = refusal
  const amount = (value: number) => formats(type, value)
  if (level === undefined) {
    const waits = waiting > 0 ? ` and waits for ${amount(waiting)}` : ""
    return new Errors.QuotaExceeded({
      ...facts,
      agent,
      requested,
      resourceType: type,
      waiting,
      message: `${agent} asked for ${amount(requested)} of ${type}: its quota is ${amount(facts.quota)}, it holds ${amount(facts.held)}${waits}`
    })
  }
  const { limit, path, readyAt } = level
  const ready = readyAt === undefined ? "" : `, there in ${formatDuration(readyAt - now)}`
  const asked = limit === "leases" || limit === "rate" ? `a lease of ${type}` : `${amount(requested)} of ${type}`
  const state = standing(path.join("/"), { ...facts, requested, resourceType: type, limit, waiting }, formats, ready)
  return new Errors.QuotaExceeded({
    ...facts,
    agent,
    requested,
    resourceType: type,
    waiting,
    level: { path, limit, ...(readyAt === undefined ? {} : { readyInMillis: (readyAt - now) / 1_000 }) },
    message: `${agent} asked for ${asked}: ${state}`
  })
}

/** A wait for quota as a line. */
export const formatQuota = (reason: QuotaReason, formats: Formats, now: number): string => {
  const { ahead, borrowers, entitled, path, readyAt, requested, resourceType: type } = reason
  const amount = (value: number) => formats(type, value)
  const where = path.join("/")
  const ready =
    readyAt === undefined || readyAt === Infinity ? "" : `, there in ${formatDuration(Math.max(0, readyAt - now))}`
  const lent = entitled ? "; what it asks for is its group's own, and comes back first" : ""
  const named = borrowers.slice(0, 3).map(({ borrowed, group }) => `${group} borrows ${amount(borrowed)}`)
  const who = named.length === 0 ? "" : ` (${named.join(", ")})`
  const before = ahead === 0 ? "" : `; ${ahead} ahead`
  if (path.length === 0) {
    const { held, quota } = reason
    return `${type}: asks for ${amount(requested)}, its agent's own quota is ${amount(quota)}, ${amount(held)} in use${before}`
  }
  const asks =
    reason.limit === "rate" || reason.limit === "leases" ? "waits for quota" : `asks for ${amount(requested)}`
  return `${type}: ${asks}, ${standing(where, reason, formats, ready)}${who}${lent}${before}`
}
