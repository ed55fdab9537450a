/** Who goes first in a replay, and who may start before somebody else: what the flags say. */
import { byF1, type LedgerOptions, Order, type OrderPolicy, shortestFirst } from "@resource-manager/core/Ledger"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { readDuration } from "../config/units.ts"
import { InvalidOption } from "./errors.ts"
import type { BackfillName, OrderName } from "./policyNames.ts"

export interface Policy {
  readonly order: OrderName
  readonly backfill: BackfillName
  /** How many of those who wait backfill looks at, oldest first. */
  readonly depth: number
  /** Whether who was chosen next, and does not fit, stays next, whoever arrives. */
  readonly committedHead: boolean
  /** How long until what an agent was granted counts half, in microseconds, where that is whose turn it is. */
  readonly halfLifeMicros?: number | undefined
}

export interface PolicyFlags {
  readonly order: OrderName
  readonly backfill: BackfillName
  readonly depth: number
  readonly overtake: boolean
  readonly halfLife: string | undefined
}

/** Orders by size choose who is next, and stay with that or not; by arrival nobody overtakes, in all others anybody may. */
export const readPolicy = ({
  backfill,
  depth,
  halfLife,
  order,
  overtake
}: PolicyFlags): Result.Result<Policy, InvalidOption> => {
  const sized = order === "sjf" || order === "f1"
  if (overtake && !sized) {
    return Result.fail(new InvalidOption({ option: "--overtake", value: order, allowed: "--order sjf or --order f1" }))
  }
  const policy = { order, backfill, depth, committedHead: order === "fcfs" || (sized && !overtake) }
  if (halfLife === undefined) return Result.succeed(policy)
  const invalid = (value: string, allowed: string) =>
    Result.fail(new InvalidOption({ option: "--half-life", value, allowed }))
  if (order !== "fair") return invalid(order, "--order fair")
  const read = readDuration(halfLife)
  if (Result.isFailure(read)) return invalid(halfLife, read.failure)
  const halfLifeMicros = Math.round(Duration.toMicros(read.success))
  return halfLifeMicros >= 1_000 && Number.isSafeInteger(halfLifeMicros)
    ? Result.succeed({ ...policy, halfLifeMicros })
    : invalid(halfLife, "a duration from 1 millisecond")
}

/** First come, first served. */
export const plainPolicy: Policy = { order: "fcfs", backfill: "none", depth: 1000, committedHead: true }

/** The same for the Ledger. */
export const decidersOf = (policy: Policy, originMicros: number): Pick<LedgerOptions, "backfill" | "order"> => ({
  backfill: policy.backfill === "none" ? undefined : { kind: policy.backfill, depth: policy.depth },
  order: policy.order === "fcfs" ? undefined : new Order(orderPolicy(policy, originMicros))
})

const orderPolicy = ({ committedHead, halfLifeMicros, order }: Policy, originMicros: number): OrderPolicy => {
  if (order === "sjf") return { name: order, size: shortestFirst, committedHead }
  if (order === "f1") return { name: order, size: byF1(originMicros), committedHead }
  if (order === "priority") return { name: order, priority: { inherits: false } }
  const by = halfLifeMicros === undefined ? "held" : "served"
  return { name: order, fairShare: { by, halfLife: halfLifeMicros } }
}
