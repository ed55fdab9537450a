/** Why somebody waits, in a few words: one reason, and how many more there are. */
import type { WaiterView, WaitReason } from "@resource-manager/core/Statistics"
import { amount, type Types } from "./amounts.ts"
import { duration } from "./time.ts"

/** What has to change first comes first: order matters only once there is enough. */
const weights = {
  Quota: 0,
  Growth: 0,
  Capacity: 1,
  Reservation: 2,
  Safety: 2,
  Rate: 3,
  Order: 4
} as const satisfies Record<WaitReason["_tag"], number>

export const byWeight = (reasons: ReadonlyArray<WaitReason>): ReadonlyArray<WaitReason> =>
  reasons.toSorted((a, b) => weights[a._tag] - weights[b._tag])

/** Whose quota a claim waits for. */
export const quotaName = ({ quota }: WaitReason): string =>
  quota === undefined || quota.path.length === 0 ? "its agent" : quota.path.join("/")

const limitNames = {
  nominal: "all in use",
  borrowing: "all borrowed that may be",
  max: "its maximum in use",
  leases: "as many leases as may be",
  rate: "no tokens",
  order: "its turn comes"
} as const

/** What is short there, in a few words. */
export const limitName = ({ quota, readyInMillis }: WaitReason): string =>
  quota?.limit === "rate" && readyInMillis !== undefined
    ? `tokens in ${duration(readyInMillis)}`
    : quota?.path.length === 0
      ? "all in use"
      : limitNames[quota?.limit ?? "order"]

export const reasonShort = (reason: WaitReason, types: Types): string => {
  const type = reason.resourceType
  const requested = amount(types, type, reason.requested ?? 0)
  switch (reason._tag) {
    case "Growth":
      // Who keeps it small knows why, and perhaps for how long.
      return `${type}: ${reason.note ?? `must grow to ${requested}`}`
    case "Capacity":
      return `${type}: ${requested}, ${(reason.available ?? 0) > 0 ? amount(types, type, reason.available ?? 0) : "none"} free`
    case "Reservation":
      return `${type}: reserved for ${reason.kept?.[0]?.for ?? "others"}`
    case "Rate":
      return reason.readyInMillis === undefined
        ? `${type}: its tokens are kept for those ahead`
        : `${type}: tokens in ${duration(reason.readyInMillis)}`
    case "Quota":
      return `${type}: quota of ${quotaName(reason)}, ${limitName(reason)}`
    case "Order":
      return `${type}: behind ${reason.ahead}`
    case "Safety":
      return `${type}: would risk a deadlock with ${reason.declared?.find(({ lease }) => lease > 0)?.agent ?? "others"}`
  }
}

/** `cpu: 4 cores, 1 core free +2`. */
export const whyShort = (waiter: WaiterView, types: Types): string => {
  const [first, ...more] = byWeight(waiter.reasons)
  if (first === undefined) return waiter.exempt ? "may pass the queue, once there is enough" : "its turn"
  return `${reasonShort(first, types)}${more.length > 0 ? ` +${more.length}` : ""}`
}
