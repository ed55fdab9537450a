/** Every checker, in the order in which they look: the plainest rule that is broken is named first. */
import type { MakeChecker, Run } from "../checker.ts"
import { admission } from "./admission.ts"
import { backfill } from "./backfill.ts"
import { bypass } from "./bypass.ts"
import { capacity } from "./capacity.ts"
import { conservation } from "./conservation.ts"
import { deadlock } from "./deadlock.ts"
import { fencing } from "./fencing.ts"
import { growth } from "./growth.ts"
import { manual } from "./manual.ts"
import { nesting } from "./nesting.ts"
import { order } from "./order.ts"
import { preemption } from "./preemption.ts"
import { prevention } from "./prevention.ts"
import { promisedStarts } from "./promisedStarts.ts"
import { quota } from "./quota.ts"
import { quotaTree } from "./quotaTree.ts"
import { rate } from "./rate.ts"
import { reclaim } from "./reclaim.ts"
import { refusals } from "./refusals.ts"
import { replay } from "./replay.ts"
import { rescue } from "./rescue.ts"
import { settled } from "./settled.ts"
import { settlement } from "./settlement.ts"
import { snapshot } from "./snapshot.ts"
import { statistics } from "./statistics.ts"
import { timers } from "./timers.ts"
import { windows } from "./windows.ts"

const all: ReadonlyArray<MakeChecker> = [
  capacity,
  quota,
  quotaTree,
  rate,
  fencing,
  conservation,
  order,
  backfill,
  promisedStarts,
  bypass,
  rescue,
  timers,
  preemption,
  windows,
  reclaim,
  deadlock,
  prevention,
  growth,
  nesting,
  settled,
  admission,
  manual,
  refusals,
  settlement,
  statistics,
  snapshot,
  replay
]

/**
 * Those that know nothing of waits for quota: they say which claim comes when, or is
 * refused why, by pools and agents alone. Where there are groups `quotaTree` says what they can.
 */
const withoutGroups: ReadonlySet<MakeChecker> = new Set([quota])

const onlyGroups: ReadonlySet<MakeChecker> = new Set([quotaTree, reclaim])

/** Those of a run. */
export const checkersFor = ({ grouped }: Run): ReadonlyArray<MakeChecker> =>
  all.filter((checker) => (grouped ? !withoutGroups.has(checker) : !onlyGroups.has(checker)))
