/** Mutants of the pool's queue, earmarks and bucket, and of the timers. */
import { of } from "./mutant.ts"

export const poolMutants = of("Pool.ts", [
  {
    name: "skipped earmark",
    rule: "what earlier waiters need is kept for them",
    search: "    if (fits) this.earmark(part)\n    else {",
    replacement: "    if (!fits) {"
  },
  {
    name: "newcomer ignores earmarks",
    rule: "a later claim gets only what is left beyond the earmarks",
    search: "      amount <= this.freeFor(request, now) - this.earmarked &&\n      (cost",
    replacement: "      amount <= this.freeFor(request, now) &&\n      (cost"
  },
  {
    name: "newcomer ignores the short",
    rule: "where an earlier waiter is short nothing is left for later claims",
    search: "      this.firstShort === undefined &&\n",
    replacement: ""
  },
  {
    name: "newcomer ignores earmarked tokens",
    rule: "tokens are earmarked as units are",
    search: "this.earmarked &&\n      (cost === 0 || cost <= this.tokens(now) - this.earmarkedTokens)",
    replacement: "this.earmarked &&\n      (cost === 0 || cost <= this.tokens(now))"
  },
  {
    name: "newcomer ignores the rate",
    rule: "a grant takes only tokens that are there",
    search: "this.earmarked &&\n      (cost === 0 || cost <= this.tokens(now) - this.earmarkedTokens)",
    replacement: "this.earmarked &&\n      true"
  },
  {
    name: "only one is served at a time",
    rule: "all that a return makes possible happens in the same decision",
    search: "      part = part.next\n    }\n    this.firstShort = part",
    replacement: "      part = part.next\n      break\n    }\n    this.firstShort = part"
  },
  {
    name: "the short are passed over",
    rule: "a large claim is not starved by small ones behind it",
    search: "      if (part.amount > this.freeFor(part.request, now) - this.earmarked) break\n",
    replacement:
      "      while (part !== undefined && part.amount > this.freeFor(part.request, now) - this.earmarked) part = part.next\n      if (part === undefined) return\n"
  },
  {
    name: "advance ignores tokens",
    rule: "a waiter needs its tokens as it needs its units",
    search: "      if (part.cost > tokens - this.earmarkedTokens) break\n",
    replacement: ""
  },
  {
    name: "advance ignores earmarks",
    rule: "an earmark is for one waiter only",
    search: "      if (part.amount > this.freeFor(part.request, now) - this.earmarked) break\n",
    replacement: "      if (part.amount > this.freeFor(part.request, now)) break\n"
  },
  {
    name: "retreat forgotten",
    rule: "earmarks never exceed what is free",
    search: "    if (stays && this.earmarked <= free && this.earmarkedTokens === 0) return",
    replacement: "    if (stays && this.earmarked > free) return"
  },
  {
    name: "retreat ignores tokens",
    rule: "token earmarks never exceed the level",
    search: "      if (stays && this.earmarked <= free && this.earmarkedTokens <= tokens) return",
    replacement: "      if (stays && this.earmarked <= free) return"
  },
  {
    name: "a leaver keeps its earmark",
    rule: "an earmark is gone at once when its waiter leaves",
    search: "    else if (part.earmarked) this.unearmark(part)\n",
    replacement: ""
  },
  {
    name: "leaving forgets the first short",
    rule: "after the first that is short comes the next",
    search: "else if (this.firstShort === part) this.firstShort = part.next",
    replacement: "else if (this.firstShort === part) this.firstShort = undefined"
  },
  {
    name: "token earmark not given up",
    rule: "an earmark given up gives up its tokens",
    search: "    this.earmarked -= part.amount\n    this.earmarkedTokens -= part.cost",
    replacement: "    this.earmarked -= part.amount"
  },
  {
    name: "grant takes no tokens",
    rule: "tokens leave in the decision that grants",
    search: "      this.bucket.take(part.cost)",
    replacement: "      this.bucket.take(0)"
  },
  {
    name: "one token whatever the amount",
    rule: "a rate per unit is paid by the unit",
    search: 'this.rate.per === "unit" ? amount : 1',
    replacement: "1"
  },
  {
    name: "undo keeps the tokens",
    rule: "a grant whose body never began is undone, tokens included",
    search: "    this.bucket.undo(part.cost, part, now - grantedAt)",
    replacement: "    this.bucket.undo(0, part, now - grantedAt)"
  },
  {
    name: "growth is no service",
    rule: "what growth can add ends a wait and is no refusal",
    search: "return this.maxCapacity === undefined ? this.capacity : Math.max(this.capacity, this.maxCapacity)",
    replacement: "return this.capacity"
  },
  {
    name: "maximum stays as it was defined",
    rule: "what a pool may grow to is what was set last",
    search: "    this.maxCapacity = maxCapacity\n",
    replacement: ""
  },
  {
    name: "burst does not follow the capacity",
    rule: "the burst is the capacity where none is set",
    search: "      this.bucket.setBurst(capacity)",
    replacement: "      this.bucket.setBurst(this.bucket.burst)"
  },
  {
    name: "hard where it is not looked",
    rule: "a pool is hard if its largest waiter does not fit beside the blocked leases",
    search: "return this.waitingLargest > this.limit - this.blockedHeld",
    replacement: "return this.waitingLargest > this.limit"
  },
  {
    name: "rate timer ignores who is before",
    rule: "the timer is set for the instant at which the first waiter can be served",
    search: "return bucket.readyAt(this.earmarkedTokens + part.cost)",
    replacement: "return bucket.readyAt(this.earmarkedTokens + part.cost) + 1"
  },
  {
    name: "peak of the moment",
    rule: "the peak is the most that was in use",
    search: "if (this.inUse > this.peak) this.peak = this.inUse",
    replacement: "this.peak = this.inUse"
  },
  {
    name: "use not integrated",
    rule: "mean use is by time",
    search: "    this.busy += this.inUse * (now - this.accountedAt)\n",
    replacement: ""
  }
])

