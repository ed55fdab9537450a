import { assert, describe, it } from "vitest"
import { Ledger, type LedgerEvent, type PreemptionPolicy, type Refusal, Request } from "../../src/Ledger.ts"
import { PreemptibleIndex, takenBefore } from "../../src/ledger/preemption/PreemptibleIndex.ts"
import { Random } from "../simulator/random.ts"

const policy: PreemptionPolicy = { name: "priority", byPriority: true, grace: 1_000, overrun: 500 }

const setUp = (capacities: Readonly<Record<string, number>>, preemption = policy) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ preemption, sink: (event) => events.push(event), indexed: true })
  for (const [type, capacity] of Object.entries(capacities)) ledger.definePool(type, { capacity }, 0)
  return { ledger, events }
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

const at = (priority: number, preemptible = true) => ({ scheduling: { priority, expected: 0, preemptible } })

const told = (events: ReadonlyArray<LedgerEvent>) =>
  events.flatMap((event) => (event._tag === "Preempting" ? [event.id] : []))

describe("preemption by priority", () => {
  it("announces, stops at the deadline, and takes by force what is still out", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    const low = request(ledger.claim("low", { cpu: 10 }, 0, at(0)))
    const high = request(ledger.claim("high", { cpu: 4 }, 100, at(5)))
    assert.deepStrictEqual(low.notice, {
      by: high.id,
      cause: "priority",
      deadline: 1_100,
      forcedAt: 1_600,
      ending: false
    })
    assert.strictEqual(ledger.nextDueAt, 1_100)
    ledger.advance(1_100)
    assert.deepStrictEqual([low.status, low.notice?.ending, high.status], ["held", true, "waiting"])
    ledger.advance(1_600)
    assert.deepStrictEqual([low.status, low.returnedBy, high.status], ["returned", "overrun", "held"])
    assert.isAbove(high.token, low.token + 1, "the forced return took a token of its own")
    assert.deepStrictEqual(
      events.map((event) => event._tag),
      ["LeadSet", "PoolDefined", "GrantedAtOnce", "Queued", "Preempting", "Ending", "Returned", "Granted"]
    )
  })

  it("lets a holder end by itself: released before the deadline, preempted after it", () => {
    for (const [time, reason] of [
      [500, "released"],
      [1_200, "preempted"]
    ] as const) {
      const { ledger } = setUp({ cpu: 10 })
      const low = request(ledger.claim("low", { cpu: 10 }, 0, at(0)))
      const high = request(ledger.claim("high", { cpu: 4 }, 0, at(5)))
      assert.isTrue(ledger.release(low, time))
      assert.deepStrictEqual([low.returnedBy, high.status], [reason, "held"])
    }
  })

  it("ends what lingers from its expiry on, and takes it by force in the end", () => {
    for (const [time, reason] of [
      [1_200, "expired"],
      [1_500, "overrun"]
    ] as const) {
      const { events, ledger } = setUp({ cpu: 10 })
      const lease = request(ledger.claim("a", { cpu: 10 }, 0, { ttl: 1_000 }))
      assert.isTrue(ledger.linger(lease, 0))
      const next = request(ledger.claim("next", { cpu: 4 }, 100))
      ledger.advance(1_000)
      assert.deepStrictEqual([lease.status, lease.notice?.ending, next.status], ["held", true, "waiting"])
      assert.deepInclude({ ...lease.notice }, { cause: "expiry", deadline: 1_000, forcedAt: 1_500 })
      assert.strictEqual(ledger.release(lease, time), reason === "expired")
      assert.deepStrictEqual([lease.returnedBy, next.status], [reason, "held"])
      const returned = events.find((event) => event._tag === "Returned")
      assert.strictEqual(returned?._tag === "Returned" && returned.fence !== undefined, reason === "overrun")
      assert.isFalse(ledger.linger(lease, 2_000))
    }
  })

  it("keeps what lingers as what it was taken for, where it was taken before it expired", () => {
    const { ledger } = setUp({ cpu: 10 })
    const low = request(ledger.claim("low", { cpu: 10 }, 0, { ...at(0), ttl: 1_200 }))
    ledger.linger(low, 0)
    const high = request(ledger.claim("high", { cpu: 4 }, 100, at(5)))
    ledger.advance(1_300)
    // Its deadline was at 1,100, and its expiry changes nothing any more.
    assert.deepStrictEqual([low.status, low.notice?.cause, ledger.nextDueAt], ["held", "priority", 1_600])
    assert.isTrue(ledger.release(low, 1_400))
    assert.deepStrictEqual([low.returnedBy, high.status], ["preempted", "held"])
  })

  it("never takes from an equal, from who is not preemptible, or in vain", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    ledger.claim("equal", { cpu: 3 }, 0, at(5))
    ledger.claim("fixed", { cpu: 3 }, 0, at(0, false))
    ledger.claim("manual", { cpu: 1 }, 0, { ...at(0), manual: true })
    ledger.claim("low", { cpu: 3 }, 0, at(0))
    request(ledger.claim("high", { cpu: 4 }, 0, at(5)))
    assert.deepStrictEqual(told(events), [])
  })

  it("takes the lowest priority, then the most recently granted, and spares whom it can", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    const leases = [1, 2, 2, 3, 1].map((priority, index) =>
      request(ledger.claim(`a${index}`, { cpu: 2 }, index, at(priority)))
    )
    ledger.claim("high", { cpu: 3 }, 10, at(5))
    assert.deepStrictEqual(told(events), [leases[4]!.id, leases[0]!.id])
    // Beside what is announced, one unit is over: it lacks one, and the youngest of the next priority has two.
    ledger.claim("other", { cpu: 2 }, 11, at(5))
    assert.deepStrictEqual(told(events).slice(2), [leases[2]!.id])
  })

  it("spares the small where one large is enough", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    const large = request(ledger.claim("large", { cpu: 8 }, 0, at(1)))
    request(ledger.claim("small", { cpu: 2 }, 1, at(0)))
    ledger.claim("high", { cpu: 8 }, 2, at(5))
    assert.deepStrictEqual(told(events), [large.id])
  })

  it("counts several pools at once", () => {
    const { events, ledger } = setUp({ cpu: 4, memory: 4 })
    request(ledger.claim("cpu", { cpu: 4 }, 0, at(0)))
    request(ledger.claim("memory", { memory: 2 }, 1, at(0)))
    const both = ledger.claim("fixed", { memory: 2 }, 2, at(0, false))
    ledger.claim("high", { cpu: 1, memory: 3 }, 3, at(5))
    assert.deepStrictEqual(told(events), [], "memory has too few that can be taken")
    ledger.release(request(both), 4)
    assert.deepStrictEqual(told(events), [2, 1])
  })

  it("withdraws when the claim leaves, and not once the deadline has come", () => {
    for (const [time, spared] of [
      [500, true],
      [1_000, false]
    ] as const) {
      const { ledger } = setUp({ cpu: 10 })
      const low = request(ledger.claim("low", { cpu: 10 }, 0, at(0)))
      const high = request(ledger.claim("high", { cpu: 4 }, 0, at(5)))
      ledger.abandon(high, time)
      assert.strictEqual(low.notice === undefined, spared)
      ledger.advance(5_000)
      assert.strictEqual(low.status, spared ? "held" : "returned")
    }
  })

  it("withdraws what another return has made needless", () => {
    const { ledger } = setUp({ cpu: 10 })
    const low = request(ledger.claim("low", { cpu: 5 }, 0, at(0)))
    const fixed = request(ledger.claim("fixed", { cpu: 5 }, 0, at(0, false)))
    const high = request(ledger.claim("high", { cpu: 4 }, 0, at(5)))
    assert.isDefined(low.notice)
    ledger.release(fixed, 1)
    assert.deepStrictEqual([low.notice, high.status], [undefined, "held"])
  })

  it("takes when a capacity falls below what was coming back", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    request(ledger.claim("a", { cpu: 4 }, 0, at(0)))
    request(ledger.claim("b", { cpu: 6 }, 0, at(1)))
    ledger.claim("high", { cpu: 4 }, 0, at(5))
    assert.deepStrictEqual(told(events), [1])
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 8, 1)
    assert.deepStrictEqual(told(events), [1, 2])
  })

  it("takes for who is next in one pool once a lease comes back with what waited to become part of it", () => {
    const { events, ledger } = setUp({ cpu: 2, memory: 4 })
    const low = request(ledger.claim("low", { cpu: 1 }, 0, at(0)))
    const other = request(ledger.claim("other", { cpu: 1 }, 0, at(0, false)))
    const borrowed = request(ledger.claim("batch", { memory: 4 }, 0, at(0)))
    const high = request(ledger.claim("high", { cpu: 1 }, 0, at(5, false)))
    const growth = request(ledger.grow(low, { cpu: 1 }, 0))
    // It goes on ending: what waits inside it counts on that.
    ledger.release(other, 0)
    assert.deepStrictEqual([high.status, growth.status, told(events)], ["held", "waiting", [low.id]])
    const both = request(ledger.claim("high", { cpu: 1, memory: 4 }, 0, at(5)))
    assert.strictEqual(borrowed.notice, undefined, "the growth is before it, and has not enough")
    ledger.advance(1_500)
    assert.deepStrictEqual([low.returnedBy, growth.status, both.status], ["overrun", "left", "waiting"])
    assert.deepStrictEqual([borrowed.notice?.by, borrowed.notice?.cause], [both.id, "priority"])
  })

  it("is no deadlock: what comes back by time ends the wait", () => {
    const { ledger } = setUp({ a: 1, b: 1 })
    const low = request(ledger.claim("low", { a: 1 }, 0, at(0)))
    const high = request(ledger.claim("high", { b: 1 }, 0, at(5)))
    request(ledger.claim("low", { b: 1 }, 0, { ...at(0), parent: low }))
    const crossing = request(ledger.claim("high", { a: 1 }, 0, { ...at(5), parent: high }))
    assert.deepStrictEqual([crossing.status, low.notice?.by], ["waiting", crossing.id])
    ledger.advance(2_000)
    assert.strictEqual(crossing.status, "held")
  })

  it("stops at once where there is no grace", () => {
    const { ledger } = setUp({ cpu: 1 }, { ...policy, grace: 0, overrun: 0 })
    const low = request(ledger.claim("low", { cpu: 1 }, 0, at(0)))
    const high = request(ledger.claim("high", { cpu: 1 }, 0, at(1)))
    assert.deepStrictEqual([low.status, high.status], ["returned", "held"])
  })
})

