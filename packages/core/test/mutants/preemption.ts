/** Mutants of preemption: who is taken, for whom, and when it ends. */
import { of } from "./mutant.ts"

export const preemptionMutants = [
  ...of("Endings.ts", [
    {
      name: "what lingers is back at its expiry",
      rule: "a lease whose work takes time to end is told to end when it expires",
      search: "if (lease.scheduling.lingers !== true) {",
      replacement: "if (lease.parts.length > 0) {"
    }
  ]),
  ...of("preemption/Notice.ts", [
    {
      name: "what lingers is never forced",
      rule: "a lease that lingers is taken by force where it is not given back in time",
      search: "return scheduling.lingers === true ? notice.forcedAt :",
      replacement: "return scheduling.lingers === true ? Infinity :"
    }
  ]),
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
      search: "  return deficits.every(enough) ? spare(deficits, taken) : undefined\n",
      replacement: "  return deficits.every(enough) ? taken : undefined\n"
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
      search: "needed - pool.free - pool.announced + (staying === undefined ? 0 : staying.amount)\n",
      replacement: "needed - pool.free\n"
    },
    {
      name: "those ahead are forgotten",
      rule: "what waiters ahead need is not there for a claim",
      search: "  if (pool.after(part) === undefined) return pool.waitingAmount - part.amount\n",
      replacement: "  if (pool.after(part) === undefined) return 0\n"
    }
  ]),
  ...of("reservations/Page.ts", [
    {
      name: "what goes back to a promise helps",
      rule: "of what comes back a claim has only what is promised to nobody else",
      search: "    return unused === undefined ? 0 : Math.max(0, unused + by) - Math.max(0, unused)\n",
      replacement: "    return 0\n"
    },
    {
      name: "what is back in time helps",
      rule: "at the start of a window only those are missed who would still be there",
      search: "if (draw !== undefined && this.counts(draw)) this.shift(draw, sign)",
      replacement: "if (draw !== undefined) this.shift(draw, sign)"
    }
  ]),
  ...of("preemption/reconsider.ts", [
    {
      name: "withdrawn from who needs it",
      rule: "a lease that somebody needs is not spared",
      search: "    if (byPriority && isNeeded(lease, taking, byRank)) continue\n",
      replacement: ""
    },
    {
      name: "never withdrawn",
      rule: "a lease that nobody needs any more is spared",
      search: "  if (noticed.size > 0) withdraw(books, taking, spared)\n",
      replacement: ""
    },
    {
      name: "withdrawn too late",
      rule: "a lease whose deadline has come is not spared",
      search: "  !notice.ending &&\n",
      replacement: ""
    },
    {
      name: "withdrawn under a wait",
      rule: "a lease with a wait inside is not spared",
      search: "  (waitsInside === undefined || waitsInside.size === 0)\n",
      replacement: "  (waitsInside === undefined || waitsInside.size < 1_000)\n"
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
    },
    {
      name: "nobody takes back later",
      rule: "a claim takes its own back as soon as that serves it",
      search: "    takeBack(books, taking)\n    if (groups",
      replacement: "    if (groups"
    },
    {
      name: "spared from who takes back",
      rule: "a lease that a claim takes back is not spared",
      search: "    if (isNeededBack?.(lease) === true) continue\n",
      replacement: ""
    }
  ]),
  ...of("preemption/reconsider.ts", [
    {
      name: "units are taken back by who arrives alone",
      rule: "units that a claim lacks after it has its quota come from what was lent, whenever that comes about",
      search: "    if (groups.byId.size > 0) takeUnits(changes, freed, books, taking)\n",
      replacement: ""
    }
  ]),
  ...of("preemption/Reclaimer.ts", [
    {
      name: "taken back for units for ever",
      rule: "units are not taken from who would come before the claim if it asked again",
      search: "return fair === undefined && policy.size === undefined && lease.leasePriority <= rank",
      replacement: "return fair === undefined || policy.size === undefined || lease.leasePriority <= rank"
    },
    {
      name: "own is taken for units",
      rule: "units are taken back only of what is borrowed, without what ends already",
      search: "  for (const lease of books.noticed) outlook.leave(lease)\n  const victims",
      replacement: "  const victims"
    },
    {
      name: "units are forgotten",
      rule: "what is borrowed is taken back only where the units are there too",
      search: "if (needed > there || this.obstacleOf(part, claim) !== undefined)",
      replacement: "if (this.obstacleOf(part, claim) !== undefined)"
    },
    {
      name: "all that helps is taken back",
      rule: "none of those whom a claim takes back can be spared",
      search: "if (!isCovered || this.lackingOf(claim).size === 0) return false",
      replacement: "if (!isCovered) return false"
    },
    {
      name: "the cheapest is given back",
      rule: "what is taken back spares the dearest",
      search: "const victims = taken.toReversed().filter(",
      replacement: "const victims = taken.filter("
    },
    {
      name: "taken back from above",
      rule: "where priority takes too nothing of higher priority is taken back",
      search: "  !policy.byPriority || lease.leasePriority <= rankOf(claim)\n",
      replacement: "  true\n"
    },
    {
      name: "taken back from around itself",
      rule: "a claim takes back no lease that it is inside of",
      search: "        !around.includes(lease) &&\n",
      replacement: ""
    },
    {
      name: "what comes back is taken twice",
      rule: "what is announced already is reckoned with",
      search: "    for (const lease of this.books.noticed) this.outlook.leave(lease)\n",
      replacement: ""
    }
  ]),
  ...of("quota/reclaim.ts", [
    {
      name: "own is taken",
      rule: "only what a group has borrowed is taken back",
      search: "    if (!isAbove(level, without)) return false\n",
      replacement: "    if (!level.governed) return false\n"
    },
    {
      name: "only the nearest lend",
      rule: "what a claim takes back may be in any branch beside its own, however far up",
      search: "if (at === 0 || within[at - 1] !== true) continue",
      replacement: "if (at !== 1 || within[at - 1] !== true) continue"
    },
    {
      name: "cheaper ones are forgotten",
      rule: "what a group has beyond its quota is borrowed by the cheapest of its leases",
      search: "        this.held.set(level, before - draw)\n",
      replacement: "        this.held.set(level, before)\n"
    },
    {
      name: "who borrows takes back",
      rule: "only a claim within the quota of its branch takes back",
      search: "within[at] = false",
      replacement: "within[at] = true"
    },
    {
      name: "within one group",
      rule: "in one group nobody lends to anybody",
      search: "return at > 0 && within[at - 1] === true && level !== part.account.level",
      replacement: "return within[Math.max(0, at - 1)] === true"
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
  ...of("preemption/transitions.ts", [
    {
      name: "what may be taken stays behind",
      rule: "what an agent of another group had borrowed is found where it is now",
      search: "  own.forEach(listInGroup)\n",
      replacement: ""
    },
    {
      name: "told, and still blocked",
      rule: "a lease that was told to end is no deadlock",
      search:
        "  if (isBlocked(lease)) unblock(books, lease)\n  for (const part of lease.parts) {\n    if (isListed) unlist",
      replacement: "  for (const part of lease.parts) {\n    if (isListed) unlist"
    },
    {
      name: "announced for ever",
      rule: "what came back is not reckoned with any more",
      search: "    if (lease.notice !== undefined) part.pool.announced -= part.amount\n    else if",
      replacement: "    if"
    }
  ]),
  ...of("Books.ts", [
    {
      name: "no fence",
      rule: "a forced return voids the tokens of the lease",
      search: 'reason === "overrun" ? this.nextToken++ : undefined',
      replacement: 'reason === "overrun" ? this.nextToken - 1 : undefined'
    }
  ])
]