export const bucketMutants = of("Bucket.ts", [
  {
    name: "refill over the burst",
    rule: "nothing accrues above the burst",
    search: "    this.level = isFull ? this.burst : Number(",
    replacement: "    this.level = Number("
  },
  {
    name: "refill over a small burst",
    rule: "nothing accrues above the burst, whatever its figures",
    search: "      const isFull = inflow >= missing\n",
    replacement: "      const isFull = inflow < 0\n"
  },
  {
    name: "remainder dropped",
    rule: "a fraction of a token is kept exactly",
    search: "isFull ? 0 : inflow % this.interval",
    replacement: "0"
  },
  {
    name: "wide remainder dropped",
    rule: "figures beyond the safe integers are exact too",
    search: "isFull ? 0 : Number(total % interval)",
    replacement: "0"
  },
  {
    name: "never wide",
    rule: "products that leave the safe integers use BigInt",
    search: "    if (inflow <= Number.MAX_SAFE_INTEGER && missing <= Number.MAX_SAFE_INTEGER) {",
    replacement: "    if (elapsed > 0) {"
  },
  {
    name: "ready a moment early",
    rule: "the first instant with enough tokens is rounded up",
    search: "return Math.ceil((missing - this.remainder) / this.limit)",
    replacement: "return Math.floor((missing - this.remainder) / this.limit)"
  },
  {
    name: "undo gives back what would have flown over",
    rule: "in no window do more than burst + rate * t tokens leave, undone takes left out",
    search: "const given = owed < taken ? owed : taken",
    replacement: "const given = taken"
  },
  {
    name: "refund over the burst",
    rule: "a refund never lifts the level above the burst",
    search: "    this.level += tokens\n    this.clamp()",
    replacement: "    this.level += tokens"
  },
  {
    name: "new rate drops the fraction",
    rule: "the fraction of a token under way outlasts a change of the rate",
    search: "    this.remainder = Number((BigInt(this.remainder) * BigInt(interval)) / BigInt(this.interval))",
    replacement: "    this.remainder = 0"
  },
  {
    name: "smaller burst keeps the tokens",
    rule: "a smaller burst takes the excess away at once",
    search: "    this.burst = burst\n    this.clamp()",
    replacement: "    this.burst = burst"
  }
])

export const timerMutants = of("Timers.ts", [
  {
    name: "time-outs before grants",
    rule: "at one instant what hands out goes before what gives up",
    search: "return ranks !== 0 ? ranks < 0 :",
    replacement: "return ranks !== 0 ? ranks > 0 :"
  },
  {
    name: "heap not restored",
    rule: "the first timer is the earliest",
    search: "    if (later) this.sink(entry.timerIndex, entry)\n    else this.rise(entry.timerIndex, entry)",
    replacement: "    if (!later) this.rise(entry.timerIndex, entry)"
  },
  {
    name: "removal leaves a hole",
    rule: "removing a timer keeps the others in order",
    search: "    this.rise(index, last)\n    this.sink(last.timerIndex, last)",
    replacement: "    this.heap[index] = last\n    last.timerIndex = index"
  }
])
