import { assert, describe, it } from "vitest"
import {
  bankers,
  capture,
  type DeadlockPolicy,
  Ledger,
  type LedgerEvent,
  type Refusal,
  Request,
  restore,
  revokeVictim,
  waitDie,
  woundWait
} from "../../src/Ledger.ts"
import { comeBack, type Tree } from "../../src/ledger/preemption/safety.ts"
import type { GraphPool, Share } from "../../src/ledger/WaitForGraph.ts"
import { Random } from "../simulator/random.ts"

const preemption = { name: "off", byPriority: false, grace: 100, overrun: 0 }

const setUp = (deadlock: DeadlockPolicy, capacities: Readonly<Record<string, number>>) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ deadlock, preemption, indexed: true, sink: (event) => events.push(event) })
  for (const [type, capacity] of Object.entries(capacities)) ledger.definePool(type, { capacity }, 0)
  return { ledger, events }
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

const refused = (answer: Request | Refusal): Refusal =>
  answer instanceof Request ? assert.fail(`${answer.status}`) : answer

const said = (priority: number, preemptible = true) => ({ scheduling: { priority, expected: 0, preemptible } })

describe("a victim by revocation", () => {
  it("is the preemptible lease of the lowest priority in the cycle, and the requester waits", () => {
    const { ledger } = setUp(revokeVictim, { a: 1, b: 1 })
    const one = request(ledger.claim("one", { a: 1 }, 0, said(2)))
    const two = request(ledger.claim("two", { b: 1 }, 0, said(1)))
    request(ledger.claim("one", { b: 1 }, 0, { parent: one }))
    const closing = request(ledger.claim("two", { a: 1 }, 0, { parent: two }))
    assert.deepStrictEqual([closing.status, one.notice, two.notice?.cause], ["waiting", undefined, "deadlock"])
    ledger.advance(100)
    assert.deepStrictEqual([two.returnedBy, one.status], ["overrun", "held"])
  })

  it("is the requester where no lease of the cycle is preemptible", () => {
    const { ledger } = setUp(revokeVictim, { a: 1, b: 1 })
    const one = request(ledger.claim("one", { a: 1 }, 0))
    const two = request(ledger.claim("two", { b: 1 }, 0))
    request(ledger.claim("one", { b: 1 }, 0, { parent: one }))
    assert.strictEqual(refused(ledger.claim("two", { a: 1 }, 0, { parent: two }))._tag, "DeadlockDetected")
  })
})

describe("by age", () => {
  const crossing = (policy: DeadlockPolicy) => {
    const { ledger } = setUp(policy, { a: 1, b: 1 })
    const older = request(ledger.claim("older", { a: 1 }, 0, said(0)))
    const younger = request(ledger.claim("younger", { b: 1 }, 0, said(0)))
    return { ledger, older, younger }
  }

  it("wait-die: the older waits, the younger fails though no cycle is closed yet", () => {
    const { ledger, older, younger } = crossing(waitDie)
    const refusal = refused(ledger.claim("younger", { a: 1 }, 0, { parent: younger }))
    assert.deepStrictEqual(refusal._tag === "DeadlockDetected" && [refusal.avoided, refusal.cycle[0]?.lease], [
      "wait-die",
      older.id
    ])
    assert.strictEqual(request(ledger.claim("older", { b: 1 }, 0, { parent: older })).status, "waiting")
    ledger.release(younger, 1)
    assert.strictEqual(ledger.books.waiting, 0)
  })

  it("wound-wait: the younger waits, the older takes", () => {
    const { ledger, older, younger } = crossing(woundWait)
    assert.strictEqual(request(ledger.claim("younger", { a: 1 }, 0, { parent: younger })).status, "waiting")
    assert.isUndefined(older.notice)
    const wound = request(ledger.claim("older", { b: 1 }, 0, { parent: older }))
    assert.deepStrictEqual([younger.notice?.cause, younger.notice?.by], ["age", wound.id])
    ledger.advance(100)
    assert.strictEqual(wound.status, "held")
  })

  it("leave claims alone that are in no lease, or that the younger ones can serve", () => {
    const { ledger } = setUp(waitDie, { a: 3 })
    request(ledger.claim("older", { a: 1 }, 0))
    const younger = request(ledger.claim("younger", { a: 1 }, 0))
    request(ledger.claim("youngest", { a: 1 }, 0))
    assert.strictEqual(request(ledger.claim("outside", { a: 3 }, 0, { deadline: 10 })).status, "waiting")
    ledger.advance(10)
    assert.strictEqual(request(ledger.claim("younger", { a: 1 }, 10, { parent: younger })).status, "waiting")
    assert.strictEqual(refused(ledger.claim("younger", { a: 1 }, 10, { parent: younger }))._tag, "DeadlockDetected")
  })
})

