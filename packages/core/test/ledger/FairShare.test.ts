import { assert, describe, it } from "vitest"
import {
  capture,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  type Refusal,
  Replay,
  Request,
  restore
} from "../../src/Ledger.ts"
import { explain } from "../../src/ledger/explain.ts"
import { fairnessOf, jain } from "../../src/ledger/order/fairness.ts"
import { type FairShareOrder, Order } from "../../src/ledger/order/Order.ts"
import { Random } from "../simulator/random.ts"

const second = 1_000_000

const orderOf = (fairShare: FairShareOrder) => new Order({ name: "test", fairShare })

/** One pool of so many units, all held by nobody in particular. */
const setUp = (capacity: number, fairShare: FairShareOrder, options: LedgerOptions = {}) => {
  const ledger = new Ledger({ indexed: true, ...options, order: orderOf(fairShare) })
  ledger.definePool("cpu", { capacity }, 0)
  const all = request(ledger.claim("all", { cpu: capacity }, 0))
  return { ledger, all }
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`expected a request, got ${JSON.stringify(answer)}`)

/** Many claims of one unit by each. */
const queue = (ledger: Ledger, agents: ReadonlyArray<string>, times = 40, now = 0): void => {
  for (let i = 0; i < times; i++) for (const agent of agents) request(ledger.claim(agent, { cpu: 1 }, now))
}

const held = (ledger: Ledger, ...agents: ReadonlyArray<string>): ReadonlyArray<number> =>
  agents.map((agent) => ledger.books.agents.get(agent)?.accounts.values().next().value?.held ?? 0)

/** The agents in the order in which they are granted while each gives back at once. */
const turns = (ledger: Ledger, first: Request, now: number): Array<string> => {
  const found: Array<string> = []
  ledger.settled.length = 0
  ledger.release(first, now)
  for (let batch = ledger.settled.splice(0); batch.length > 0; batch = ledger.settled.splice(0)) {
    for (const granted of batch) {
      if (granted.status !== "held") continue
      found.push(granted.agent.id)
      ledger.release(granted, now)
    }
  }
  return found
}

const count = (found: ReadonlyArray<string>, ...agents: ReadonlyArray<string>): ReadonlyArray<number> =>
  agents.map((agent) => found.filter((turn) => turn === agent).length)

const tree = (
  ledger: Ledger,
  groups: Readonly<Record<string, { parent?: string; weight?: number; agents?: string[] }>>
) => {
  for (const [group, { agents = [], ...options }] of Object.entries(groups)) {
    assert.isUndefined(ledger.setGroup(group, options, 0))
    for (const agent of agents) assert.isUndefined(ledger.assign(agent, { group, onQuota: undefined }, 0))
  }
}

