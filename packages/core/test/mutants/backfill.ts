/** Mutants of backfill: who passes, what is protected, and who is looked at again. */
import { of } from "./mutant.ts"

export const backfillMutants = [
  ...of("plan/PastHeads.ts", [
    {
      name: "heads are not protected from backfill",
      rule: "who starts out of turn leaves the next claim where it is",
      search: "    for (const head of this.heads(books)) plan.place(head)\n    return plan",
      replacement: "    return plan"
    },
    {
      name: "a newcomer passes nobody",
      rule: "a claim that arrives is asked whether it may pass",
      search: "newcomer !== undefined && this.mayPass(newcomer, books.now) ?",
      replacement: "newcomer !== undefined && newcomer.id < 0 ?"
    },
    {
      name: "backfill never looks again",
      rule: "what comes back may let somebody pass",
      search: "if (all || areOthers || pool.stirred || pool.passedOver !== head) {",
      replacement: "if (all || areOthers || pool.passedOver !== head) {"
    },
    {
      name: "whom the depth reaches then is not looked at",
      rule: "who comes within the depth as others start is looked at at once",
      search: "      for (const { pool } of parts) if (isTimed || pool.waiting > this.depth) pool.stirred = true\n",
      replacement: "      for (const { pool } of parts) if (isTimed) pool.stirred = true\n"
    },
    {
      name: "nobody passes by tokens that come",
      rule: "who lacks tokens alone passes as soon as they are there",
      search: "    if (at < (this.tokensAt.get(pool) ?? Infinity)) this.tokensAt.set(pool, at)\n",
      replacement: ""
    },
    {
      name: "who goes on looks for no tokens",
      rule: "a restored Ledger lets the same pass at the same instant",
      search: "    this.among(books, this.candidates([...books.pools.values()], books.now), () => false)\n",
      replacement: ""
    }
  ]),
  ...of("plan/Plan.ts", [
    {
      name: "the spare is spent twice",
      rule: "what one takes to spare is gone for the next",
      search: "      page.profile.reserve(part.amount, rightNow, until)\n",
      replacement: ""
    },
    {
      name: "shadow uses the spare",
      rule: "with shadow only who ends first passes",
      search: "    if (endsFirst && until >= page.firstStart) return false\n",
      replacement: "    if (endsFirst && until >= page.firstStart && amount > page.profile.least(until)) return false\n"
    },
    {
      name: "passes who may wait for ever",
      rule: "nobody passes a claim whose start nobody knows",
      search: "if (page.closed || amount",
      replacement: "if (amount"
    }
  ]),
  ...of("plan/Ends.ts", [
    {
      name: "ends stay when leases are back",
      rule: "who has come back is not expected any more",
      search: "    this.instants.splice(at, 1)\n    this.parts.splice(at, 1)",
      replacement: "    if (at < 0) this.parts.splice(at, 1)"
    }
  ]),
  ...of("order/heads.ts", [
    {
      name: "heads are not committed",
      rule: "who is next stays next where the order says so",
      search: "      if (first === undefined || order.compare(part.request, first) < 0) first = part.request\n",
      replacement: ""
    }
  ]),
  ...of("plan/PastHeads.ts", [
    {
      name: "who must not start holds up those behind",
      rule: "who is kept waiting because it is not safe takes nothing from those who may start",
      search: "      if (!mayBe(candidate)) continue\n",
      replacement: "      if (!mayBe(candidate)) break\n"
    }
  ]),
  ...of("order/passing.ts", [
    {
      name: "who must not pass holds up those behind",
      rule: "who is kept waiting because it is not safe keeps nobody else from passing",
      search: "      if (found !== undefined && mayBe(found.request)) return found\n",
      replacement: "      if (found !== undefined) return mayBe(found.request) ? found : undefined\n"
    }
  ]),
  ...of("Settling.ts", [
    {
      name: "safe by another pool, unseen",
      rule: "who may start where deadlocks are avoided depends on all pools",
      search: "    if (this.judge.avoids) for (const pool of this.books.everyPool()) pool.stirred = true\n",
      replacement: ""
    }
  ]),
  ...of("Ledger.ts", [
    {
      name: "after a restart others take first",
      rule: "a restored Ledger decides the same ever after",
      search: "    books.advanced.clear()\n",
      replacement: ""
    }
  ])
]
