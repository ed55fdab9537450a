/** Mutants of the settlement: what a lease cost in the end. */
import { of } from "./mutant.ts"

export const settlementMutants = [
  ...of("Ledger.ts", [
    {
      name: "settlement serves nobody",
      rule: "what a settlement gives back serves waiters in the same decision",
      search: "    this.books.settle(lease, costs)\n    this.settling.settle()\n",
      replacement: "    this.books.settle(lease, costs)\n"
    }
  ]),
  ...of("returns.ts", [
    {
      name: "settlement of a part",
      rule: "a settlement is all of its types or none",
      search: "    if (!isAmount(tokens)) return invalid(`actual.${type}`, tokens, wholeNumber)\n",
      replacement: "    if (!isAmount(tokens)) continue\n"
    },
    {
      name: "debts without bound",
      rule: "a debt stays exact",
      search: "    if (tokens > most) return invalid",
      replacement: "    if (tokens < 0) return invalid"
    },
    {
      name: "gone leases are settled",
      rule: "what came back is not settled any more",
      search:
        "    const part = isHeld(lease) ? lease.parts.find((candidate) => candidate.pool.type === type) : undefined\n    if (part === undefined)",
      replacement:
        "    const part = lease.parts.find((candidate) => candidate.pool.type === type)\n    if (part === undefined)"
    }
  ]),
  ...of("Books.ts", [
    {
      name: "settlement leaves earmarks",
      rule: "a debt takes earmarks back",
      search: "    for (const [part] of costs) this.rebalance(part.pool)\n",
      replacement: ""
    }
  ]),
  ...of("Pool.ts", [
    {
      name: "settled twice, charged twice",
      rule: "what a lease was said to cost is what it has paid",
      search: "    part.cost = tokens\n",
      replacement: ""
    },
    {
      name: "nobody is ever in debt",
      rule: "all of the difference is charged",
      search: "    else bucket.charge(tokens - part.cost)",
      replacement: "    else bucket.charge(Math.min(Math.max(0, bucket.level), tokens - part.cost))"
    },
    {
      name: "nothing comes back",
      rule: "what was paid too much goes back",
      search: "    if (tokens < part.cost) bucket.refund(part.cost - tokens)\n    else",
      replacement: "    if (tokens >= part.cost)"
    }
  ]),
  ...of("Bucket.ts", [
    {
      name: "undo in debt rounds up",
      rule: "a level below 0 is rounded down, as any other",
      search: "(total < 0n ? -((by - 1n - total) / by) : total / by)",
      replacement: "(total / by)"
    }
  ])
]