describe("the banker's algorithm", () => {
  const maximum = (amounts: Readonly<Record<string, number>>) => ({
    scheduling: { expected: 0, preemptible: false, maximum: amounts }
  })

  it("keeps a claim waiting that would let two cross, and grants it when the other is back", () => {
    const { ledger } = setUp(bankers, { a: 1, b: 1 })
    const one = request(ledger.claim("one", { a: 1 }, 0, maximum({ a: 1, b: 1 })))
    const two = request(ledger.claim("two", { b: 1 }, 0, maximum({ a: 1, b: 1 })))
    assert.deepStrictEqual([one.status, two.status], ["held", "waiting"])
    const inside = request(ledger.claim("one", { b: 1 }, 0, { parent: one }))
    assert.strictEqual(inside.status, "held", "what was declared is not kept by the queue")
    ledger.release(inside, 1)
    const again = new Ledger({ deadlock: bankers, books: restore(JSON.parse(JSON.stringify(capture(ledger.books)))) })
    ledger.release(one, 2)
    assert.strictEqual(two.status, "held")
    const found = again.books.index!.get(one.id)!
    again.release(found, 2)
    assert.strictEqual(again.books.index!.get(two.id)!.status, "held", "after a restart too")
  })

  it("refuses a claim over the declared maximum, and one inside a lease that declared none", () => {
    const { ledger } = setUp(bankers, { a: 10 })
    const lease = request(ledger.claim("one", { a: 2 }, 0, maximum({ a: 4 })))
    request(ledger.claim("one", { a: 1 }, 0, { parent: lease }))
    const over = refused(ledger.claim("one", { a: 2 }, 0, { parent: lease }))
    assert.deepStrictEqual(over._tag === "InvalidClaim" && [over.field, over.allowed], [
      "claim.a",
      "at most 1: the lease 1 around it declared a maximum of 4, of which 3 are held or waited for"
    ])
    const plain = request(ledger.claim("two", { a: 1 }, 0))
    assert.strictEqual(refused(ledger.claim("two", { a: 1 }, 0, { parent: plain }))._tag, "InvalidClaim")
    assert.strictEqual(refused(ledger.claim("three", { a: 3 }, 0, maximum({ a: 2 })))._tag, "InvalidClaim")
    assert.strictEqual(refused(ledger.grow(plain, { a: 1 }, 0))._tag, "InvalidClaim")
  })

  it("leaves those behind that no order brings back, with promises too, as all orders tried one by one do", () => {
    interface State {
      readonly pools: ReadonlyArray<GraphPool>
      readonly trees: ReadonlyArray<Tree>
    }
    /** The trees that come back in some order, from those that are out. */
    const tries = ({ pools, trees }: State, out: ReadonlyArray<number>, ever: Set<number>): Set<number> => {
      for (const at of out) {
        const others = out.filter((tree) => tree !== at)
        const fits = trees[at]!.needs.every(({ amount, mayUse, pool }) => {
          const held = (of: (share: Share) => boolean) =>
            trees.flatMap(({ shares }, tree) => (out.includes(tree) ? shares : [])).filter(of)
          const sum = (shares: ReadonlyArray<Share>) => shares.reduce((total, share) => total + share.amount, 0)
          const start = sum(trees.flatMap(({ shares }) => shares).filter((share) => share.pool === pool))
          const free = pools[pool]!.available + start - sum(held((share) => share.pool === pool))
          const kept = (pools[pool]!.promises ?? []).reduce((total, promise, index) => {
            const used = sum(held((share) => share.pool === pool && share.draws === index))
            return mayUse?.includes(index) === true ? total : total + Math.max(0, promise.amount - used)
          }, 0)
          return amount <= free - kept
        })
        if (!fits) continue
        ever.add(at)
        tries({ pools, trees }, others, ever)
      }
      return ever
    }
    const random = new Random(7)
    const counts = { safe: 0, some: 0, none: 0 }
    for (let round = 0; round < 3_000; round++) {
      const promised = random.chance(0.5)
      const pools = random.between(1, 3)
      const some = (most: number) => Array.from({ length: pools }, () => random.between(0, most))
      const draws = () => (promised && random.chance(0.5) ? random.between(0, 1) : undefined)
      const trees = Array.from({ length: random.between(1, 4) }, (): Tree => {
        const mayUse = promised ? [0, 1].filter(() => random.chance(0.4)) : undefined
        return {
          shares: some(3).map((amount, pool) => ({ pool, amount, draws: draws() })),
          needs: some(5).flatMap((amount, pool) => (amount === 0 ? [] : [{ pool, amount, cost: 0, mayUse }]))
        }
      })
      const held = (pool: number, of: number) =>
        trees
          .flatMap(({ shares }) => shares)
          .reduce((sum, share) => sum + (share.pool === pool && share.draws === of ? share.amount : 0), 0)
      const graph = some(5).map((available, pool): GraphPool => ({
        available,
        burst: Infinity,
        promises: promised ? [0, 1].map((of) => ({ amount: random.between(0, 4), held: held(pool, of) })) : undefined
      }))
      const state = { pools: graph, trees }
      const all = [...trees.keys()]
      const ever = tries(state, all, new Set())
      const { stuck } = comeBack(graph, trees)
      assert.deepStrictEqual(
        all.filter((tree) => !stuck.includes(tree)),
        all.filter((tree) => ever.has(tree)),
        JSON.stringify(state)
      )
      counts[stuck.length === 0 ? "safe" : stuck.length === all.length ? "none" : "some"]++
    }
    assert.isAbove(Math.min(counts.safe, counts.some, counts.none), 200, JSON.stringify(counts))
  })
})

