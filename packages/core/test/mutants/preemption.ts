/** Mutants of preemption: who is taken, for whom, and when it ends. */
import { of } from "./mutant.ts"

export const preemptionMutants = [
  ...of("preemption/PreemptibleIndex.ts", [
    {
      name: "the longest held is taken first",
      rule: "of equals the most recently granted is taken first",
      search: "a.leasePriority < b.leasePriority : a.token > b.token",
      replacement: "a.leasePriority < b.leasePriority : a.token < b.token"
    },
    {
      name: "sums forget what changed",
      rule: "what may be taken is known after a shrink and a growth",
      search: "    node.sum += by\n",
      replacement: ""
    }
  ]),
  ...of("preemption/victims.ts", [
    {
      name: "nobody is spared",
      rule: "none of the victims can be spared",
      search: "if (missing.every((units) => units <= 0)) return spare(deficits, [...taken], missing)",
      replacement: "if (missing.every((units) => units <= 0)) return [...taken]"
    },
    {
      name: "the cheapest is spared",
      rule: "of sets that are enough the one is taken that spares the dearest",
      search: "  taken\n    .toReversed()\n    .filter((lease) => {",
      replacement: "  taken\n    .filter((lease) => {"
    },
    {
      name: "taken in vain",
      rule: "leases are taken only where that serves the claim",
      search: "    if (most < units) return undefined\n",
      replacement: ""
    },
    {
      name: "taken from around itself",
      rule: "a claim takes no lease that it is inside of",
      search: "if (!kept.includes(lease)) yield lease",
      replacement: "yield lease"
    }
  ]),
  ...of("preemption/Preemptor.ts", [
    {
      name: "what comes back is forgotten",
      rule: "what is announced already is reckoned with",
      search: "aheadOf(part) - pool.freeFor(waiter, now) - pool.announced\n",
      replacement: "aheadOf(part) - pool.freeFor(waiter, now)\n"
    },
    {
      name: "those ahead are forgotten",
      rule: "what waiters ahead need is not there for a claim",
      search: "  if (pool.after(part) === undefined) return pool.waitingAmount - part.amount\n",
      replacement: "  if (pool.after(part) === undefined) return 0\n"
    },
    {
      name: "withdrawn from who needs it",
      rule: "a lease that somebody needs is not spared",
      search: "for (const lease of candidates) if (!isNeeded(lease, taking)) taking.spare(lease)",
      replacement: "for (const lease of candidates) taking.spare(lease)"
    },
    {
      name: "never withdrawn",
      rule: "a lease that nobody needs any more is spared",
      search: "  if (noticed.size > 0) withdraw(noticed, taking)\n",
      replacement: ""
    },
    {
      name: "withdrawn too late",
      rule: "a lease whose deadline has come is not spared",
      search: "      !notice.ending &&\n",
      replacement: ""
    },
    {
      name: "withdrawn under a wait",
      rule: "a lease with a wait inside is not spared",
      search: "      (waitsInside === undefined || waitsInside.size === 0)\n",
      replacement: "      (waitsInside === undefined || waitsInside.size < 1_000)\n"
    },
    {
      name: "nobody looks again",
      rule: "a claim takes as soon as that serves it",
      search: "  for (const pool of pools) lookAt(pool, taking)\n",
      replacement: ""
    },
    {
      name: "those with a share are forgotten",
      rule: "who got its share of one pool takes what it lacks of another",
      search: '  for (const waiter of waiters) if (waiter.status === "waiting") takeFor(waiter, taking)\n',
      replacement: ""
    }
  ]),
  ...of("preemption/Notice.ts", [
    {
      name: "manual acquisitions are taken",
      rule: "who cannot be told is not taken from",
      search: " && lease.grows === undefined && !lease.manual",
      replacement: " && lease.grows === undefined"
    }
  ]),
  ...of("Books.ts", [
    {
      name: "told, and still blocked",
      rule: "a lease that was told to end is no deadlock",
      search: "    if (isBlocked(lease)) this.unblock(lease)\n    for (const part of lease.parts) {\n      this.unlist",
      replacement: "    for (const part of lease.parts) {\n      this.unlist"
    },
    {
      name: "announced for ever",
      rule: "what came back is not reckoned with any more",
      search: "      if (lease.notice !== undefined) part.pool.announced -= part.amount\n      else if",
      replacement: "      if"
    },
    {
      name: "no fence",
      rule: "a forced return voids the tokens of the lease",
      search: 'reason === "overrun" ? this.nextToken++ : undefined',
      replacement: 'reason === "overrun" ? this.nextToken - 1 : undefined'
    }
  ])
]
