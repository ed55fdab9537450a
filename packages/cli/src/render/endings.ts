/** What a lease was told that has to end. */
import { duration } from "./time.ts"
import type { HeldLease } from "./views.ts"

type Ending = NonNullable<HeldLease["ending"]>

const forWhat = ({ cause, reservation }: Ending): string => {
  switch (cause) {
    case "priority":
      return "for a claim of higher priority"
    case "reclaim":
      return "for who lent it"
    case "age":
      return "for an older claim"
    case "deadlock":
      return "to resolve a deadlock"
    case "reservation":
      return reservation === undefined ? "for a reservation" : `for reservation ${reservation}`
    case "expiry":
      return "it has expired"
  }
}

/** `told to end, within 8 s: for a claim of higher priority` */
export const endingText = (ending: Ending): string =>
  `told to end, within ${duration(ending.latestInMillis)}: ${forWhat(ending)}`
