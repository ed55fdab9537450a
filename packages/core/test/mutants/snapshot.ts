/** Mutants of the snapshot: what is not in it, or not put back. */
import { of } from "./mutant.ts"

export const snapshotMutants = [
  ...of("capture.ts", [
    {
      name: "snapshot without earmarks",
      rule: "a restored queue has the earmarks that it had",
      search: "  ...(ordered || pool.firstShort === undefined ? {} : { firstShort: pool.firstShort.request.id }),\n",
      replacement: ""
    },
    {
      name: "snapshot without the fraction of a token",
      rule: "a restored bucket has the level that it had",
      search: "  return { level, remainder, burst, terms: termsState(terms) }",
      replacement: "  return { level, remainder: 0, burst, terms: termsState(terms) }"
    },
    {
      name: "snapshot without what grants left",
      rule: "a restored grant can be undone",
      search: "  ...(terms === undefined ? {} : { left: { level, remainder, terms: termsState(terms) } })\n",
      replacement: ""
    },
    {
      name: "snapshot forgets that growths can be undone",
      rule: "a restored growth can be undone",
      search: "    requests: [...index.values()]",
      replacement: '    requests: [...index.values()].filter((r) => r.grows === undefined || r.status !== "held")'
    },
    {
      name: "snapshot forgets quotas",
      rule: "quotas are restored",
      search: "({ pool: pool.index, peak, ...(quota === Infinity ? {} : { quota }) })",
      replacement: "({ pool: pool.index, peak })"
    }
  ]),
  ...of("restore.ts", [
    {
      name: "restored leases last for ever",
      rule: "a restored lease expires when it would have",
      search: "    this.books.timers.set(request, endsAt(request))\n",
      replacement: ""
    },
    {
      name: "restored rates have no timer",
      rule: "a restored rate serves its waiters in time",
      search: "      else this.books.schedule(pool)\n",
      replacement: ""
    },
    {
      name: "restored waiters are inside nothing",
      rule: "a restored wait is inside the leases that it was inside of",
      search: "    for (const lease of leasesAround(request)) {\n      lease.waitsInside",
      replacement: "    for (const lease of leasesAround(request).slice(1)) {\n      lease.waitsInside"
    },
    {
      name: "restored exempt waiters queue again",
      rule: "a restored exempt waiter may still pass the queue",
      search: "      request.exempt = true\n",
      replacement: ""
    }
  ])
]
