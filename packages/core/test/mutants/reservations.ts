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
      search: "        later -= Math.max(0, promisedAt(promised, start.at) - (start.own.get(promised) ?? 0))",
      replacement: "        later -= promisedAt(promised, start.at)"
    },
    {
      name: "the broadest promise is drawn from",
      rule: "a lease draws from the narrowest promise that it is of",
      search: "      if (width === undefined || width >= least) continue",
      replacement: "      if (width === undefined || (narrowest !== undefined && width <= least)) continue"
    },
    {
      name: "shrunk leases are kept as they were",
      rule: "what runs into a window is what leases hold",
      search: "    if (draw !== undefined) this.count(draw, by)\n",
      replacement: "    if (draw !== undefined && by > 0) this.count(draw, by)\n"
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
