/** Mutants of the transitions that keep the books. */
import { of } from "./mutant.ts"

const ofBooks = of("Books.ts", [
  {
    name: "quota ignores waiting",
    rule: "what an agent waits for counts against its quota",
    search: "for (const part of request.parts) part.account.waiting += part.amount",
    replacement: ""
  },
  {
    name: "return frees no units",
    rule: "a lease gives back what it holds",
    search:
      "      part.pool.giveBack(part.amount, this.now)\n      part.pool.removeHolder(part)\n      part.account.held",
    replacement: "      part.pool.removeHolder(part)\n      part.account.held"
  },
  {
    name: "return keeps the account",
    rule: "a lease gives back what its agent is charged",
    search: "      part.account.held -= part.amount\n      part.account.leases--",
    replacement: "      part.account.leases--"
  },
  {
    name: "ttl not returned",
    rule: "a lease with an expiry comes back by itself",
    search: "    if (request.ttl !== 0) this.timers.set(request, request.expiresAt)\n",
    replacement: ""
  },
  {
    name: "deadline not armed",
    rule: "a waiter fails at its deadline",
    search: "    if (request.deadline !== undefined) this.timers.set(request, request.deadline)\n",
    replacement: ""
  },
  {
    name: "double refund",
    rule: "an undone grant gives its tokens back once",
    search: "      part.pool.refundUndone(part, request.grantedAt, this.now)\n",
    replacement:
      "      part.pool.refundUndone(part, request.grantedAt, this.now)\n      part.pool.refundUndone(part, request.grantedAt, this.now)\n"
  },
  {
    name: "undo stays counted",
    rule: "an undone grant was no acquisition",
    search: "      part.pool.acquisitions--\n",
    replacement: ""
  },
  {
    name: "same token again",
    rule: "fencing tokens only grow",
    search: "request.token = this.nextToken++",
    replacement: "request.token = this.nextToken"
  },
  {
    name: "exempt grant leaves earmarks",
    rule: "earmarks whose units an exempt grant took are gone",
    search: "      for (const part of request.parts) this.rebalance(part.pool)\n    } else if (waited) {",
    replacement: "    } else if (waited) {"
  },
  {
    name: "shrink keeps blocked units",
    rule: "what blocked leases hold is known after a shrink",
    search: "      pool.blockedHeld -= amount\n",
    replacement: ""
  },
  {
    name: "growth hides blocked units",
    rule: "what blocked leases hold is known after a growth",
    search:
      "        part.pool.blockedHeld += part.amount\n        blocking.countHard(this, part.pool)\n      }\n    }\n  }\n\n  private reduceLease",
    replacement: "        blocking.countHard(this, part.pool)\n      }\n    }\n  }\n\n  private reduceLease"
  },
  {
    name: "rate timer not armed for a waiter",
    rule: "a rate wait ends by time",
    search: "      this.schedule(part.pool)\n      if (part.account.level !== undefined) reserve(part, 1)",
    replacement: "      if (part.account.level !== undefined) reserve(part, 1)"
  },
  {
    name: "rate timer not armed for the exempt",
    rule: "the rate wait of an exempt waiter ends by time too",
    search: "        due = Math.min(due, bucket.readyAt(part.cost))",
    replacement: "        due = Math.min(due, Infinity)"
  },
  {
    name: "failures not counted by pool",
    rule: "failures are counted by reason, by pool and by agent",
    search: "    for (const part of request.parts) countFailure(part.pool.failures, reason)",
    replacement: ""
  }
])

const ofBlocking = of("blocking.ts", [
  {
    name: "a lease with an expiry blocks",
    rule: "a lease with an expiry ends by time and is no deadlock",
    search: "    if (lease.waitsInside.size > 1 || comesBackByTime(lease)) continue",
    replacement: "    if (lease.waitsInside.size > 1) continue"
  },
  {
    name: "leases never unblocked",
    rule: "a lease comes back once every wait inside it is served",
    search: "books.changed?.add(part.pool)\n    unblock(books, lease)",
    replacement: "books.changed?.add(part.pool)"
  },
  {
    name: "hard pools miscounted",
    rule: "the detection knows where it has to look",
    search: "  books.hardPools += hard ? 1 : -1",
    replacement: "  books.hardPools += hard ? 1 : -2"
  }
])

const ofPools = of("pools.ts", [
  {
    name: "retreat forgotten after a shrink",
    rule: "a smaller pool takes earmarks back",
    search: "  books.rebalance(pool)\n  countHard(books, pool)\n  capacityChanged(books)\n}\n\nexport const setRate",
    replacement: "  countHard(books, pool)\n  capacityChanged(books)\n}\n\nexport const setRate"
  },
  {
    name: "cost not repriced",
    rule: "waiters pay by the rate that is set when they are granted",
    search: '  if (before?.per !== rate?.per) reprice(books, pool)\n  books.sink?.({ _tag: "RateSet"',
    replacement: '  books.sink?.({ _tag: "RateSet"'
  }
])

export const booksMutants = [...ofBooks, ...ofBlocking, ...ofPools]
