/** Who may start before somebody who is before them: the kinds of backfill, as values. */
import type { Books } from "../Books.ts"
import type { DeadlockPolicy } from "../DeadlockPolicy.ts"
import type { Order } from "../order/Order.ts"
import type { PreemptionPolicy } from "../preemption/Preemptor.ts"
import type { Request } from "../Request.ts"
import { Conservative } from "./Conservative.ts"
import { PastHeads } from "./PastHeads.ts"

/** `easy` and `shadow` delay no head, `conservative` nobody at all: see `PastHeads` and `Conservative`. */
export type BackfillKind = "easy" | "shadow" | "conservative"

export interface BackfillOptions {
  readonly kind: BackfillKind
  /** How many of a pool's waiters are looked at, oldest first. Default 1,000. */
  readonly depth?: number | undefined
}

export const depthDefault = 1000

/** Decides who starts out of turn, once all that is in turn has started. */
export interface Backfill {
  /** The waiters that start now, of those that `mayBe`. `newcomer` waits since this decision. */
  readonly picks: (
    books: Books,
    newcomer: Request | undefined,
    mayBe: (request: Request) => boolean
  ) => ReadonlyArray<Request>
  /**
   * The instant at which a waiter starts at the latest, by what leases and claims declare;
   * `undefined` where nobody knows, or it is none that is planned for.
   */
  readonly startOf: (books: Books, request: Request) => number | undefined
  /** Whether a claim that is only being asked about would start now, past those before it. */
  readonly admits: (books: Books, request: Request) => boolean
  /** Whether it decides about everybody, those in turn included. */
  readonly decidesAll: boolean
  /** It goes on with books of which all was decided. */
  readonly resume?: (books: Books) => void
}

/** `order`: who goes first. First come, first served where undefined. */
export const makeBackfill = ({ depth = depthDefault, kind }: BackfillOptions, order: Order | undefined): Backfill =>
  kind === "conservative" ? new Conservative(depth, order) : new PastHeads(depth, order, kind === "shadow")

/** The other policies of a Ledger. */
export interface Beside {
  readonly deadlock: Pick<DeadlockPolicy, "avoids">
  readonly order: Order | undefined
  readonly preemption: Pick<PreemptionPolicy, "byPriority" | "reclaim">
}

/**
 * Why a backfill makes no sense beside the other policies, if so. What conservative backfill tells
 * everybody would be worth nothing: where deadlocks are avoided a start may not be safe; who passes
 * others makes them late; and who takes a lease from others would see it go to whoever was told before.
 */
export const backfillProblem = (
  backfill: BackfillOptions | undefined,
  { deadlock, order, preemption }: Beside
): string | undefined => {
  if (backfill?.kind !== "conservative") return undefined
  const others = "easy or shadow"
  if (deadlock.avoids === true)
    return `${others} where deadlocks are avoided (banker): conservative backfill promises starts, and then it may not be safe`
  if (order?.bypass !== undefined)
    return `${others} beside bypass: conservative backfill promises starts, and who passes others makes them late`
  if (preemption.byPriority || preemption.reclaim === true)
    return `${others} where claims take leases from others: conservative backfill promises starts, and what is taken would go to those who were promised theirs before`
  return undefined
}
