import type { BenchCase } from "../harness.ts"
import { backfillCases } from "./backfill.ts"
import { afterKill } from "./death.ts"
import { chainGrowth, cycleFound } from "./deadlock.ts"
import { durableLease, recoveryBySnapshot, recoveryOfEvents } from "./durable.ts"
import {
  handoff,
  handoffAgents,
  handoffGrowth,
  handoffGrowthOfPeer,
  handoffPromises,
  handoffSemaphore,
  handoffTwoPools
} from "./handoff.ts"
import { ledgerGrant } from "./ledger.ts"
import { memoryOfAgent, memoryOfWaiter } from "./memory.ts"
import { orderCases } from "./order.ts"
import { quotaTreeCases } from "./quotaTree.ts"
import { holders, mustWait } from "./population.ts"
import { policyCases } from "./policies.ts"
import { preemptionHandoff, preemptionTakes } from "./preemption.ts"
import { unsafe } from "./promises.ts"
import { reservationCases } from "./reservations.ts"
import { rateGranted, rateRefused } from "./rate.ts"
import { remoteLease, remoteTogether } from "./remote.ts"
import { metrics, metricsPage, spans } from "./telemetry.ts"
import { uncontended, uncontendedPromises } from "./uncontended.ts"

/** Every case, in the order of the report. */
export const cases: ReadonlyArray<BenchCase> = [
  uncontended,
  uncontendedPromises,
  unsafe,
  ledgerGrant,
  handoff,
  handoffAgents,
  handoffPromises,
  handoffSemaphore,
  handoffGrowth,
  handoffGrowthOfPeer,
  handoffTwoPools,
  holders,
  mustWait,
  chainGrowth,
  cycleFound,
  preemptionTakes,
  preemptionHandoff,
  rateRefused,
  rateGranted,
  memoryOfWaiter,
  memoryOfAgent,
  remoteLease,
  remoteTogether,
  afterKill,
  durableLease,
  recoveryBySnapshot,
  recoveryOfEvents,
  metrics,
  metricsPage,
  spans,
  ...orderCases,
  ...backfillCases,
  ...quotaTreeCases,
  ...reservationCases,
  ...policyCases
]
