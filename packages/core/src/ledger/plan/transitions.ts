/** What the books do about starts that are planned: what one event says. */
import type { Books } from "../Books.ts"
import { ownTurn } from "../order/Ordering.ts"
import type { Request } from "../Request.ts"

/** Waiters are told by when they start; those in `unknown` that nobody knows it any more. */
export const tell = (
  books: Books,
  starts: ReadonlyArray<readonly [Request, number]>,
  unknown: ReadonlyArray<Request>
): void => {
  for (const [request, start] of starts) ownTurn(request).toldStart = start
  for (const request of unknown) ownTurn(request).toldStart = undefined
  if (books.sink === undefined) return
  books.sink({
    _tag: "Planned",
    at: books.now,
    starts: starts.map(([{ id }, start]) => [id, start] as const),
    unknown: unknown.length === 0 ? undefined : unknown.map(({ id }) => id)
  })
}

/** Waiters that were told by when they start. O(agents + waiters). */
export const toldIn = (books: Books): ReadonlyArray<Request> =>
  Array.from(books.agents.values()).flatMap(({ waiters }) =>
    Array.from(waiters).filter(({ toldStart }) => toldStart !== undefined)
  )

/** No plan tells anybody when it starts any more: what a former start told is worth nothing. */
export const forgetTold = (books: Books): void => {
  const told = books.waiting === 0 ? [] : toldIn(books)
  if (told.length > 0) tell(books, [], told)
}