describe("shares of groups", () => {
  for (const by of ["held", "served"] as const) {
    it(`by what is ${by}: a group has what one agent has, however many are in it`, () => {
      const { all, ledger } = setUp(12, { by })
      tree(ledger, { red: { agents: ["r1", "r2", "r3"] }, blue: { agents: ["b"] } })
      queue(ledger, ["r1", "r2", "r3", "b"])
      ledger.release(all, 1)
      assert.deepStrictEqual(held(ledger, "r1", "r2", "r3", "b"), [2, 2, 2, 6])
    })

    it(`by what is ${by}: agents without a group are siblings of roots, by weight`, () => {
      const { all, ledger } = setUp(24, { by })
      tree(ledger, { red: { agents: ["r1", "r2"] }, blue: { weight: 3, agents: ["b"] } })
      ledger.setAgent("solo", { weight: 2 }, 0)
      queue(ledger, ["r1", "r2", "b", "solo"])
      ledger.release(all, 1)
      assert.deepStrictEqual(held(ledger, "r1", "r2", "b", "solo"), [2, 2, 12, 8])
    })

    it(`by what is ${by}: from the roots down, at every depth`, () => {
      const { all, ledger } = setUp(48, { by })
      tree(ledger, {
        org: {},
        other: { agents: ["o"] },
        red: { parent: "org", weight: 2, agents: ["r1", "r2"] },
        blue: { parent: "org", agents: ["b"] },
        deep: { parent: "red", weight: 2, agents: ["d1", "d2"] }
      })
      queue(ledger, ["r1", "r2", "b", "d1", "d2", "o"])
      ledger.release(all, 1)
      // Half for `other`; of the 24 of `org` 16 for `red`: 8 of those for `deep`, 4 for each agent beside it.
      assert.deepStrictEqual(held(ledger, "o", "b", "r1", "r2", "d1", "d2"), [24, 8, 4, 4, 4, 4])
    })
  }

  it("what nobody of a group wants goes to the others", () => {
    const { all, ledger } = setUp(12, { by: "held" })
    tree(ledger, { red: { agents: ["r1", "r2"] }, blue: { agents: ["b"] }, idle: { weight: 100 } })
    queue(ledger, ["r1"], 2)
    queue(ledger, ["r2", "b"])
    ledger.release(all, 1)
    assert.deepStrictEqual(held(ledger, "r1", "r2", "b"), [2, 4, 6])
  })

  it("of one unit each group has its turns, and each of its agents a part of those", () => {
    const { all, ledger } = setUp(1, { by: "served" })
    tree(ledger, { red: { agents: ["r1", "r2"] }, blue: { weight: 3, agents: ["b"] } })
    queue(ledger, ["r1", "r2", "b"], 80)
    assert.deepStrictEqual(count(turns(ledger, all, 1).slice(0, 80), "r1", "r2", "b"), [10, 10, 60])
  })

  it("a group that was away starts where the others are", () => {
    const { all, ledger } = setUp(1, { by: "served" })
    tree(ledger, { red: { agents: ["r"] }, blue: { agents: ["b"] } })
    queue(ledger, ["r"], 50)
    turns(ledger, all, 1)
    const again = request(ledger.claim("r", { cpu: 1 }, 2))
    queue(ledger, ["r", "b"], 20, 2)
    const [blue] = count(turns(ledger, again, 3).slice(0, 10), "b")
    assert.isTrue(blue === 5 || blue === 6, `blue had ${blue} of 10 turns`)
  })

  it("who moves while it waits and holds takes both to its new group", () => {
    const { all, ledger } = setUp(12, { by: "held" })
    tree(ledger, { red: { agents: ["r", "m"] }, blue: { agents: ["b"] } })
    queue(ledger, ["r", "m", "b"])
    ledger.release(all, 1)
    assert.deepStrictEqual(held(ledger, "r", "m", "b"), [3, 3, 6])
    ledger.assign("m", { group: "blue", onQuota: undefined }, 1)
    // Now blue holds nine: the next six are red's.
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 18, 2)
    assert.deepStrictEqual(held(ledger, "r", "m", "b"), [9, 3, 6])
    ledger.assign("m", { group: undefined, onQuota: undefined }, 3)
    // Of its own it has three.
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 23, 4)
    assert.deepStrictEqual(held(ledger, "r", "m", "b"), [9, 7, 7])
  })

  it("a group that moves, or weighs something else, takes all of its lines with it", () => {
    const { all, ledger } = setUp(12, { by: "held" })
    tree(ledger, { org: { agents: ["o"] }, red: { agents: ["r1", "r2"] } })
    queue(ledger, ["o", "r1", "r2"])
    ledger.setGroup("red", { parent: "org", weight: 5 }, 1)
    ledger.release(all, 1)
    assert.deepStrictEqual(held(ledger, "o", "r1", "r2"), [2, 5, 5])
    assert.include(ledger.removeGroup("red", 2), { _tag: "InvalidClaim", field: "group" })
    for (const agent of ["r1", "r2"]) ledger.assign(agent, { group: "org", onQuota: undefined }, 2)
    assert.isUndefined(ledger.removeGroup("red", 2))
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 18, 3)
    assert.deepStrictEqual(held(ledger, "o", "r1", "r2"), [6, 6, 6])
  })

  it("who moves keeps the lead that it has over its siblings, and no more", () => {
    const { all, ledger } = setUp(1, { by: "served" })
    tree(ledger, { red: { agents: ["r", "m"] }, blue: { agents: ["b"] } })
    queue(ledger, ["b"], 30)
    // Thirty turns ahead of nobody.
    turns(ledger, all, 1)
    const first = request(ledger.claim("m", { cpu: 1 }, 2))
    queue(ledger, ["r", "m", "b"], 20, 2)
    ledger.assign("m", { group: "blue", onQuota: undefined }, 2)
    const [m, b] = count(turns(ledger, first, 3).slice(0, 20), "m", "b")
    assert.isAtMost(Math.abs(m! - b!), 2, `m had ${m} turns, b had ${b}`)
  })

  it("a capacity of nothing divides nothing", () => {
    const { all, ledger } = setUp(4, { by: "held" })
    tree(ledger, { red: { agents: ["r"] }, blue: { agents: ["b"] } })
    const pool = ledger.books.pools.get("cpu")!
    ledger.setCapacity(pool, 0, 0, { maxCapacity: 8 })
    queue(ledger, ["r", "b"])
    ledger.release(all, 1)
    assert.deepStrictEqual(held(ledger, "r", "b"), [0, 0])
    ledger.setCapacity(pool, 8, 2)
    assert.deepStrictEqual(held(ledger, "r", "b"), [4, 4])
    assert.deepStrictEqual(
      [...ledger.books.groups.byId.values()].map((group) => group.key.share),
      [0.5, 0.5]
    )
  })

  it("weights are within what shares can be told apart by", () => {
    const { ledger } = setUp(4, { by: "held" })
    for (const weight of [0, -1, Number.NaN, Infinity, 1e-7, 1e7]) {
      assert.include(ledger.setGroup("red", { weight }, 0), { _tag: "InvalidClaim", field: "weight" })
      assert.include(ledger.setAgent("a", { weight }, 0), { _tag: "InvalidClaim", field: "weight" })
    }
    for (const weight of [0.000_001, 1_000_000]) {
      assert.isUndefined(ledger.setGroup("red", { weight }, 0))
      assert.isUndefined(ledger.setAgent("a", { weight }, 0))
    }
  })

  it("between siblings that wait all the time, what was granted differs by no more than one claim of each", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(seed)
      const { all, ledger } = setUp(8, { by: "served" })
      const weights = [1, 2, 3, 0.5]
      const weigh = () => random.pick(weights)!
      const parents = ["a", "b", "c"]
      const agents = parents.flatMap((group) => [`${group}1`, `${group}2`])
      const weight = new Map([...parents, ...agents].map((name) => [name, weigh()]))
      tree(ledger, Object.fromEntries(parents.map((name) => [name, { weight: weight.get(name)! }])))
      for (const agent of agents) {
        ledger.assign(agent, { group: agent[0], onQuota: undefined }, 0)
        ledger.setAgent(agent, { weight: weight.get(agent)! }, 0)
      }
      const largest = new Map(agents.map((agent) => [agent, random.between(1, 3)]))
      for (let i = 0; i < 250; i++) {
        for (const agent of agents) request(ledger.claim(agent, { cpu: random.between(1, largest.get(agent)!) }, 0))
      }
      const granted = new Map<string, number>()
      const add = (name: string, amount: number) => granted.set(name, (granted.get(name) ?? 0) + amount)
      const work = (name: string) => (granted.get(name) ?? 0) / weight.get(name)!
      const check = (siblings: ReadonlyArray<string>, most: (name: string) => number) => {
        for (const one of siblings) {
          for (const other of siblings) {
            const bound = most(one) / weight.get(one)! + most(other) / weight.get(other)!
            assert.isAtMost(Math.abs(work(one) - work(other)), bound + 1e-9, `${one} and ${other}, seed ${seed}`)
          }
        }
      }
      ledger.settled.length = 0
      const running: Array<Request> = []
      ledger.release(all, 1)
      for (let step = 0; step < 100; step++) {
        for (const lease of ledger.settled.splice(0)) {
          running.push(lease)
          add(lease.agent.id, lease.parts[0]!.amount)
          add(lease.agent.id[0]!, lease.parts[0]!.amount)
          const mostIn = (group: string) => Math.max(largest.get(`${group}1`)!, largest.get(`${group}2`)!)
          check(parents, mostIn)
          for (const group of parents) check([`${group}1`, `${group}2`], (agent) => largest.get(agent)!)
        }
        ledger.release(running.splice(random.int(running.length), 1)[0]!, 2 + step)
      }
    }
  })
})

