/** Claims that ended without a lease, by what ended them. */
import { count } from "./amounts.ts"

const words: Readonly<Record<string, string>> = {
  Interrupted: "given up",
  ClaimTimedOut: "timed out",
  QuotaExceeded: "over quota",
  ResourceExhausted: "exhausted",
  DeadlockDetected: "deadlocked",
  QueueFull: "queue full",
  ManagerStopped: "stopped",
  InvalidClaim: "invalid",
  UnknownResourceType: "unknown type",
  LeaseRevoked: "revoked"
}

export const failuresTotal = (failures: Readonly<Record<string, number>>): number =>
  Object.values(failures).reduce((sum, each) => sum + each, 0)

/** A tag as people read it. */
export const failureWord = (tag: string): string => (Object.hasOwn(words, tag) ? words[tag] : undefined) ?? tag

/** `2 over quota, 1 timed out`, the most frequent first; `none`. */
export const failuresText = (failures: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(failures)
    .filter(([, times]) => times > 0)
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([tag, times]) => `${count(times)} ${failureWord(tag)}`)
  return parts.length === 0 ? "none" : parts.join(", ")
}
