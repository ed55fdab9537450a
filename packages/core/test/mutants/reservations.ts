/** Mutants of reservations: what is kept for whom, from when on, and what is refused. */
import { of } from "./mutant.ts"

export const reservationMutants = [
  ...of("reservations/Calendar.ts", [
    {
      name: "promises are kept from nobody",
      rule: "what others were promised is not there for a claim",
      search:
        "      if (!isFor(promised.holder, request)) room -= Math.max(0, promisedAt(promised, now) - promised.used)\n",
      replacement: ""
    },
    {
      name: "windows are run into",
      rule: "a claim that lasts into a window leaves what was promised in it",
      search: "      if (later < room) room = later\n",
      replacement: ""
    },
    {
      name: "what is used of a promise is kept twice",
      rule: "of a promise only what its holder does not use is kept",
      search: "        later -= Math.max(0, promisedAt(promised, start.at) - own)\n",
      replacement: "        later -= promisedAt(promised, start.at) - 0 * own\n"
    },
    {
      name: "shrunk leases are kept as they were",
      rule: "what runs into a window is what leases hold",
      search: "    if (draw !== undefined) this.count(draw, by)\n",
      replacement: "    if (draw !== undefined && by > 0) this.count(draw, by)\n"
    }
  ]),
  ...of("reservations/Reservation.ts", [
    {
      name: "the broadest promise is drawn from",
      rule: "a lease draws from the narrowest promise that it is of",
      search: "    if (width === undefined || width >= least) continue",
      replacement: "    if (width === undefined || (narrowest !== undefined && width <= least)) continue"
    }
  ]),
  ...of("reservations/standing.ts", [
    {
      name: "windows are for ever",
      rule: "what is promised for a window ends by time, and is no deadlock",
      search: " || endOf(reservation) !== Infinity) continue",
      replacement: ") continue"
    },
    {
      name: "promises count before they begin",
      rule: "what is promised for ever is not there from its beginning on",
      search: "own === 0 || from > now || ",
      replacement: "own === 0 || "
    }
  ]),
  ...of("Availability.ts", [
    {
      name: "promises come back to all",
      rule: "what leases hold within a promise is kept for it again once they are back",
      search: "    if (draws !== undefined) this.held[pool]![draws] = this.held[pool]![draws]! - amount\n",
      replacement: ""
    },
    {
      name: "holders wait for what is kept from them",
      rule: "a wait has what was promised to it",
      search: "      if (!mayUse.includes(at)) units -=",
      replacement: "      units -="
    },
    {
      name: "what is kept waits for its turn",
      rule: "in order a wait needs nothing of those before it where all that it needs is kept for it",
      search: "    if (draws === undefined) return false\n",
      replacement: "    if (draws === undefined || amount > 0) return false\n"
    },
    {
      name: "told to wait for what is not for it",
      rule: "in a cycle each lease is one whose return leaves more for who waits for it",
      search: "    return this.held[pool]![draws]! > this.pools[pool]!.promises![draws]!.amount\n",
      replacement: "    return true\n"
    }
  ]),
  ...of("orderedReduction.ts", [
    {
      name: "what is kept comes with tokens",
      rule: "a wait needs its tokens beside those of all before it, also for what is kept for it",
      search: "    return tokens <= burst\n",
      replacement: "    return tokens >= 0\n"
    }
  ]),
  ...of("Arrivals.ts", [
    {
      name: "growth by promise looks for no deadlock",
      rule: "a growth that takes what is kept for its holder may take what a wait inside its lease needs",
      search: "isNeededInside(request) || takesPromised(request)",
      replacement: "isNeededInside(request)"
    }
  ]),
  ...of("DeadlockJudge.ts", [
    {
      name: "one pool looked at after the other",
      rule: "all pools of one change are looked at together",
      search: "this.resolveDeadlocks(() => pools.flatMap((pool) => this.waitersOf(pool)), undefined)",
      replacement: "pools.forEach((pool) => this.resolveDeadlocks(() => this.waitersOf(pool), undefined))"
    }
  ]),
  ...of("Ledger.ts", [
    {
      name: "classes change unseen",
      rule: "who leaves a class has no part in what is promised to it any more",
      search: "    if (priority !== undefined) this.judge.reviewPromised()\n",
      replacement: ""
    },
    {
      name: "a promise ends unseen",
      rule: "the end of a promise is a cause to look for deadlocks",
      search: "    this.reviewPools(Object.keys(reservation.claim))\n",
      replacement: ""
    }
  ]),
  ...of("reservations/Reservations.ts", [
    {
      name: "windows begin unseen",
      rule: "as a window begins what is promised is looked at anew",
      search: "      if (reservation.from > now) next = Math.min(next, reservation.from)\n",
      replacement: ""
    }
  ]),
  ...of("reservations/transitions.ts", [
    {
      name: "a promise is over, and still kept",
      rule: "what was promised is there for all once it is over",
      search: "  books.reservations?.byId.delete(reservation.id)\n",
      replacement: '  if (reason !== "released") books.reservations?.byId.delete(reservation.id)\n'
    }
  ]),
  ...of("Books.ts", [
    {
      name: "time moves nothing into windows",
      rule: "with time a claim runs into windows that it did not before",
      search: "    if (this.reservations !== undefined) promises.reconsider(this)\n",
      replacement: ""
    }
  ]),
  ...of("Settling.ts", [
    {
      name: "holders wait their turn",
      rule: "what is kept for a claim is there for it, whoever waits before it",
      search: "    if (this.books.reservations !== undefined) this.settlePromised()\n",
      replacement: ""
    }
  ])
]
