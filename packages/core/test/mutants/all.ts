/** Every mutant. */
import { backfillMutants } from "./backfill.ts"
import { bankerMutants } from "./banker.ts"
import { booksMutants } from "./books.ts"
import { ledgerMutants } from "./decisions.ts"
import type { Mutant } from "./mutant.ts"
import { orderMutants } from "./order.ts"
import { preemptionMutants } from "./preemption.ts"
import { bucketMutants, poolMutants, timerMutants } from "./queues.ts"
import { quotaMutants } from "./quota.ts"
import { reservationMutants } from "./reservations.ts"
import { otherMutants } from "./rules.ts"
import { settlementMutants } from "./settlement.ts"
import { snapshotMutants } from "./snapshot.ts"
import { toldStartsMutants } from "./toldStarts.ts"
import { windowMutants } from "./windows.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...ledgerMutants,
  ...booksMutants,
  ...poolMutants,
  ...bucketMutants,
  ...timerMutants,
  ...otherMutants,
  ...quotaMutants,
  ...snapshotMutants,
  ...settlementMutants,
  ...preemptionMutants,
  ...backfillMutants,
  ...toldStartsMutants,
  ...orderMutants,
  ...reservationMutants,
  ...windowMutants,
  ...bankerMutants
]
