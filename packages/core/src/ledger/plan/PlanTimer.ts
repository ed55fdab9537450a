import type { Timed } from "../Timers.ts"

/** When a plan has to be looked at again, with nothing else happening. */
export class PlanTimer implements Timed {
  dueAt = 0
  timerIndex = -1

  /** Behind the leases that expire at that instant, before the waiters that give up. */
  timerRank(): number {
    return 1
  }

  timerOrder(): number {
    return Number.MAX_SAFE_INTEGER
  }
}
