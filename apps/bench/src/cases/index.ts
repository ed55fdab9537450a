import type { BenchCase } from "../harness.ts"
import { handoff, handoffGrowth, handoffGrowthOfPeer, handoffSemaphore, handoffTwoPools } from "./handoff.ts"
import { ledgerGrant } from "./ledger.ts"
import { uncontended } from "./uncontended.ts"

/** Every case, in the order of the report. */
export const cases: ReadonlyArray<BenchCase> = [
  uncontended,
  ledgerGrant,
  handoff,
  handoffSemaphore,
  handoffGrowth,
  handoffGrowthOfPeer,
  handoffTwoPools
]
