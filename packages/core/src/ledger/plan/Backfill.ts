/** Who may start before somebody who is before them: the kinds of backfill, as values. */
import type { Books } from "../Books.ts"
import type { DeadlockPolicy } from "../DeadlockPolicy.ts"
import type { Order } from "../order/Order.ts"
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
}

/** `order`: who goes first. First come, first served where undefined. */
export const makeBackfill = ({ depth = depthDefault, kind }: BackfillOptions, order: Order | undefined): Backfill =>
  kind === "conservative" ? new Conservative(depth, order) : new PastHeads(depth, order, kind === "shadow")

/**
 * Why a backfill makes no sense with what is done about deadlocks, if so. Where they are avoided a claim
 * may be kept waiting for as long as others could need what they declared, so no start can be promised.
 */
export const backfillProblem = (
  backfill: BackfillOptions | undefined,
  { avoids }: Pick<DeadlockPolicy, "avoids">
): string | undefined =>
  avoids === true && backfill?.kind === "conservative"
    ? "easy or shadow where deadlocks are avoided (banker): conservative backfill promises starts, and then it may not be safe"
    : undefined