describe.each([revokeVictim, waitDie, woundWait, bankers])("random programs under $name", (policy) => {
  it("all end: nobody waits for ever, and nobody is failed by the detector where the policy prevents", () => {
    let ended = 0
    let detected = 0
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      const { events, ledger } = setUp(policy, { a: 4, b: 4 })
      const some = (most: number): Record<string, number> => {
        const amounts = { a: random.between(0, most), b: random.between(0, most) }
        return amounts.a + amounts.b === 0 ? { a: 1 } : amounts
      }
      interface Job {
        readonly maximum: Record<string, number>
        readonly outer: Request
        inner: Request | undefined
        done: boolean
      }
      const jobs = Array.from({ length: 6 }, (): Job => {
        const claim = some(2)
        const maximum = { a: (claim["a"] ?? 0) + 2, b: (claim["b"] ?? 0) + 2 }
        const scheduling = { priority: random.between(0, 3), expected: 0, preemptible: random.chance(0.6), maximum }
        const outer = request(ledger.claim(`job${seed}`, claim, 0, { scheduling }))
        return { maximum, outer, inner: undefined, done: false }
      })
      for (let step = 1; step < 400 && jobs.some((job) => !job.done); step++) {
        const job = random.pick(jobs.filter((each) => !each.done))!
        const now = ledger.now + 1
        if (job.outer.status === "returned") {
          // Its body is stopped, with what is inside.
          if (job.inner?.status === "waiting") ledger.abandon(job.inner, now)
          else if (job.inner !== undefined) ledger.release(job.inner, now)
          job.done = true
        } else if (job.outer.status === "held" && job.inner === undefined) {
          const answer = ledger.claim("inner", some(2), now, { parent: job.outer })
          // Who fails gives back what it has: what a program does that is told of a deadlock.
          if (answer instanceof Request) job.inner = answer
          else {
            ledger.release(job.outer, now)
            job.done = true
          }
        } else if (job.inner !== undefined && job.inner.status !== "waiting") {
          ledger.release(job.inner, now)
          ledger.release(job.outer, now)
          job.done = true
        } else ledger.advance(now + 60)
      }
      ended += jobs.filter((job) => job.done).length
      detected += events.filter((event) => event._tag === "Left" && event.reason === "DeadlockDetected").length
      assert.isTrue(
        jobs.every((job) => job.done),
        `seed ${seed}: ${jobs.map((job) => `${job.outer.status}/${job.inner?.status}`).join(", ")}`
      )
    }
    assert.strictEqual(ended, 1_200)
    if (policy === bankers) assert.strictEqual(detected, 0, "an avoided deadlock is never detected")
  })
})

