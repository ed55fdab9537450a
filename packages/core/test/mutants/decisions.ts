/** Mutants of the decisions: admission, the Ledger, its books, deadlock detection, replay. */
import { of } from "./mutant.ts"

export const ledgerMutants = of("Ledger.ts", [
  {
    name: "lost wake-up on release",
    rule: "a return serves waiters in the same decision",
    search: '    this.takeBack(lease, "released")\n    this.settle()\n    return true',
    replacement: '    this.takeBack(lease, "released")\n    return true'
  },
  {
    name: "lost wake-up on abandon",
    rule: "an interrupted waiter wakes the next at once",
    search: '    this.fail(request, "Interrupted", undefined)\n    this.settle()',
    replacement: '    this.fail(request, "Interrupted", undefined)'
  },
  {
    name: "lost wake-up on undo",
    rule: "an undone grant serves waiters in the same decision",
    search: '    if (request.status !== "held") return\n    this.books.undo(request)\n    this.settle()',
    replacement: '    if (request.status !== "held") return\n    this.books.undo(request)'
  },
  {
    name: "lost wake-up on expiry",
    rule: "an expired lease serves waiters at its instant",
    search: "timedOut(due, books.now))\n      this.settle()",
    replacement: "timedOut(due, books.now))"
  },
  {
    name: "double return",
    rule: "a lease comes back once",
    search: '    if (lease.status !== "held") return false\n',
    replacement: '    if (lease.status !== "held" && lease.status !== "returned") return false\n'
  },
  {
    name: "quota not checked",
    rule: "a claim over the quota is refused on arrival",
    search: "neverFits(pool, amount, cost) ?? overQuota(part)",
    replacement: "neverFits(pool, amount, cost)"
  },
  {
    name: "never-fits waits",
    rule: "a claim that can never be granted fails at once",
    search: "neverFits(pool, amount, cost) ?? overQuota(part)",
    replacement: "overQuota(part)"
  },
  {
    name: "try waits",
    rule: "a claim that does not wait is answered at once",
    search: "    if (!mayWait) {",
    replacement: "    if (!mayWait && books.waiting < 5) {"
  },
  {
    name: "quota cut forgotten",
    rule: "after a cut the youngest excess waiters fail",
    search: "      if (account.held + account.waiting <= quota) break",
    replacement: "      if (account.waiting <= quota) break"
  },
  {
    name: "quota cut fails the oldest",
    rule: "after a cut it is the youngest that fail",
    search: "of Array.from(agent.waiters).toReversed()",
    replacement: "of Array.from(agent.waiters)"
  },
  {
    name: "shrink fails nobody",
    rule: "waiters that a smaller pool can never serve fail",
    search: "    if (falls) this.review(pool)\n",
    replacement: ""
  },
  {
    name: "shrink looks for no deadlock",
    rule: "a capacity that falls is a cause to look for deadlocks",
    search: "    if (this.deadlock.detects) this.resolveDeadlocks(waiters, undefined)",
    replacement: ""
  },
  {
    name: "deadlock not detected",
    rule: "a claim that closes a cycle fails in its own decision",
    search: '    this.resolveDeadlocks(() => (request.status === "waiting" ? [request] : []), request)',
    replacement: "    this.letThrough([request])"
  },
  {
    name: "growth looks for no deadlock",
    rule: "a lease that grows with a wait inside is a cause to look for deadlocks",
    search: "    this.resolveDeadlocks(() => lease.waitsInside ?? [], undefined)",
    replacement: ""
  },
  {
    name: "wrong victim",
    rule: "the claim that closed the cycle fails, or else its youngest waiter",
    search: "requester ?? waiters.at(-1)!",
    replacement: "waiters[0]!"
  },
  {
    name: "exemption never granted",
    rule: "a wait that only order causes is let through",
    search: "    for (const request of findOrderBlocked(roots)) this.books.exemptFromOrder(request)",
    replacement: "    findOrderBlocked(roots)"
  },
  {
    name: "exempt waits its turn all the same",
    rule: "an exempt wait uses units earmarked for others",
    search: "amount <= pool.free && cost <= pool.tokens(books.now)",
    replacement: "amount <= pool.free - pool.earmarked && cost <= pool.tokens(books.now)"
  },
  {
    name: "exempt from the rate too",
    rule: "an exempt wait still pays its tokens",
    search: "amount <= pool.free && cost <= pool.tokens(books.now)",
    replacement: "amount <= pool.free && cost >= 0"
  },
  {
    name: "deadline ignored",
    rule: "a waiter fails at its deadline",
    search: "    if (request.deadline <= now) this.runDue(now)\n",
    replacement: ""
  },
  {
    name: "late timers happen late",
    rule: "what was due happens at its own instant, however late it is noticed",
    search: "      if (due.dueAt > books.now) books.now = due.dueAt\n",
    replacement: "      books.now = Math.max(books.now, now)\n"
  },
  {
    name: "clock runs backwards",
    rule: "an earlier instant counts as the last one",
    search: "    if (now > books.now) books.now = now",
    replacement: "    books.now = now"
  },
  {
    name: "stop leaves a waiter",
    rule: "all waiters fail when the manager stops",
    search: 'for (const waiter of Array.from(agent.waiters)) this.fail(waiter, "ManagerStopped"',
    replacement: 'for (const waiter of Array.from(agent.waiters).slice(1)) this.fail(waiter, "ManagerStopped"'
  },
  {
    name: "told twice",
    rule: "who got its answer at once is not told again",
    search: "    this.settled.splice(this.settled.indexOf(request), 1)\n",
    replacement: ""
  },
  {
    name: "never told",
    rule: "every waiter is told its end",
    search: "    if (refusal !== undefined) this.settled.push(request)",
    replacement: '    if (refusal !== undefined && reason !== "QuotaExceeded") this.settled.push(request)'
  },
  {
    name: "growth outlives its lease",
    rule: "what waits to become part of a lease fails when that is gone",
    search: '        if (wait.grows === lease) this.fail(wait, "LeaseRevoked", revoked)',
    replacement: '        if (wait.grows === lease && revoked.lease < 0) this.fail(wait, "LeaseRevoked", revoked)'
  },
  {
    name: "manual release oldest first",
    rule: "a manual release takes the newest first",
    search: "of manual.toReversed()",
    replacement: "of [...manual]"
  },
  {
    name: "manual release of a part",
    rule: "a manual release is all or nothing",
    search: "      if (claim[type]! > (held[type] ?? 0)) {",
    replacement: "      if ((held[type] ?? 0) === 0 && claim[type]! > 0) {"
  }
])

