/**
 * What decides when a waiter's turn comes, beside its arrival. Kept apart from the
 * request, so that a manager without an order of its own pays one shared value.
 */
export class Turn {
  /** Its priority, or the highest of those that wait for a lease around it. Higher goes first. */
  rank = 0
  /** Smaller goes first. */
  size = 0
  /** Whether it has waited for so long that it goes before all others. */
  rescued = false
  /**
   * Whether it was chosen next and stays that, whoever arrives: the number of its choice,
   * from 1 on. 0 while it was not.
   */
  chosen = 0
  /** How often others were granted past it while it was the first that was short, and since when. */
  passed = 0
  passedSince = 0
  /** The instant by which it starts, as a plan has told it; `undefined` where nobody knows that. */
  toldStart: number | undefined = undefined
}

/** Whether it stands before all that the order compares. */
export const isInFront = ({ chosen, rescued }: Readonly<Turn>): boolean => rescued || chosen > 0

/** That of all claims where first come is first served. Never written to. */
export const noTurn: Readonly<Turn> = new Turn()