describe("past use with a half-life", () => {
  const fair = { by: "served", halfLife: second } as const

  /** `a` has the only unit eight times as time begins; then both want it. */
  const after = (now: number, fairShare: FairShareOrder) => {
    const { all, ledger } = setUp(1, fairShare)
    ledger.release(all, 0)
    for (let i = 0; i < 8; i++) ledger.release(request(ledger.claim("a", { cpu: 1 }, 0)), 0)
    const first = request(ledger.claim("other", { cpu: 1 }, now))
    queue(ledger, ["a", "b"], 20, now)
    return { ledger, turns: turns(ledger, first, now) }
  }
  const ahead = (found: ReadonlyArray<string>) => found.indexOf("a")

  it("who was away goes first until it has caught up with what others used lately", () => {
    // What `a` had counts 8, 4, 2, 1 and a half; one turn of `b` counts 1.
    assert.deepStrictEqual(
      [0, 1, 2, 3].map((lives) => ahead(after(lives * second, fair).turns)),
      [8, 4, 2, 1]
    )
    assert.strictEqual(ahead(after(60 * second, fair).turns), 1)
    // Without, nobody is paid back.
    assert.isAtMost(ahead(after(0, { by: "served" }).turns), 1)
  })

  it("what is weighed is a straight line between half-lives", () => {
    assert.strictEqual(ahead(after(second / 2, fair).turns), Math.ceil(8 / 1.5))
  })

  it("time alone changes no order, so no timer is armed", () => {
    const { all, ledger } = setUp(1, fair)
    queue(ledger, ["a", "b", "c"], 5)
    assert.strictEqual(ledger.nextDueAt, Infinity)
    const before = ledger.books.pools.get("cpu")!.first
    ledger.advance(100_000 * second)
    assert.strictEqual(ledger.books.pools.get("cpu")!.first, before)
    assert.strictEqual(all.status, "held")
  })

  it("holds for groups: use of the past is that of the group, and of the agent in it", () => {
    const { all, ledger } = setUp(1, fair)
    tree(ledger, { red: { agents: ["r1", "r2"] }, blue: { agents: ["b"] } })
    ledger.release(all, 0)
    for (let i = 0; i < 4; i++) ledger.release(request(ledger.claim("r1", { cpu: 1 }, 0)), 0)
    const first = request(ledger.claim("other", { cpu: 1 }, second))
    queue(ledger, ["r1", "r2", "b"], 20, second)
    // Red's four count two: blue first, twice; then both in turn, red's by r2 until it has had two.
    assert.deepStrictEqual(turns(ledger, first, second).slice(0, 8), ["b", "b", "r2", "b", "r2", "b", "r1", "b"])
  })

  it("after ages nothing is lost in numbers too small or too large", () => {
    const { all, ledger } = setUp(1, { by: "served", halfLife: 1_000 })
    queue(ledger, ["a"], 1)
    ledger.release(all, 1)
    const lease = ledger.settled.splice(0)[0]!
    // Thirty years in half-lives of a millisecond.
    const now = 30 * 365 * 86_400 * second
    queue(ledger, ["b", "a", "c"], 3, now)
    const found = turns(ledger, lease, now)
    assert.deepStrictEqual(count(found.slice(0, 6), "a", "b", "c"), [2, 2, 2])
    for (const { key, served } of ledger.books.agents.values()) {
      assert.isTrue(Number.isFinite(key.start) && Number.isFinite(served))
    }
  })

  it("a grant of nothing that is undone was none, in a group that its agent came to since", () => {
    const { ledger } = setUp(1, { by: "served", halfLife: 1_000 })
    const lease = request(ledger.claim("a", { cpu: 0 }, 10_000 * second))
    tree(ledger, { red: { agents: ["a"] } })
    ledger.undo(lease, 10_000 * second)
    assert.strictEqual(ledger.books.groups.byId.get("red")?.served, 0)
  })

  it("a grant that is undone was none", () => {
    const { all, ledger } = setUp(1, fair)
    ledger.release(all, 0)
    const before = ledger.books.agent("a").served
    const lease = request(ledger.claim("a", { cpu: 1 }, second / 4))
    assert.isAbove(ledger.books.agent("a").served, before)
    ledger.undo(lease, 3 * second)
    assert.strictEqual(ledger.books.agent("a").served, before)
  })
})