export const booksMutants = of("Books.ts", [
  {
    name: "quota ignores waiting",
    rule: "what an agent waits for counts against its quota",
    search: "      part.account.waiting += part.amount\n",
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
    search: "      part.account.held -= part.amount\n    }",
    replacement: "    }"
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
    search: "    if (request.deadline !== Infinity) this.timers.set(request, request.deadline)\n",
    replacement: ""
  },
  {
    name: "double refund",
    rule: "an undone grant gives its tokens back once",
    search: "      part.pool.refund(part.cost, this.now)\n",
    replacement: "      part.pool.refund(part.cost, this.now)\n      part.pool.refund(part.cost, this.now)\n"
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
    name: "retreat forgotten after a shrink",
    rule: "a smaller pool takes earmarks back",
    search: "    this.rebalance(pool)\n    this.countHard(pool)",
    replacement: "    this.countHard(pool)"
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
      "        part.pool.blockedHeld += part.amount\n        this.countHard(part.pool)\n      }\n    }\n  }\n\n  private reduceLease",
    replacement: "        this.countHard(part.pool)\n      }\n    }\n  }\n\n  private reduceLease"
  },
  {
    name: "a lease with an expiry blocks",
    rule: "a lease with an expiry ends by time and is no deadlock",
    search: "      if (lease.waitsInside.size > 1 || lease.ttl !== 0) continue",
    replacement: "      if (lease.waitsInside.size > 1) continue"
  },
  {
    name: "leases never unblocked",
    rule: "a lease comes back once every wait inside it is served",
    search: "lease.waitsInside.size > 0) continue\n      this.unblock(lease)",
    replacement: "lease.waitsInside.size > 0) continue"
  },
  {
    name: "hard pools miscounted",
    rule: "the detection knows where it has to look",
    search: "    this.hardPools += hard ? 1 : -1",
    replacement: "    this.hardPools += hard ? 1 : -2"
  },
  {
    name: "cost not repriced",
    rule: "waiters pay by the rate that is set when they are granted",
    search: "    if (before?.per !== rate?.per) this.reprice(pool)\n",
    replacement: ""
  },
  {
    name: "rate timer not armed for a waiter",
    rule: "a rate wait ends by time",
    search: "      this.schedule(part.pool)\n    }\n    this.enterWait",
    replacement: "    }\n    this.enterWait"
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

export const otherMutants = [
  ...of("admission.ts", [
    {
      name: "quota ignores holdings",
      rule: "what an agent holds counts against its quota",
      search: "if (account.held + account.waiting + amount <= account.quota) return undefined",
      replacement: "if (account.waiting + amount <= account.quota) return undefined"
    },
    {
      name: "burst not a limit",
      rule: "a claim over the burst fails at once",
      search: "if (amount <= pool.limit && cost <= pool.burstLimit) return undefined",
      replacement: "if (amount <= pool.limit) return undefined"
    },
    {
      name: "queue without bound",
      rule: "the queue is bounded",
      search: "if (books.waiting >= limits.waitersMax)",
      replacement: "if (books.waiting > limits.waitersMax)"
    },
    {
      name: "wrong figure told",
      rule: "a refusal carries the true figures",
      search: "    held: account.held,\n    waiting: account.waiting\n",
      replacement: "    held: account.held,\n    waiting: account.held\n"
    }
  ]),
  ...of("deadlock.ts", [
    {
      name: "never looks at the graph",
      rule: "a nested claim that must wait is judged",
      search: "if (hardPools === 0 || leasesAround(request).length === 0) return true",
      replacement: "if (hardPools >= 0) return true"
    },
    {
      name: "looks only at its own pools",
      rule: "waiters in the queue that wait elsewhere too are looked at",
      search: "!pool.hard && pool.waitingSeveral === own",
      replacement: "!pool.hard"
    },
    {
      name: "growth counts as held",
      rule: "a claim that only growth can serve is no deadlock",
      search: "(grown ? pool.limit : pool.capacity)",
      replacement: "pool.capacity"
    },
    {
      name: "reach stops at the first pool",
      rule: "everything that a wait can depend on is looked at",
      search: "        for (const inner of lease.waitsInside!) waits.add(inner)",
      replacement: "        for (const inner of [...lease.waitsInside!].slice(1)) waits.add(inner)"
    },
    {
      name: "wrong holder in the cycle",
      rule: "the cycle that is told is there",
      search: "      heldBy: lease.agent.id,",
      replacement: "      heldBy: wait.agent.id,"
    }
  ]),
  ...of("WaitForGraph.ts", [
    {
      name: "reduction stops early",
      rule: "the reduction serves waits until none can be served",
      search:
        "  for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) {\n    const line = bySize",
      replacement:
        "  for (let pool = run.changed.pop(), n = 0; pool !== undefined && n < 4; pool = run.changed.pop(), n++) {\n    const line = bySize"
    },
    {
      name: "one wait served is enough",
      rule: "a lease comes back once every wait inside it is served",
      search: "    if (open !== 0) continue\n",
      replacement: "    if (open < 0) continue\n"
    },
    {
      name: "order ignores tokens",
      rule: "in order a wait needs the tokens of those before it too",
      search: "        if (need.cost > graph.pools[pool]!.burst - earmarkedTokens[pool]!) break\n",
      replacement: ""
    },
    {
      name: "order ignores earmarks",
      rule: "in order a wait needs the units of those before it too",
      search: "        if (need.amount > run.available[pool]! - earmarked[pool]!) break\n",
      replacement: "        if (need.amount > run.available[pool]!) break\n"
    },
    {
      name: "exempts the latest",
      rule: "the earliest waiter that suffices is exempted",
      search: "candidates.find((wait) => reduceOrdered",
      replacement: "candidates.findLast((wait) => reduceOrdered"
    }
  ]),
  ...of("Request.ts", [
    {
      name: "forgets outer leases",
      rule: "a wait is inside all the leases around it",
      search: "for (; lease !== undefined; lease = enclosing(lease)) around.push(lease)",
      replacement: "if (lease !== undefined) around.push(lease)"
    },
    {
      name: "inside what came back",
      rule: "leases that came back are skipped, not the end",
      search: 'while (parent !== undefined && parent.status !== "held") parent = parent.parent',
      replacement: 'if (parent !== undefined && parent.status !== "held") parent = undefined'
    },
    {
      name: "forgets the lease that it grows",
      rule: "a growth is inside the lease that it grows",
      search: "if (lease === undefined && grows === undefined) return nowhere",
      replacement: "if (lease === undefined) return nowhere"
    }
  ]),
  ...of("Histogram.ts", [
    {
      name: "undone wait stays",
      rule: "an undone grant never waited",
      search: "    this.count--\n",
      replacement: ""
    }
  ]),
  ...of("replay.ts", [
    {
      name: "quota not replayed",
      rule: "events rebuild the state",
      search: "event.quota ?? Infinity)",
      replacement: "Infinity)"
    },
    {
      name: "undo replayed as a return",
      rule: "events rebuild the state",
      search: "        books.undo(this.forget(event.id))",
      replacement: '        books.giveBack(this.forget(event.id), "released")'
    }
  ]),
  ...of("explain.ts", [
    {
      name: "reason hidden",
      rule: "every wait can be explained, all reasons at once",
      search: "  if (waitingLine.ahead > 0) reasons.push(",
      replacement: "  if (waitingLine.ahead > 0 && reasons.length === 0) reasons.push("
    }
  ])
]