describe("a storm: everybody taken from claims again at once, and nobody ends", () => {
  it("ends by itself, whatever the priorities and sizes", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed)
      const { events, ledger } = setUp({ cpu: 10, memory: 10 }, { ...policy, grace: random.between(0, 3), overrun: 0 })
      const waiting = new Map<Request, () => void>()
      const claim = (job: number) => {
        const claimed = request(ledger.claim(`job${job}`, sizes[job]!, ledger.now, at(priorities[job]!)))
        waiting.set(claimed, () => claim(job))
      }
      const jobs = 12
      const priorities = Array.from({ length: jobs }, () => random.between(0, 4))
      const sizes = Array.from({ length: jobs }, (): Record<string, number> => {
        const size = random.between(1, 7)
        return random.chance(0.4)
          ? { cpu: size, memory: random.between(1, 7) }
          : random.chance(0.5)
            ? { cpu: size }
            : { memory: size }
      })
      for (let job = 0; job < jobs; job++) claim(job)
      // In a fixed population each preemption lowers the potential: far fewer than its size.
      for (let round = 0; ; round++) {
        assert.isBelow(round, 2_000, `seed ${seed} never ends`)
        const gone = [...waiting].filter(([{ status }]) => status === "returned")
        if (gone.length === 0 && ledger.nextDueAt === Infinity) break
        for (const [lease, again] of gone) {
          waiting.delete(lease)
          again()
        }
        if (ledger.nextDueAt < Infinity) ledger.advance(ledger.nextDueAt)
      }
      const times = told(events).length
      assert.isBelow(times, 200, `seed ${seed}`)
      // Nobody waits behind less important ones that could make room.
      for (const pool of ledger.books.pools.values()) assert.strictEqual(pool.announced, 0)
    }
  })
})

