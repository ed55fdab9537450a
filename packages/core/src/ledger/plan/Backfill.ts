/** Who may start before somebody who is before them: the kinds of backfill, as values. */
import type { Books } from "../Books.ts"
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

/** Which of two waiters comes first. */
export type Compare = (a: Request, b: Request) => number

/** Decides who starts out of turn, once all that is in turn has started. */
export interface Backfill {
  /** The waiters that start now. `newcomer` waits since this decision. */
  readonly picks: (books: Books, newcomer: Request | undefined) => ReadonlyArray<Request>
  /** Whether it decides about everybody, those in turn included. */
  readonly decidesAll: boolean
}

export const makeBackfill = ({ depth = depthDefault, kind }: BackfillOptions, compare: Compare): Backfill =>
  kind === "conservative" ? new Conservative(depth, compare) : new PastHeads(depth, compare, kind === "shadow")
