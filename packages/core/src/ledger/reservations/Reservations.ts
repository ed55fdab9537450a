/**
 * All reservations, and the instants at which the next window is due, begins or ends. Each
 * pool that something is promised of has its `Calendar`, made anew when a promise comes, begins or
 * ends.
 */
import type { Timed } from "../Timers.ts"
import { endOf, type Reservation } from "./Reservation.ts"

export class Reservations implements Timed {
  /** Those that are not over, in the order in which they were made. */
  readonly byId = new Map<number, Reservation>()
  nextId = 1
  dueAt = 0
  timerIndex = -1

  timerRank(): number {
    return 0
  }

  /** Before all plans and pools: what they hand out depends on it. */
  timerOrder(): number {
    return -2
  }

  of(type: string): ReadonlyArray<Reservation> {
    return [...this.byId.values()].filter(({ claim }) => (claim[type] ?? 0) > 0)
  }

  /** The first instant after `now` at which a window begins, ends or, `lead` before it begins, is due; `Infinity` where none does. */
  nextAt(now: number, lead = Infinity): number {
    let next = Infinity
    for (const reservation of this.byId.values()) {
      if (reservation.from - lead > now) next = Math.min(next, reservation.from - lead)
      if (reservation.from > now) next = Math.min(next, reservation.from)
      next = Math.min(next, endOf(reservation))
    }
    return next
  }
}