describe("the index of preemptible leases", () => {
  it("is a sorted list with sums", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed)
      const { ledger } = setUp({ cpu: 1_000_000 }, { ...policy, byPriority: false })
      const index = new PreemptibleIndex()
      const all: Array<Request> = []
      for (let step = 0; step < 300; step++) {
        if (all.length > 0 && random.chance(0.4)) {
          const [lease] = all.splice(random.int(all.length), 1)
          index.remove(lease!.parts[0]!)
        } else if (all.length > 0 && random.chance(0.2)) {
          const { parts } = random.pick(all)!
          index.change(parts[0]!, 3)
          parts[0]!.amount += 3
        } else {
          const lease = request(ledger.claim("a", { cpu: random.between(1, 9) }, 0, at(random.between(-2, 2))))
          index.add(lease.parts[0]!)
          all.push(lease)
        }
        const sorted = all.toSorted((a, b) => (takenBefore(a, b) ? -1 : 1))
        const priority = random.between(-3, 3)
        const below = sorted.filter((lease) => lease.leasePriority < priority)
        const sum = (leases: ReadonlyArray<Request>) => leases.reduce((total, { parts }) => total + parts[0]!.amount, 0)
        assert.deepStrictEqual(
          [...index.below(priority)].map((part) => part.request.id),
          below.map(({ id }) => id)
        )
        assert.deepStrictEqual(
          [index.size, index.units, index.unitsBelow(priority)],
          [all.length, sum(all), sum(below)]
        )
      }
    }
  })
})