describe("after a restart", () => {
  const events: Array<LedgerEvent> = []
  const played = (fairShare: FairShareOrder) => {
    events.length = 0
    const { all, ledger } = setUp(3, fairShare, { sink: (event) => events.push(event) })
    tree(ledger, {
      org: { agents: ["o"] },
      red: { parent: "org", weight: 2, agents: ["r1", "r2"] },
      blue: { parent: "org", agents: ["b"] }
    })
    queue(ledger, ["o", "r1", "r2", "b", "solo"], 6)
    ledger.release(all, 7)
    for (const lease of ledger.settled.splice(0)) ledger.release(lease, 2_000_003)
    ledger.assign("r2", { group: "blue", onQuota: undefined }, 2_000_004)
    ledger.setGroup("blue", { weight: 1.5 }, 3_000_001)
    for (const lease of ledger.settled.splice(0)) ledger.undo(lease, 3_000_002)
    return ledger
  }
  const line = ({ books }: Ledger) => {
    const found: Array<number> = []
    const pool = books.pools.get("cpu")!
    for (let part = pool.first; part !== undefined; part = pool.after(part)) found.push(part.request.id)
    return found
  }

  for (const fairShare of [{ by: "held" }, { by: "served" }, { by: "served", halfLife: 700_001 }] as const) {
    it(`the order goes on as it was: ${JSON.stringify(fairShare)}`, () => {
      const ledger = played(fairShare)
      const state = JSON.parse(JSON.stringify(capture(ledger.books)))
      const replay = new Replay()
      for (const event of events) replay.apply(JSON.parse(JSON.stringify(event)))
      for (const books of [restore(state), replay.finish(ledger.now)]) {
        const again = new Ledger({ books, order: orderOf(fairShare) })
        assert.deepStrictEqual(JSON.parse(JSON.stringify(capture(again.books))), state)
        assert.deepStrictEqual(line(again), line(ledger))
        assert.strictEqual(line(again).length, ledger.books.waiting)
      }
    })
  }

  it("with another half-life what was granted begins from nothing, and whoever waits stands by that", () => {
    const ledger = played({ by: "served" })
    const books = restore(JSON.parse(JSON.stringify(capture(ledger.books))))
    books.restart()
    const order = orderOf({ by: "served", halfLife: second })
    const again = new Ledger({ books, order, indexed: true })
    again.definePool("cpu", { capacity: 3 }, ledger.now)
    assert.strictEqual(books.shares?.halfLife, second)
    assert.isTrue([...books.agents.values()].every(({ served }) => served === 0))
    const pool = books.pools.get("cpu")!
    let count = 0
    for (let part = pool.first; part !== undefined; part = pool.after(part)) {
      const next = pool.after(part)
      if (next !== undefined) assert.isBelow(order.compare(part.request, next.request), 0)
      count++
    }
    assert.strictEqual(count, books.waiting)
  })
})