describe("random programs that declare their maxima", () => {
  interface Job {
    readonly agent: string
    readonly maximum: Record<string, number>
    readonly outer: Request
    readonly inner: Array<Request>
    done: boolean
  }

  it("end beside promises and quotas that are waited for, and no deadlock is ever found", () => {
    let jobsEnded = 0
    let parked = 0
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Random(seed)
      const { events, ledger } = setUp(bankers, { a: 6, b: 6 })
      const agents = ["one", "two", "three"]
      const limits = () => ({ nominal: random.between(1, 4), ...(random.chance(0.3) ? { lendingLimit: 1 } : {}) })
      ledger.setGroup("org", { onQuota: "wait", limits: {} }, 0)
      for (const agent of agents) {
        ledger.setGroup(`team-${agent}`, { parent: "org", onQuota: "wait", limits: { a: limits(), b: limits() } }, 0)
        ledger.assign(agent, { group: `team-${agent}`, onQuota: undefined }, 0)
      }
      ledger.reserve({ holder: { _tag: "Agent", agent: "one" }, claim: { a: random.between(1, 3) }, from: 0 }, 0)
      const some = (most: Record<string, number>) => {
        const amounts = Object.entries(most).map(([type, amount]) => [type, random.between(0, amount)] as const)
        return Object.fromEntries(amounts)
      }
      const jobs = Array.from({ length: 8 }, (): Array<Job> => {
        const agent = random.pick(agents)!
        const maximum = { a: random.between(1, 4), b: random.between(1, 4) }
        const answer = ledger.claim(agent, some(maximum), 0, {
          scheduling: { expected: 0, preemptible: false, maximum }
        })
        return answer instanceof Request ? [{ agent, maximum, outer: answer, inner: [], done: false }] : []
      }).flat()
      const left = ({ inner, maximum, outer }: Job) =>
        Object.fromEntries(
          Object.entries(maximum).map(([type, most]) => {
            const parts = [outer, ...inner].filter(({ status }) => status !== "returned").flatMap((each) => each.parts)
            return [type, most - parts.reduce((sum, part) => sum + (part.pool.type === type ? part.amount : 0), 0)]
          })
        )
      for (let step = 1; step < 600 && jobs.some((job) => !job.done); step++) {
        const job = random.pick(jobs.filter(({ done }) => !done))!
        const { agent, inner, outer } = job
        if (outer.status !== "held" || inner.some(({ status }) => status === "waiting")) continue
        if (inner.length < 2) {
          const answer = ledger.claim(agent, some(left(job)), step, { parent: outer })
          if (!(answer instanceof Request)) assert.fail(`seed ${seed}: ${JSON.stringify(answer)}`)
          inner.push(answer)
          if (answer.quota?.parked !== undefined) parked++
          continue
        }
        for (const lease of inner) ledger.release(lease, step)
        ledger.release(outer, step)
        job.done = true
      }
      jobsEnded += jobs.filter(({ done }) => done).length
      const failed = events.filter((event) => event._tag === "Left" && event.reason === "DeadlockDetected")
      assert.deepStrictEqual(failed, [], `seed ${seed}`)
      const states = jobs.map(({ inner, outer }) => [outer, ...inner].map(({ status }) => status).join("/"))
      assert.isTrue(
        jobs.every(({ done }) => done),
        `seed ${seed}: ${states.join(", ")}`
      )
    }
    assert.isAbove(jobsEnded, 500)
    assert.isAbove(parked, 20)
  })
})
