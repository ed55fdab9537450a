/** Mutants of windows and those who yield to them: who is let in, who is told, when, and who is spared. */
import { of } from "./mutant.ts"

export const windowMutants = [
  ...of("reservations/Calendar.ts", [
    {
      name: "let in too late",
      rule: "no lease is let into a window that begins too soon to tell it",
      search: "      if (yields && !this.isDue(start, now)) break\n",
      replacement: "      if (yields) break\n"
    },
    {
      name: "those that yield are in the way",
      rule: "who can be told in time is in nobody's way",
      search: "staysInto(stay, at, this.lead) ? yielding : undefined",
      replacement: "staysInto(stay, at, this.lead) ? runs : undefined"
    },
    {
      name: "those that yield make no promise",
      rule: "a promise is made where those who can be told in time would be its room",
      search: "      if (stay.yields && at - this.lead >= now) continue\n",
      replacement: ""
    },
    {
      name: "the overdue of others are believed",
      rule: "who may not be taken and should have been back as a window became due is made up for",
      search: "stay.declared <= at - this.lead && !stay.told ? overdue : undefined",
      replacement: "undefined"
    },
    {
      name: "told, and still there",
      rule: "who was told to be back by the start of a window is not there then",
      search: "    draw.stay = stayOf(part.request, this.lead)\n",
      replacement: ""
    },
    {
      name: "begun, and forgotten",
      rule: "what comes to be missing of a window that has begun is made up for",
      search: "    const pages = [{ at: now, page: this.pageNow(this.promises, now, staying) }]\n",
      replacement: "    const pages: Array<{ readonly at: number; readonly page: Page }> = []\n"
    }
  ]),
  ...of("reservations/Stay.ts", [
    {
      name: "the overdue are believed",
      rule: "who should have been back as a window became due is told",
      search: "forced > at && (declared > at || (yields && declared <= at - lead))",
      replacement: "forced > at && declared > at"
    }
  ]),
  ...of("reservations/Reservations.ts", [
    {
      name: "due unseen",
      rule: "who is told for a window is told as it is due",
      search: "      if (reservation.from - lead > now) next = Math.min(next, reservation.from - lead)\n",
      replacement: ""
    }
  ]),
  ...of("Ledger.ts", [
    {
      name: "due, and nobody looks",
      rule: "who is told for a window is told as it is due",
      search: "    promises.replan(books, new Set([...types, ...due]))\n",
      replacement: "    promises.replan(books, types)\n"
    }
  ]),
  ...of("preemption/victims.ts", [
    {
      name: "all who help are told",
      rule: "none of those who are told for a window can be spared",
      search: "  return spare(\n    deficits,\n    taken,\n    deficits.map(({ units }) => Math.max(0, units))\n  )\n",
      replacement: "  return taken\n"
    }
  ]),
  ...of("preemption/reconsider.ts", [
    {
      name: "spared before the window",
      rule: "a lease that a promise needs is not spared",
      search: "    if (isNeededForWindows(books, lease)) continue\n",
      replacement: ""
    },
    {
      name: "ends for nobody's window",
      rule: "a lease that no promise needs any more is spared",
      search: ' || notice?.cause === "reservation") &&\n',
      replacement: ") &&\n"
    }
  ]),
  ...of("Endings.ts", [
    {
      name: "back after the start",
      rule: "who is told for a window is back as it begins",
      search: "    const forcedAt = Math.max(reservation.from, books.now + leadOf(preemption))\n",
      replacement: "    const forcedAt = Math.max(reservation.from + 1, books.now + leadOf(preemption))\n"
    }
  ]),
  ...of("Books.ts", [
    {
      name: "back, and nobody looks",
      rule: "a lease that no promise needs any more is spared as soon as something else is back",
      search: "      else if (pool.calendar !== undefined) this.changed?.add(pool)\n",
      replacement: ""
    }
  ]),
  ...of("preemption/reconsider.ts", [
    {
      name: "no room for windows beside groups",
      rule: "leases are told to end for windows where agents are in groups too",
      search: "books.lead !== undefined) makeRoom(",
      replacement: "books.lead !== undefined && books.groups.byId.size === 0) makeRoom("
    }
  ]),
  ...of("Arrivals.ts", [
    {
      name: "what was promised twice is missed",
      rule: "what a claim uses of more than one promise is made up for",
      search: "    const stirs = stirPromises(books, request)\n",
      replacement: "    const stirs = false\n"
    }
  ]),
  ...of("preemption/transitions.ts", [
    {
      name: "room of who was told, unseen",
      rule: "as soon as who was told to end is not there any more at a start, others may have that",
      search: "    if (waitersHead !== undefined) books.rebalance(part.pool)\n",
      replacement: ""
    }
  ]),
  ...of("Settling.ts", [
    {
      name: "safe since leases were taken, unseen",
      rule: "who is safe once leases were taken without a grace does not wait",
      search: "while (reconsider(this.books, this.taking, this.spared)) this.serveAll()\n",
      replacement: "while (reconsider(this.books, this.taking, this.spared)) this.serve()\n"
    }
  ])
]
