/**
 * Committed heads: who is next in a pool and does not fit stays next, whoever arrives.
 *
 * It is the whole prefix that is chosen, with the first that is short: to choose only that one would
 * put it before those who already have their share there.
 */
import type { Books } from "../Books.ts"
import type { Request } from "../Request.ts"
import type { Order } from "./Order.ts"
import { isInFront } from "./Turn.ts"

/** Who is to be chosen now, the first in order; nobody once all heads are. */
export const toChoose = (books: Books, order: Order): Request | undefined => {
  let first: Request | undefined
  for (const pool of books.pools.values()) {
    // Who stands in front stands before the others: back from the border until there.
    for (let part = pool.firstShort; part !== undefined && !isInFront(part.request.turn); part = pool.before(part)) {
      if (first === undefined || order.compare(part.request, first) < 0) first = part.request
    }
  }
  return first
}
