/** Mutants of conservative backfill: what is told, kept, void, and looked at again. */
import { of } from "./mutant.ts"

export const toldStartsMutants = [
  ...of("plan/Conservative.ts", [
    {
      name: "what was told decides nothing",
      rule: "who was told an earlier start is placed before",
      search: "      return x === y ? this.compare(a, b) : x - y\n",
      replacement: "      return this.compare(a, b) || x - y\n"
    },
    {
      name: "a told start never comes nearer",
      rule: "what comes back early makes starts earlier, and they are told so",
      search: "      } else if (told !== request.toldStart) starts.push([request, told])\n",
      replacement: "      } else if (request.toldStart === undefined) starts.push([request, told])\n"
    },
    {
      name: "a void start is still told",
      rule: "who waits for a lease that is overdue is told that its start is not known",
      search: "        if (request.toldStart !== undefined) unknown.push(request)\n",
      replacement: ""
    },
    {
      name: "nobody looks after a told start",
      rule: "a told start that has passed is void",
      search: "paysNothing(request) || told <= now ? told + 1 : told",
      replacement: "paysNothing(request) || told <= now ? Infinity : told"
    },
    {
      name: "tokens wake nobody who was told nothing",
      rule: "who lacks tokens alone starts when they are there, told or not",
      search: "      if (waiter.toldStart === undefined && at > now) next = Math.min(next, at)\n",
      replacement: ""
    },
    {
      name: "what comes back is not planned with",
      rule: "all are placed anew when something came back",
      search: "    for (const pool of books.everyPool()) if (pool.stirred) return true\n    return false",
      replacement: "    return false"
    },
    {
      name: "who starts is not in the plan",
      rule: "who starts now leaves those that were told where they are",
      search: "    plan.keep(request, place)\n    return { startsNow: true",
      replacement: "    return { startsNow: true"
    },
    {
      name: "who comes is planned beside nobody",
      rule: "who comes delays nobody that was told",
      search: "    const plan = this.planOf(books)\n    plan.now",
      replacement: "    const plan = new Plan(books.now)\n    plan.now"
    },
    {
      name: "a restored plan has no timer",
      rule: "a restored Ledger looks at told starts when the other would have",
      search: "    this.dueAt = this.nextLook(books)\n    books.timers.set(this.timer, this.dueAt)\n",
      replacement: "    this.dueAt = this.nextLook(books)\n"
    }
  ]),
  ...of("plan/Conservative.ts", [
    {
      name: "nobody inside a lease is told beyond the depth",
      rule: "who waits inside a lease that waits for that is looked at, however far behind",
      search:
        "      for (const lease of pool.blocked) for (const wait of lease.waitsInside!) if (isQueued(wait)) waiters.add(wait)\n",
      replacement: ""
    },
    {
      name: "nobody comes into the depth",
      rule: "who is within the depth once others have started is told by when it starts",
      search: "      this.complete = undefined\n      this.dueAt = undefined\n      return picked",
      replacement: "      this.dueAt = undefined\n      return picked"
    }
  ]),
  ...of("plan/Plan.ts", [
    {
      name: "who waits in one pool closes the others",
      rule: "the share of who is told nothing is set aside where there is enough, and others use the rest",
      search: "      if (from.at === Infinity) page.closed = true\n",
      replacement: "      if (request.parts.length > 0) page.closed = true\n"
    },
    {
      name: "tokens are planned for nobody",
      rule: "tokens of those placed before are theirs",
      search: "pool.earmarkedTokens + this.page(pool).tokensPlaced + cost\n",
      replacement: "pool.earmarkedTokens + cost\n"
    }
  ]),
  ...of("capture.ts", [
    {
      name: "snapshot without what was told",
      rule: "a restored Ledger keeps what was told",
      search: "        ...(toldStart === undefined ? {} : { toldStart }),\n",
      replacement: ""
    }
  ]),
  ...of("restore.ts", [
    {
      name: "restored waiters were told nothing",
      rule: "a restored Ledger keeps what was told",
      search: "    if (state.toldStart !== undefined) ownTurn(request).toldStart = state.toldStart\n",
      replacement: ""
    }
  ]),
  ...of("plan/transitions.ts", [
    {
      name: "starts are told in no event",
      rule: "a journal has what was told",
      search: "  if (books.sink === undefined) return\n",
      replacement: "  if (starts.length >= 0) return\n"
    }
  ]),
  ...of("Books.ts", [
    {
      name: "who waits for quota again was told a start",
      rule: "who leaves the queues is told anew as it comes back",
      search: "    if (request.turn.toldStart !== undefined) ownTurn(request).toldStart = undefined\n",
      replacement: ""
    }
  ]),
  ...of("Settling.ts", [
    {
      name: "what a promise takes is not planned with",
      rule: "who goes before the plan changes it",
      search: "          if (books.planned) for (const { pool: own } of request.parts) own.stirred = true\n",
      replacement: ""
    },
    {
      name: "who starts with others counts for no rescue",
      rule: "each grant counts for who is rescued next, however many start at once as they were told",
      search: "if (granted && ordering !== undefined && this.rescue(ordering) && !decidesAll) oneByOne = true",
      replacement: "if (granted && ordering === undefined && !decidesAll) oneByOne = true"
    }
  ])
]
