/** What the flags of a replay may name. Apart, for `--help` needs no more. */
import type { BackfillKind } from "@resource-manager/core/Ledger"

export const orderNames = ["fcfs", "sjf", "f1", "priority", "fair"] as const

export type OrderName = (typeof orderNames)[number]

export const backfillNames = ["none", "easy", "shadow", "conservative"] as const satisfies ReadonlyArray<
  BackfillKind | "none"
>

export type BackfillName = (typeof backfillNames)[number]
