/** Mutants of the Ledger's decisions. */
import { of } from "./mutant.ts"

export const ledgerMutants = [
  ...of("Arrivals.ts", [
    {
      name: "quota not checked",
      rule: "a claim over the quota is refused on arrival",
      search: "neverFits(part) ?? overOwn(part, waits)",
      replacement: "neverFits(part)"
    },
    {
      name: "never-fits waits",
      rule: "a claim that can never be granted fails at once",
      search: "neverFits(part) ?? overOwn(part, waits)",
      replacement: "overOwn(part, waits)"
    },
    {
      name: "try waits",
      rule: "a claim that does not wait is answered at once",
      search: "    if (mayWait) return undefined",
      replacement: "    if (mayWait || this.books.waiting >= 5) return undefined"
    }
  ]),
  ...of("Ledger.ts", [
    {
      name: "lost wake-up on release",
      rule: "a return serves waiters in the same decision",
      search: '    } else this.endings.takeBack(lease, "released")\n    this.settling.settle()\n    return true',
      replacement: '    } else this.endings.takeBack(lease, "released")\n    return true'
    },
    {
      name: "lost wake-up on abandon",
      rule: "an interrupted waiter wakes the next at once",
      search: '    this.endings.fail(request, "Interrupted", undefined)\n    this.settling.settle()',
      replacement: '    this.endings.fail(request, "Interrupted", undefined)'
    },
    {
      name: "lost wake-up on undo",
      rule: "an undone grant serves waiters in the same decision",
      search: "    this.books.undo(request)\n    this.settling.settle()",
      replacement: "    this.books.undo(request)"
    },
    {
      name: "lost wake-up on expiry",
      rule: "an expired lease serves waiters at its instant",
      search: "this.safetyOf(due)))\n      }\n      this.settling.settle()",
      replacement: "this.safetyOf(due)))\n      }"
    },
    {
      name: "double return",
      rule: "a lease comes back once",
      search:
        '    if (lease.status !== "held" || lease.grows !== undefined) return false\n    if (lease.notice?.ending === true)',
      replacement:
        '    if (lease.status !== "held" && lease.status !== "returned") return false\n    if (lease.notice?.ending === true)'
    },
    {
      name: "lost wake-up on revocation",
      rule: "a revoked lease serves waiters in the same decision",
      search: "    this.endings.takeBack(lease, reason)\n    this.settling.settle()",
      replacement: "    this.endings.takeBack(lease, reason)"
    },
    {
      name: "revocation not told",
      rule: "the holder of a revoked lease is told",
      search: "    this.endings.settled.push(lease)\n    this.endings.takeBack(lease, reason)",
      replacement: "    this.endings.takeBack(lease, reason)"
    },
    {
      name: "kept growth undone",
      rule: "a growth that its caller has is undone no more",
      search: '    if (request.grows?.status === "held" && request.status === "held") this.books.keep(request)',
      replacement: ""
    },
    {
      name: "quota cut forgotten",
      rule: "after a cut the youngest excess waiters fail",
      search: "const isOver = account.held + account.waiting - account.parked > quota",
      replacement: "const isOver = account.waiting - account.parked > quota"
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
      search: "    if (falls) this.judge.review([pool])\n",
      replacement: ""
    },
    {
      name: "lower maximum fails nobody",
      rule: "waiters that growth can now never serve fail",
      search: " || pool.limit < limit",
      replacement: ""
    },
    {
      name: "deadline ignored",
      rule: "a waiter fails at its deadline",
      search: "    if (request.deadline !== undefined && request.deadline <= now) this.runDue(now)\n",
      replacement: ""
    },
    {
      name: "late timers happen late",
      rule: "what was due happens at its own instant, however late it is noticed",
      search: "      books.moveTo(due.dueAt)\n",
      replacement: "      books.moveTo(now)\n"
    },
    {
      name: "clock runs backwards",
      rule: "an earlier instant counts as the last one",
      search: "    books.moveTo(now)\n",
      replacement: "    books.now = now\n"
    },
    {
      name: "stop leaves a waiter",
      rule: "all waiters fail when the manager stops",
      search: "for (const waiter of Array.from(agent.waiters))\n",
      replacement: "for (const waiter of Array.from(agent.waiters).slice(1))\n"
    },
    {
      name: "told twice",
      rule: "who got its answer at once is not told again",
      search: "    if (at >= 0) this.endings.settled.splice(at, 1)\n",
      replacement: ""
    }
  ]),
  ...of("returns.ts", [
    {
      name: "manual release oldest first",
      rule: "a manual release takes the newest first",
      search: "    const lease = manual[at]!\n",
      replacement: "    const lease = manual[manual.length - 1 - at]!\n"
    },
    {
      name: "manual release of a part",
      rule: "a manual release is all or nothing",
      search: "  if (missing > 0) return {",
      replacement: "  if (missing > 0 && taken.length === 0) return {"
    }
  ]),
  ...of("DeadlockJudge.ts", [
    {
      name: "shrink looks for no deadlock",
      rule: "a capacity that falls is a cause to look for deadlocks",
      search:
        "    if (this.policy.detects) this.resolveDeadlocks(() => pools.flatMap((pool) => this.waitersOf(pool)), undefined)",
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
      name: "exemption never granted",
      rule: "a wait that only order causes is let through",
      search:
        "    for (const request of findOrderBlocked(roots, this.order)) turns.exemptFromOrder(this.books, request)",
      replacement: "    findOrderBlocked(roots, this.order)"
    }
  ]),
  ...of("DeadlockPolicy.ts", [
    {
      name: "wrong victim",
      rule: "the claim that closed the cycle fails, or else its youngest waiter",
      search: "requester ?? waiters.at(-1)!",
      replacement: "waiters[0]!"
    }
  ]),
  ...of("Settling.ts", [
    {
      name: "exempt waits its turn all the same",
      rule: "an exempt wait uses units earmarked for others",
      search: "amount <= pool.freeFor(request, books.now) && cost <= pool.tokens(books.now)",
      replacement: "amount <= pool.freeFor(request, books.now) - pool.earmarked && cost <= pool.tokens(books.now)"
    },
    {
      name: "exempt from the rate too",
      rule: "an exempt wait still pays its tokens",
      search: "amount <= pool.freeFor(request, books.now) && cost <= pool.tokens(books.now)",
      replacement: "amount <= pool.freeFor(request, books.now) && cost >= 0"
    }
  ]),
  ...of("Endings.ts", [
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
    }
  ])
]