describe("why a share decides", () => {
  it("names the groups that are compared, and nobody where agents are", () => {
    const { all, ledger } = setUp(4, { by: "held" })
    tree(ledger, {
      top: {},
      red: { parent: "top", agents: ["r1", "r2"] },
      blue: { parent: "top", agents: ["b"] }
    })
    ledger.release(all, 1)
    // One of each is granted, and one waits: alone has a quarter, blue too, red a half, top three quarters.
    queue(ledger, ["r1", "r2", "b", "alone"], 2, 1)
    const [waiter] = ledger.books.agents.get("r2")!.waiters
    const { ahead } = explain(waiter!, 1, undefined, ledger.books.ordering).standing!
    assert.deepStrictEqual(
      ahead.map(({ agent, because, behind, group }) => ({ agent, because, group, behind })),
      [
        // Beside who is in no group: the root, whatever is below it.
        { agent: "alone", because: "share", group: undefined, behind: "top" },
        { agent: "b", because: "share", group: "blue", behind: "red" },
        { agent: "r1", because: "share", group: undefined, behind: undefined }
      ]
    )
  })
})

describe("Jain's index", () => {
  it("is 1 where all have the same, 1/n where one has all, and nothing where nobody has any", () => {
    assert.strictEqual(jain([3, 3, 3]), 1)
    assert.strictEqual(jain([5, 0, 0, 0]), 0.25)
    assert.strictEqual(jain([]), undefined)
    assert.strictEqual(jain([0, 0]), undefined)
    assert.closeTo(jain([1e-300, 1e-300, 2e-300])!, 16 / 18, 1e-12)
    assert.closeTo(jain([1e300, 3e300])!, 0.8, 1e-12)
  })

  it("is of what agents hold of a pool over what their weights and groups entitle them to", () => {
    const { all, ledger } = setUp(12, { by: "held" })
    const pool = ledger.books.pools.get("cpu")!
    tree(ledger, { red: { agents: ["r1", "r2"] }, blue: { weight: 3, agents: ["b"] }, idle: { weight: 50 } })
    queue(ledger, ["r1", "r2", "b"])
    // One of four has it all, who are entitled to 1/5, 1/10 twice, and 3/5.
    assert.closeTo(fairnessOf(pool)!, 1 / 4, 1e-12)
    ledger.release(all, 1)
    assert.deepStrictEqual(held(ledger, "r1", "r2", "b"), [2, 1, 9])
    // 2 / (1/8), 1 / (1/8) and 9 / (3/4).
    // Who is only asked about opens no account that is read.
    const accounts = pool.accounts.length
    ledger.check("somebody", { cpu: 1 })
    ledger.check("nobody", { cpu: 1 })
    assert.strictEqual(pool.accounts.length, accounts)
    assert.closeTo(fairnessOf(pool)!, (16 + 8 + 12) ** 2 / (3 * (16 ** 2 + 8 ** 2 + 12 ** 2)), 1e-12)
  })
})

describe("a hand-off to many waiters", () => {
  it("sets aside for one after the other: each grant is a new order, for which all behind it would give up theirs", () => {
    const waiters = 200
    const { all, ledger } = setUp(waiters, { by: "served" })
    queue(ledger, ["a", "b"], waiters / 2)
    const pool = ledger.books.pools.get("cpu")!
    const earmark = pool.earmark.bind(pool)
    let earmarks = 0
    pool.earmark = (part) => {
      earmarks++
      earmark(part)
    }
    ledger.release(all, 1)
    assert.deepStrictEqual([held(ledger, "a", "b"), ledger.books.waiting], [[waiters / 2, waiters / 2], 0])
    assert.isAtMost(earmarks, 2 * waiters)
  })
})
