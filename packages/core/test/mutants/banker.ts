/** Mutants of deadlocks avoided: what is safe, and what can never be had. */
import { of } from "./mutant.ts"

export const bankerMutants = [
  ...of("preemption/banker.ts", [
    {
      name: "all is safe",
      rule: "nothing is granted after which somebody could not have all that it declared",
      search: "  !isJudged(request) || lostBy(pools, request).lost.length === 0\n",
      replacement: "  !isJudged(request) || lostBy(pools, request).lost.length >= 0\n"
    },
    {
      name: "a cut keeps all waiting",
      rule: "where a cut left some without a safe order a claim is granted that takes it from no other",
      search: "filter(({ outermost }) => !former.has(outermost))",
      replacement: "filter(({ outermost }) => former.size >= 0 && outermost.id >= 0)"
    },
    {
      name: "a maximum of what is promised",
      rule: "a maximum that can never be had beside what others were promised is refused",
      search: "    if (amount <= Math.min(most.amount, pool.limit - promised)) continue\n",
      replacement: "    if (amount <= Math.min(most.amount, pool.limit)) continue\n"
    },
    {
      name: "a maximum over a quota",
      rule: "a maximum that can never be had by some quota is refused",
      search: "    const most = mostQuota(request, pool)\n",
      replacement: "    const most = { ...mostQuota(request, pool), amount: Infinity }\n"
    }
  ]),
  ...of("preemption/declared.ts", [
    {
      name: "what is promised is there for all",
      rule: "what others were promised for ever is not there for a lease that declared a maximum",
      search: "    pool.standing === 0\n      ? undefined\n",
      replacement: "    pool.standing >= 0\n      ? undefined\n"
    },
    {
      name: "what is promised is there for nobody",
      rule: "what is promised to a lease is there for it",
      search: "(isFor(holder, this.outermost) ? [at] : [])",
      replacement: "(isFor(holder, this.outermost) ? [] : [])"
    },
    {
      name: "what is held of a promise is forgotten",
      rule: "what leases hold of a promise is kept for it only once it is back",
      search: "      if (draws !== undefined) held[draws] = held[draws]! + amount\n",
      replacement: ""
    },
    {
      name: "safe beside no quota",
      rule: "safe is only what leaves quota for all that was declared, too",
      search: "const isBound = trees.some(({ asks }) => asks.length > 0)",
      replacement: "const isBound = trees.some(({ asks }) => asks.length < 0)"
    },
    {
      name: "a maximum needs no lease",
      rule: "where a group limits leases one more inside is reckoned with",
      search: "const leases = this.inside[at] === 0 ? 1 : 0\n",
      replacement: "const leases = 0\n"
    },
    {
      name: "quota is kept by who comes back",
      rule: "the quota of a lease is there for others once it can have come back",
      search: "this.uses.add(account, -amount, -leases)",
      replacement: "this.uses.add(account, 0, -leases)"
    }
  ]),
  ...of("preemption/safety.ts", [
    {
      name: "who comes back gives nothing",
      rule: "what a lease holds is there for others once it can have come back",
      search: "      for (const share of shares) units.returned(share)\n",
      replacement: ""
    }
  ]),
  ...of("DeadlockJudge.ts", [
    {
      name: "who waits for what can never be had",
      rule: "whoever waits with a maximum that can never be had any more fails",
      search: '        if (refusal !== undefined) this.endings.fail(waiter, "InvalidClaim", refusal)\n',
      replacement: ""
    }
  ])
]