describe("preemption where something is promised to others", () => {
  const standing = (ledger: Ledger, agent: string, cpu: number) =>
    ledger.reserve({ holder: { _tag: "Agent", agent }, claim: { cpu }, from: 0 }, 0)

  it("takes nothing that goes back to the promise of somebody else", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    standing(ledger, "prod", 4)
    ledger.claim("prod", { cpu: 4 }, 0, at(0))
    ledger.claim("fixed", { cpu: 6 }, 0, at(0, false))
    assert.strictEqual(request(ledger.claim("high", { cpu: 4 }, 1, at(5))).status, "waiting")
    assert.deepStrictEqual(told(events), [])
  })

  it("counts of a lease only what is held beyond its promise, and takes those whose units help", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    standing(ledger, "prod", 4)
    // Two of them are beyond the promise.
    const prod = [1, 2, 3].map((now) => request(ledger.claim("prod", { cpu: 2 }, now, at(0))))
    const other = request(ledger.claim("other", { cpu: 4 }, 4, at(1)))
    const high = request(ledger.claim("high", { cpu: 4 }, 5, at(5, false)))
    assert.deepStrictEqual(told(events), [other.id], "the youngest of prod would be enough for two alone")
    ledger.release(other, 6)
    assert.strictEqual(high.status, "held")
    request(ledger.claim("higher", { cpu: 2 }, 7, at(6, false)))
    assert.deepStrictEqual(told(events), [other.id, prod[2]!.id])
    request(ledger.claim("highest", { cpu: 2 }, 8, at(7)))
    assert.deepStrictEqual(told(events).length, 2, "what is left of prod goes back to its promise")
  })

  it("takes nobody who is back before the window that keeps the claim waiting", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    ledger.reserve({ holder: { _tag: "Agent", agent: "demo" }, claim: { cpu: 8 }, from: 5_000, until: 9_000 }, 0)
    ledger.claim("short", { cpu: 6 }, 0, { scheduling: { priority: 0, expected: 2_000, preemptible: true } })
    request(ledger.claim("endless", { cpu: 6 }, 1, at(5, false)))
    assert.deepStrictEqual(told(events), [])
    const brief = { scheduling: { priority: 5, expected: 1_000, preemptible: false } }
    request(ledger.claim("brief", { cpu: 6 }, 2, brief))
    assert.deepStrictEqual(told(events), [], "who waits before it is not served by that either")
  })

  it("spares whom the promise of somebody else makes useless", () => {
    const { events, ledger } = setUp({ cpu: 10 })
    const low = request(ledger.claim("prod", { cpu: 4 }, 0, at(0)))
    ledger.claim("fixed", { cpu: 6 }, 0, at(0, false))
    ledger.claim("high", { cpu: 4 }, 1, at(5))
    assert.deepStrictEqual(told(events), [low.id])
    standing(ledger, "prod", 4)
    assert.strictEqual(low.notice, undefined)
  })
})
