/** A manager takes its journal, once. */
import * as Effect from "effect/Effect"
import { failed, type Journal, JournalCorrupt, type JournalError, JournalFailed } from "../../Journal.ts"
import type { FormerHome } from "../leaseTable.ts"
import { recover, type Recovered } from "./recovery.ts"

/** Two managers would each hand out what there is once. */
const taken = new WeakSet<Journal>()

export const recoverFrom = (journal: Journal): Effect.Effect<Recovered | undefined, JournalError> =>
  Effect.suspend((): Effect.Effect<Recovered | undefined, JournalError> => {
    if (taken.has(journal)) {
      return Effect.die(new Error(`the journal ${journal.where} has a manager already: provide each with its own`))
    }
    taken.add(journal)
    try {
      return Effect.succeed(recover(journal))
    } catch (cause) {
      return Effect.fail(
        cause instanceof JournalCorrupt || cause instanceof JournalFailed ? cause : failed(journal.where, "read", cause)
      )
    }
  })

/** What a home may still answer for. */
export const formerHome = ({ books, home }: Recovered): FormerHome => ({
  home,
  waiters: [...(books.index?.values() ?? [])].filter((request) => request.status === "waiting"),
  nextId: books.nextId
})
