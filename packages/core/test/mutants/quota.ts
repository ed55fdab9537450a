/** Mutants of quotas as a tree. */
import { of } from "./mutant.ts"

export const quotaMutants = [
  ...of("quota/Level.ts", [
    {
      name: "all is guaranteed",
      rule: "what a group may lend its siblings may use",
      search: "lendingLimit === undefined ? 0 : Math.max(0, this.subtree - lendingLimit)",
      replacement: "lendingLimit === undefined ? this.subtree : Math.max(0, this.subtree - lendingLimit)"
    },
    {
      name: "lending limit not kept",
      rule: "nobody borrows beyond a lending limit",
      search: "lendingLimit === undefined ? 0 : Math.max(0, this.subtree - lendingLimit)",
      replacement: "0"
    },
    {
      name: "borrowing limit not kept",
      rule: "nobody borrows beyond their borrowing limit",
      search: "(parent !== undefined && borrowingLimit === undefined)",
      replacement: "parent !== undefined"
    },
    {
      name: "use not drawn from the parent",
      rule: "what exceeds the guaranteed is drawn from the parent",
      search: "    used = at.drawn(at.used) - usedBefore",
      replacement: "    used = 0"
    },
    {
      name: "parent freed of what was guaranteed",
      rule: "a return frees of the parent what was drawn, no more",
      search: "    held = at.drawn(at.held) - heldBefore",
      replacement: "    held = held < 0 ? held : at.drawn(at.held) - heldBefore"
    }
  ]),
  ...of("quota/obstacles.ts", [
    {
      name: "group maximum not looked at",
      rule: "the amount in use of a group is bounded",
      search: "+ part.amount > level.max) return",
      replacement: "> level.max) return"
    },
    {
      name: "group leases not looked at",
      rule: "the leases of a group are bounded",
      search: "+ leases > level.leasesMax) return",
      replacement: "> level.leasesMax) return"
    },
    {
      name: "lost quota granted",
      rule: "who lost the quota kept for it waits for it again",
      search: 'if (obstacleOf(part, "held", now) !== undefined) return true',
      replacement: 'if (obstacleOf(part, "held", now) === undefined && now < 0) return true'
    }
  ]),
  ...of("quota/Gate.ts", [
    {
      name: "inside a lease behind a line",
      rule: "a claim inside a lease waits for what is held, never for order",
      search: "nested ? undefined : this.closed)",
      replacement: "this.closed)"
    },
    {
      name: "gate opens for one",
      rule: "everybody who can have quota has it",
      search: "      if (passes(request, rank === 0) && next !== undefined) insert(heads, headOf(next, now))",
      replacement: "      passes(request, rank === 0)"
    },
    {
      name: "kept quota kept for ever",
      rule: "what is kept for one look is free after it",
      search: "      reserve(part, -1)\n      part.account.parked += part.amount",
      replacement: "      part.account.parked += part.amount"
    }
  ]),
  ...of("quota/transitions.ts", [
    {
      name: "moved without its leases",
      rule: "what an agent holds moves with it",
      search: "      for (const root of roots) groups.recount(root)\n",
      replacement: ""
    }
  ]),
  ...of("Books.ts", [
    {
      name: "quota freed by nobody",
      rule: "a lease that comes back lets those go on who wait for quota",
      search: "    this.changed = changed\n    gates.quotaFreed(this, request.agent)",
      replacement: "    this.changed = changed"
    }
  ]),
  ...of("quota/reasons.ts", [
    {
      name: "what others have their quota for is told inside a lease",
      rule: "who waits for quota is told of limits that keep it waiting, and no others",
      search: 'const basis = leasesAround(request).length > 0 ? "held" : "used"\n',
      replacement: 'const basis = leasesAround(request).length > 0 ? "used" : "used"\n'
    }
  ]),
  ...of("quota/refusals.ts", [
    {
      name: "who may wait for quota fails",
      rule: "at a quota a claim does as its agent or the nearest group says",
      search: 'agent.onQuota === undefined ? "fail" : onQuotaOf(agent)',
      replacement: 'agent.onQuota === undefined ? "fail" : (agent.onQuota ?? "fail")'
    },
    {
      name: "it waits for itself",
      rule: "whom a cut leaves over its quota is told what else its agent waits for",
      search: '(request.status === "waiting" ? amount : 0)',
      replacement: '(request.status === "waiting" ? 0 : 0)'
    }
  ]),
  ...of("deadlock.ts", [
    {
      name: "growth for who waits for quota",
      rule: "a pool is told to grow only where no wait for quota is served by what comes back",
      search: "      quota: quotaOf(inOrder, leases),\n",
      replacement: "      quota: grown ? quotaOf(inOrder, leases) : undefined,\n"
    },
    {
      name: "waits for quota close no cycle",
      rule: "a wait for quota is a wait like any other",
      search: "if (request.quota?.parked !== undefined) return leasesAround(request).length === 0",
      replacement: "if (request.quota?.parked !== undefined) return true"
    },
    {
      name: "a wait for quota fails for another one",
      rule: "the claim that closes a deadlock fails, also where one that waits for quota is in another cycle",
      search: "const closed = reduction.stuck.includes(own) ?",
      replacement: "const closed = reduction.stuck.includes(-2) ?"
    }
  ]),
  ...of("DeadlockJudge.ts", [
    {
      name: "deadlocks before the review",
      rule: "who is over its quota after a change fails for that, and in no deadlock",
      search: "    for (const waiters of trees) {\n",
      replacement:
        "    for (const waiters of trees) {\n      if (this.policy.detects) this.resolveDeadlocks(() => trees.flat().filter(isWaiting), undefined)\n"
    }
  ])
]
