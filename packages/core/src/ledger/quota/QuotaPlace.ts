import type { Terms } from "../Bucket.ts"
import type { Parked } from "./Gate.ts"
import type { Level } from "./Level.ts"

/** What a grant paid to the rate of a group, and what it left there: for its undo. */
export interface Paid {
  readonly at: Level
  readonly cost: number
  readonly level: number
  readonly remainder: number
  readonly terms: Terms | undefined
}

/** Where a request stands with quota. Kept apart from it, so that who has no groups pays one field. */
export class QuotaPlace {
  /** Waiting for quota, in no queue of a pool. */
  parked: Parked | undefined = undefined
  /** When it came to the queues, in the one order of all; `Infinity` while it is parked, 0 where it was never. */
  place = 0
  paid: ReadonlyArray<Paid> = nothing
}

const nothing: ReadonlyArray<Paid> = []
