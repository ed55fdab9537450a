/** Mutants of admission, deadlock detection, nesting, statistics, replay and explanations. */
import { of } from "./mutant.ts"

export const otherMutants = [
  ...of("admission.ts", [
    {
      name: "quota ignores holdings",
      rule: "what an agent holds counts against its quota",
      search: "if (account.held + account.waiting + amount <= account.quota) return undefined",
      replacement: "if (account.waiting + amount <= account.quota) return undefined"
    },
    {
      name: "burst not a limit",
      rule: "a claim over the burst fails at once",
      search: "if (amount <= pool.limit - promised && cost <= pool.burstLimit) return undefined",
      replacement: "if (amount <= pool.limit - promised) return undefined"
    },
    {
      name: "queue without bound",
      rule: "the queue is bounded",
      search: "if (books.waiting >= limits.waitersMax)",
      replacement: "if (books.waiting > limits.waitersMax)"
    },
    {
      name: "wrong figure told",
      rule: "a refusal carries the true figures",
      search: "    held: account.held,\n    waiting: account.waiting\n",
      replacement: "    held: account.held,\n    waiting: account.held\n"
    }
  ]),
  ...of("deadlock.ts", [
    {
      name: "never looks at the graph",
      rule: "a nested claim that must wait is judged",
      search: "  if (hardPools === 0) return true\n",
      replacement: "if (hardPools >= 0) return true"
    },
    {
      name: "looks only at its own pools",
      rule: "waiters in the queue that wait elsewhere too are looked at",
      search: "!pool.hard && pool.waitingSeveral === own",
      replacement: "!pool.hard"
    },
    {
      name: "growth counts as held",
      rule: "a claim that only growth can serve is no deadlock",
      search: "(grown ? pool.limit : pool.capacity)",
      replacement: "pool.capacity"
    },
    {
      name: "reach stops at the first pool",
      rule: "everything that a wait can depend on is looked at",
      search: "        for (const inner of lease.waitsInside!) waits.add(inner)",
      replacement: "        for (const inner of [...lease.waitsInside!].slice(1)) waits.add(inner)"
    },
    {
      name: "asks for too little growth",
      rule: "a pool is told to grow to what is enough",
      search: "Math.min(pool.limit, pool.capacity + missing)",
      replacement: "Math.min(pool.limit, pool.capacity + missing - 1)"
    },
    {
      name: "blocked units hide the need to grow",
      rule: "a pool is told to grow where nothing else serves its first waiter",
      search: "if (part.amount <= pool.capacity - pool.blockedHeld - pool.standing) return undefined",
      replacement: "if (part.amount <= pool.capacity) return undefined"
    },
    {
      name: "wrong holder in the cycle",
      rule: "the cycle that is told is there",
      search: "      heldBy: lease.agent.id,",
      replacement: "      heldBy: wait.agent.id,"
    }
  ]),
  ...of("WaitForGraph.ts", [
    {
      name: "reduction stops early",
      rule: "the reduction serves waits until none can be served",
      search:
        "    for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) lines[pool]!.forEach(read)\n",
      replacement:
        "    for (let pool = run.changed.pop(), n = 0; pool !== undefined && n < 4; pool = run.changed.pop(), n++) lines[pool]!.forEach(read)\n"
    },
    {
      name: "exempts the latest",
      rule: "the earliest waiter that suffices is exempted",
      search: "candidates.find((wait) => reduceOrdered",
      replacement: "candidates.findLast((wait) => reduceOrdered"
    }
  ]),
  ...of("reductionRun.ts", [
    {
      name: "one wait served is enough",
      rule: "a lease comes back once every wait inside it is served",
      search: "    if (open !== 0) continue\n",
      replacement: "    if (open < 0) continue\n"
    }
  ]),
  ...of("orderedReduction.ts", [
    {
      name: "order ignores tokens",
      rule: "in order a wait needs the tokens of those before it too",
      search: "      if (need.cost > this.graph.pools[pool]!.burst - line.earmarkedTokens) return\n",
      replacement: ""
    },
    {
      name: "order ignores earmarks",
      rule: "in order a wait needs the units of those before it too",
      search: "      if (need.amount > run.units.there(need) - line.earmarked) return\n",
      replacement: "      if (need.amount > run.units.there(need)) return\n"
    }
  ]),
  ...of("Request.ts", [
    {
      name: "forgets outer leases",
      rule: "a wait is inside all the leases around it",
      search: "for (; lease !== undefined; lease = enclosing(lease)) around.push(lease)",
      replacement: "if (lease !== undefined) around.push(lease)"
    },
    {
      name: "inside what came back",
      rule: "leases that came back are skipped, not the end",
      search: 'while (parent !== undefined && parent.status !== "held") parent = parent.parent',
      replacement: 'if (parent !== undefined && parent.status !== "held") parent = undefined'
    },
    {
      name: "forgets the lease that it grows",
      rule: "a growth is inside the lease that it grows",
      search: "if (lease === undefined && grows === undefined) return nowhere",
      replacement: "if (lease === undefined) return nowhere"
    }
  ]),
  ...of("Histogram.ts", [
    {
      name: "undone wait stays",
      rule: "an undone grant never waited",
      search: "    this.count--\n",
      replacement: ""
    }
  ]),
  ...of("replay.ts", [
    {
      name: "quota not replayed",
      rule: "events rebuild the state",
      search: "event.quota ?? Infinity)",
      replacement: "Infinity)"
    },
    {
      name: "undo replayed as a return",
      rule: "events rebuild the state",
      search: "        books.undo(this.request(event.id))",
      replacement: '        books.giveBack(this.request(event.id), "released")'
    }
  ]),
  ...of("explain.ts", [
    {
      name: "reason hidden",
      rule: "every wait can be explained, all reasons at once",
      search: "  if (waitingLine.ahead > 0) reasons.push(",
      replacement: "  if (waitingLine.ahead > 0 && reasons.length === 0) reasons.push("
    }
  ])
]
