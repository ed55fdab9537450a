/** Who goes first in a replay, and who may start before somebody else: what the flags say. */
import { byF1, type LedgerOptions, Order, type OrderPolicy, shortestFirst } from "@resource-manager/core/Ledger"
import * as Result from "effect/Result"
import { InvalidOption } from "./errors.ts"
import type { BackfillName, OrderName } from "./policyNames.ts"

export interface Policy {
  readonly order: OrderName
  readonly backfill: BackfillName
  /** How many of those who wait backfill looks at, oldest first. */
  readonly depth: number
  /** Whether who was chosen next, and does not fit, stays next, whoever arrives. */
  readonly committedHead: boolean
}

/** Orders by size choose who is next, and stay with that or not; by arrival nobody overtakes, in all others anybody may. */
export const readPolicy = (
  order: OrderName,
  backfill: BackfillName,
  depth: number,
  overtake: boolean
): Result.Result<Policy, InvalidOption> => {
  const sized = order === "sjf" || order === "f1"
  if (overtake && !sized) {
    return Result.fail(new InvalidOption({ option: "--overtake", value: order, allowed: "--order sjf or --order f1" }))
  }
  return Result.succeed({ order, backfill, depth, committedHead: order === "fcfs" || (sized && !overtake) })
}

/** First come, first served. */
export const plainPolicy: Policy = { order: "fcfs", backfill: "none", depth: 1000, committedHead: true }

/** The same for the Ledger. */
export const decidersOf = (policy: Policy, originMicros: number): Pick<LedgerOptions, "backfill" | "order"> => ({
  backfill: policy.backfill === "none" ? undefined : { kind: policy.backfill, depth: policy.depth },
  order: policy.order === "fcfs" ? undefined : new Order(orderPolicy(policy, originMicros))
})

const orderPolicy = ({ committedHead, order }: Policy, originMicros: number): OrderPolicy => {
  if (order === "sjf") return { name: order, size: shortestFirst, committedHead }
  if (order === "f1") return { name: order, size: byF1(originMicros), committedHead }
  if (order === "priority") return { name: order, priority: { inherits: false } }
  return { name: order, fairShare: { by: "held" } }
}
