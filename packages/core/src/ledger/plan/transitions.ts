/** What the books do about starts that are planned: what one event says. */
import type { Books } from "../Books.ts"
import type { Request } from "../Request.ts"

/** Waiters are told by when they start; those in `unknown` that nobody knows it any more. */
export const tell = (
  books: Books,
  starts: ReadonlyArray<readonly [Request, number]>,
  unknown: ReadonlyArray<Request>
): void => {
  for (const [request, start] of starts) request.toldStart = start
  for (const request of unknown) request.toldStart = undefined
  if (books.sink === undefined) return
  books.sink({
    _tag: "Planned",
    at: books.now,
    starts: starts.map(([{ id }, start]) => [id, start] as const),
    unknown: unknown.length === 0 ? undefined : unknown.map(({ id }) => id)
  })
}
