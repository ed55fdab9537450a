/** Mutants of orders: shares of agents and groups, rescue, bypass, inheritance, and the queues in order. */
import { of } from "./mutant.ts"

export const orderMutants = [
  ...of("order/fairness.ts", [
    {
      name: "fair to those who hold alone",
      rule: "who waits for a pool and has none of it counts in how evenly it is shared",
      search: "held > 0 || waiting > parked",
      replacement: "held > 0"
    }
  ]),
  ...of("order/shares.ts", [
    {
      name: "shares ignore weights",
      rule: "what is held counts by weight",
      search: "heldByAgent(sharer)) / sharer.weight",
      replacement: "heldByAgent(sharer)) / 1"
    },
    {
      name: "turns are saved up",
      rule: "who was away starts where its siblings are",
      search: "return waiting > 0 ? served : Math.max(served, (above ?? this).virtual)",
      replacement: "return served"
    },
    {
      name: "groups are charged nothing",
      rule: "a grant moves every group of its agent on",
      search: "      at.served = start + part / at.weight\n",
      replacement: "      if (at === request.agent) at.served = start + part / at.weight\n"
    },
    {
      name: "groups come back behind",
      rule: "a group in which nobody waited starts where its siblings are",
      search: "at !== undefined && at.waiting === 0; at = at.above",
      replacement: "at !== undefined && at.waiting === 0; at = undefined"
    },
    {
      name: "past use never fades",
      rule: "what was granted counts half after each half-life",
      search: "at.served * 2 ** (at.servedIn - number) + part * weight",
      replacement: "at.served + part * weight"
    },
    {
      name: "all grants of a half-life weigh the same",
      rule: "what was granted later weighs more",
      search: "return [number, 1 + (now - number * halfLife) / halfLife]",
      replacement: "return [number, 1]"
    },
    {
      name: "undone grants stay charged",
      rule: "a grant that is undone counts for nobody",
      search: "      at.served = Math.max(0, at.served - was)\n",
      replacement: "      at.served = Math.max(0, at.served - was * 0)\n"
    },
    {
      name: "a move forgets the lead",
      rule: "who has another group keeps what it is ahead by",
      search: "(to ?? this).virtual + Math.max(0, sharer.served - (from ?? this).virtual)",
      replacement: "(to ?? this).virtual"
    }
  ]),
  ...of("order/Sharer.ts", [
    {
      name: "compares those of different groups",
      rule: "two agents are compared below the first group that both are in",
      search: "  while (one.above !== other.above) {",
      replacement: "  while (one.above !== other.above && one.above?.parent !== other.above?.parent) {"
    }
  ]),
  ...of("order/Order.ts", [
    {
      name: "agents of all groups are siblings",
      rule: "shares are compared from the roots down",
      search: "a.group === b.group ? this.compareSiblings(a, b) :",
      replacement: "a.group === b.group || a.index >= 0 ? this.compareSiblings(a, b) :"
    }
  ]),
  ...of("order/Ordering.ts", [
    {
      name: "lines of agents stay",
      rule: "a line moves as the share of its agent does",
      search: "return row === undefined || queue.staysPlaced(row) ? [] : [row]",
      replacement: "return row === undefined || queue.staysPlaced(row) || row.of === agent ? [] : [row]"
    },
    {
      name: "blocks of groups stay",
      rule: "a group's lines move as the share of the group does",
      search: "return row === undefined || queue.staysPlaced(row) ? [] : [row]",
      replacement: "return row === undefined || queue.staysPlaced(row) || row.of !== agent ? [] : [row]"
    },
    {
      name: "only the outermost row moves",
      rule: "whatever has another share moves among its own siblings",
      search: "for (const row of rows.slice(0, -1)) {",
      replacement: "for (const row of rows.slice(0, -1).slice(9)) {"
    },
    {
      name: "keys from before the move",
      rule: "who has another group stands by its share there",
      search:
        "    for (const agent of moved) {\n      for (let at: Agent | Group | undefined = agent; at !== undefined; at = at.above) this.readKey(at)\n    }\n",
      replacement: ""
    },
    {
      name: "idle groups are not looked at",
      rule: "where nobody waited a share is read as somebody comes",
      search: "at?.waiting === 0; at = at.above) this.readKey(at)",
      replacement: "at?.waiting === 0; at = undefined) this.readKey(at)"
    }
  ]),
  ...of("order/Queue.ts", [
    {
      name: "behind a group nobody comes",
      rule: "after the last of a group comes the next of its siblings",
      search:
        "    for (let row: Row = this.lineOf(part)!; row.above !== undefined; row = row.above) {\n      const next",
      replacement:
        "    for (let row: Row = this.lineOf(part)!; row.above !== undefined && row instanceof Line; row = row.above) {\n      const next"
    }
  ]),
  ...of("order/Sorted.ts", [
    {
      name: "looks one way for its place",
      rule: "a row whose share has changed stands between its neighbours",
      search: "      (after === undefined || this.compare(value, after.value) < 0)",
      replacement: "      (after === undefined || before === undefined || this.compare(value, after.value) < 0)"
    }
  ]),
  ...of("order/border.ts", [
    {
      name: "rows go with their earmarks",
      rule: "what moves takes the border back with it",
      search: "  cutBefore(pool, queue, first)\n  if (pool.firstShort === first)",
      replacement: "  if (pool.firstShort === first)"
    },
    {
      name: "comes in before, and nobody gives up for it",
      rule: "the last of the prefix give up their earmarks for who comes in before them",
      search: "  pool.earmark(part)\n  pool.retreat(now)\n",
      replacement: "  pool.earmark(part)\n"
    }
  ]),
  ...of("order/rescue.ts", [
    {
      name: "rescues too seldom",
      rule: "one grant in so many is for the oldest waiter",
      search: "pool.rescuedAt < oneIn - 1",
      replacement: "pool.rescuedAt < oneIn"
    },
    {
      name: "rescues too often",
      rule: "at most one grant in so many is a rescue",
      search: "pool.rescuedAt < oneIn - 1",
      replacement: "pool.rescuedAt < oneIn - 2"
    },
    {
      name: "rescues whoever just came",
      rule: "only who has waited long enough is rescued",
      search: "part !== undefined && now - part.request.askedAt >= afterMicros ?",
      replacement: "part !== undefined && now - part.request.askedAt >= 0 * afterMicros ?"
    }
  ]),
  ...of("order/passing.ts", [
    {
      name: "passes for ever",
      rule: "the first that is short is passed so many times at most",
      search: "!turn.rescued && turn.passed < max &&",
      replacement: "!turn.rescued && turn.passed <= max &&"
    },
    {
      name: "passes at any time",
      rule: "the first that is short is passed for so long at most",
      search: "now < turn.passedSince + withinMicros",
      replacement: "now < turn.passedSince + withinMicros + 1_000"
    },
    {
      name: "passes who was rescued",
      rule: "nobody passes who was rescued",
      search: "!turn.rescued && turn.passed < max &&",
      replacement: "turn.passed < max &&"
    },
    {
      name: "passes on earmarks",
      rule: "who passes takes nothing that is earmarked",
      search: "amount <= pool.freeFor(request, now) - pool.earmarked &&",
      replacement: "amount <= pool.freeFor(request, now) &&"
    },
    {
      name: "one passed head is enough",
      rule: "each head that is passed must allow it",
      search: "if (head === request || !fits(part, now) || !mayPass(head, now)) return undefined",
      replacement: "if (head === request || !fits(part, now)) return undefined"
    }
  ]),
  ...of("order/Order.ts", [
    {
      name: "first asked, first served",
      rule: "who had to wait for its quota stands behind who came to the queue meanwhile",
      search: "b.id === 0 ? -1 : inQueueOrder(a, b)",
      replacement: "b.id === 0 ? -1 : a.id - b.id"
    }
  ]),
  ...of("order/priority.ts", [
    {
      name: "raised by who waits for quota",
      rule: "who waits for quota is in no queue, and raises nobody",
      search: "    if (wait.quota?.parked !== undefined) continue\n",
      replacement: ""
    },
    {
      name: "inheritance ends at the first lease",
      rule: "priority is inherited along the chain",
      search: "          ranks.set(wait, rank)\n          changed = true\n",
      replacement: "          ranks.set(wait, rank)\n"
    },
    {
      name: "comes back by time, and inherits",
      rule: "nothing is inherited through a lease that comes back by time",
      search: "        if (comesBackByTime(lease)) continue\n",
      replacement: ""
    },
    {
      name: "inherits from its own lease",
      rule: "a wait inside the same lease raises nobody",
      search: "(other) => !lease.waitsInside!.has(other))",
      replacement: "(other) => other.id > 0)"
    }
  ])
]
