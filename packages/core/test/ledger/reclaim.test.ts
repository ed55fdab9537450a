import { assert, describe, it } from "vitest"
import { Ledger, type LedgerEvent, Order, type PreemptionPolicy, type Refusal, Request } from "../../src/Ledger.ts"

const policy: PreemptionPolicy = { name: "reclaim", byPriority: false, reclaim: true, grace: 1_000, overrun: 500 }

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

/** Two teams that share what they bring, and a third that brings nothing. Agents are called as their groups. */
const setUp = (preemption: PreemptionPolicy = policy, cpu = 10, order?: Order) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ preemption, order, sink: (event) => events.push(event), indexed: true })
  ledger.definePool("cpu", { capacity: cpu }, 0)
  ledger.definePool("memory", { capacity: 100 }, 0)
  const group = (id: string, nominal: number | undefined, parent?: string) => {
    const limits = nominal === undefined ? {} : { cpu: { nominal }, memory: { nominal: nominal * 10 } }
    assert.isUndefined(ledger.setGroup(id, { parent, onQuota: "wait", limits }, 0))
    assert.isNotObject(ledger.assign(id, { group: id, onQuota: undefined }, 0))
  }
  group("org", undefined)
  group("red", 6, "org")
  group("blue", 4, "org")
  const told = () => events.flatMap((event) => (event._tag === "Preempting" ? [event.id] : []))
  const spared = () => events.flatMap((event) => (event._tag === "Spared" ? [event.id] : []))
  return { ledger, events, group, told, spared }
}

const job = (priority = 0, preemptible = true) => ({ scheduling: { priority, expected: 0, preemptible } })

describe("reclaim", () => {
  it("tells a borrower to end, and the owner has its own at the deadline", () => {
    const { events, ledger } = setUp()
    const lent = request(ledger.claim("blue", { cpu: 10 }, 0, job()))
    const own = request(ledger.claim("red", { cpu: 6 }, 100))
    assert.deepStrictEqual(lent.notice, {
      by: own.id,
      cause: "reclaim",
      deadline: 1_100,
      forcedAt: 1_600,
      ending: false
    })
    ledger.advance(1_100)
    assert.isTrue(ledger.release(lent, 1_200))
    assert.deepStrictEqual([lent.returnedBy, own.status], ["preempted", "held"])
    const again = request(ledger.claim("blue", { cpu: 10 }, 1_300, job()))
    assert.deepStrictEqual([again.status, own.notice], ["waiting", undefined], "who borrowed takes nothing back")
    assert.strictEqual(events.filter((event) => event._tag === "Preempting").length, 1)
  })

  it("finds what an agent had borrowed where it is now, and no more where it was", () => {
    const { group, ledger, spared, told } = setUp()
    group("green", 0, "org")
    const lent = [1, 2].map(() => request(ledger.claim("mover", { cpu: 2 }, 0, job())))
    assert.isNotObject(ledger.assign("mover", { group: "blue", onQuota: undefined }, 0))
    request(ledger.claim("blue", { cpu: 4 }, 0, job(5)))
    request(ledger.claim("red", { cpu: 2 }, 0))
    // Blue has no more than its own from here on; what green has is lent by both.
    assert.isNotObject(ledger.assign("mover", { group: "green", onQuota: undefined }, 0))
    request(ledger.claim("red", { cpu: 2 }, 0))
    assert.deepStrictEqual(told(), [lent[1]!.id])
    assert.isNotObject(ledger.assign("mover", { group: undefined, onQuota: undefined }, 0))
    assert.deepStrictEqual(spared(), [lent[1]!.id], "what is in no group is lent by nobody")
  })

  it("takes the cheapest of what is borrowed, none that can be spared, and nothing that is own", () => {
    const { ledger, told } = setUp()
    const own = request(ledger.claim("blue", { cpu: 4 }, 0, job(5)))
    const dear = request(ledger.claim("blue", { cpu: 2 }, 0, job(3)))
    const older = request(ledger.claim("blue", { cpu: 2 }, 0, job(1)))
    const newer = request(ledger.claim("blue", { cpu: 2 }, 0, job(1)))
    request(ledger.claim("red", { cpu: 1 }, 0))
    assert.deepStrictEqual(told(), [newer.id])
    request(ledger.claim("red", { cpu: 3 }, 0))
    assert.deepStrictEqual(told(), [newer.id, older.id])
    request(ledger.claim("red", { cpu: 2 }, 0))
    assert.deepStrictEqual(told(), [newer.id, older.id, dear.id])
    const more = request(ledger.claim("red", { cpu: 1 }, 0))
    assert.deepStrictEqual([more.status, own.notice], ["waiting", undefined], "beyond its quota it only borrows")
  })

  it("takes nothing where that is not enough, where it is off, or from who cannot be told", () => {
    for (const [preemption, preemptible, claim] of [
      [policy, true, { cpu: 6, memory: 1 }],
      [{ ...policy, reclaim: false }, true, { cpu: 3 }],
      [policy, false, { cpu: 3 }]
    ] as const) {
      const { ledger, told } = setUp(preemption)
      request(ledger.claim("blue", { cpu: 5 }, 0, job(0, false)))
      request(ledger.claim("blue", { cpu: 5 }, 0, job(0, preemptible)))
      request(ledger.claim("red", claim, 0))
      assert.deepStrictEqual(told(), [])
    }
  })

  it("takes where units are short too, and not where those before it would have them", () => {
    const { ledger, told } = setUp(policy, 12)
    request(ledger.claim("stranger", { cpu: 2 }, 0))
    request(ledger.claim("blue", { cpu: 5 }, 0, job(0, false)))
    const second = request(ledger.claim("blue", { cpu: 5 }, 0, job()))
    const stranger = request(ledger.claim("stranger", { cpu: 3 }, 0))
    request(ledger.claim("red", { cpu: 3 }, 0))
    assert.deepStrictEqual(told(), [], "the stranger would have three of the five")
    ledger.abandon(stranger, 0)
    assert.deepStrictEqual(told(), [second.id])
  })

  it("takes the units that a claim lacks once it has its quota, as it arrives or later", () => {
    const { events, ledger, told } = setUp(policy, 12)
    const stranger = request(ledger.claim("stranger", { cpu: 3 }, 0))
    request(ledger.claim("blue", { cpu: 4 }, 0, job(5)))
    const lent = request(ledger.claim("blue", { cpu: 2 }, 0, job()))
    const small = request(ledger.claim("red", { cpu: 3 }, 0))
    const arriving = request(ledger.claim("red", { cpu: 1 }, 0))
    assert.deepStrictEqual([small.status, arriving.quota?.parked, told()], ["held", undefined, [lent.id]])
    ledger.abandon(arriving, 0)
    assert.strictEqual(lent.notice, undefined, "nobody needs it")
    const before = request(ledger.claim("stranger", { cpu: 3 }, 0))
    const own = request(ledger.claim("red", { cpu: 1 }, 0))
    assert.deepStrictEqual([own.status, told().length], ["waiting", 1], "those before it would have it")
    ledger.abandon(before, 1)
    assert.deepStrictEqual(told(), [lent.id, lent.id])
    ledger.release(lent, 2)
    assert.strictEqual(own.status, "held")
    ledger.release(stranger, 3)
    assert.isFalse(events.some((event) => event._tag === "Queued" && event.parked === true))
  })

  it("takes units only from who would come behind, if it asked again", () => {
    const order = new Order({ name: "priority", priority: { inherits: false } })
    for (const priority of [0, 1]) {
      const { ledger, told } = setUp(policy, 12, order)
      request(ledger.claim("stranger", { cpu: 6 }, 0))
      request(ledger.claim("blue", { cpu: 4 }, 0, job(9)))
      const lent = request(ledger.claim("blue", { cpu: 2 }, 0, job(priority)))
      request(ledger.claim("red", { cpu: 1 }, 0, { scheduling: { priority: 0, expected: 0, preemptible: false } }))
      assert.deepStrictEqual(told(), priority === 0 ? [lent.id] : [])
    }
  })

  it("spares the lease again once nobody needs it, until its deadline", () => {
    const { ledger, spared, told } = setUp()
    const lent = request(ledger.claim("blue", { cpu: 10 }, 0, job()))
    const own = request(ledger.claim("red", { cpu: 6 }, 0))
    ledger.abandon(own, 500)
    assert.deepStrictEqual([spared(), lent.notice], [[lent.id], undefined])
    const late = request(ledger.claim("red", { cpu: 6 }, 600))
    ledger.advance(1_600)
    ledger.abandon(late, 1_700)
    assert.deepStrictEqual([spared().length, told().length, lent.notice?.ending], [1, 2, true])
  })

  it("leaves what is of higher priority alone where priority takes leases too, and takes it where not", () => {
    for (const byPriority of [true, false]) {
      const { ledger } = setUp({ ...policy, byPriority })
      const lent = request(ledger.claim("blue", { cpu: 10 }, 0, job(5)))
      request(ledger.claim("red", { cpu: 2 }, 0, job(1)))
      assert.strictEqual(lent.notice === undefined, byPriority)
    }
  })

  it("takes within a branch, and from another branch only where its own is within its quota", () => {
    const { group, ledger, told } = setUp(policy, 20)
    group("red-a", 2, "red")
    group("red-b", 0, "red")
    const blue = request(ledger.claim("blue", { cpu: 4 }, 0, job()))
    const a = request(ledger.claim("red-b", { cpu: 8 }, 0, job()))
    assert.deepStrictEqual([blue.status, a.status], ["held", "held"])
    request(ledger.claim("red-a", { cpu: 2 }, 0))
    assert.deepStrictEqual(told(), [a.id])
  })

  it("has a claim inside a lease take too, before that counts as a deadlock", () => {
    const { ledger, told } = setUp()
    const outer = request(ledger.claim("red", { cpu: 2 }, 0))
    const lent = request(ledger.claim("blue", { cpu: 8 }, 0, job()))
    const inner = request(ledger.claim("red", { cpu: 3 }, 0, { parent: outer }))
    assert.deepStrictEqual([inner.status, told()], ["waiting", [lent.id]])
  })

  it("comes to rest where everybody asks again for what was taken from them", () => {
    const { events, ledger } = setUp(policy, 10)
    const jobs: Array<{ readonly agent: string; readonly cpu: number; request: Request }> = []
    const claim = (agent: string, cpu: number, now: number) => request(ledger.claim(agent, { cpu }, now, job(0)))
    for (let i = 0; i < 6; i++) jobs.push({ agent: "blue", cpu: 1 + (i % 3), request: claim("blue", 1 + (i % 3), 0) })
    for (let i = 0; i < 6; i++) jobs.push({ agent: "red", cpu: 1 + (i % 3), request: claim("red", 1 + (i % 3), 1) })
    for (let now = 1_000; now < 100_000; now += 1_000) {
      ledger.advance(now)
      for (const one of jobs) {
        if (one.request.notice?.ending === true) ledger.release(one.request, now)
        if (one.request.status === "returned") one.request = claim(one.agent, one.cpu, now)
      }
    }
    const told = events.filter((event) => event._tag === "Preempting")
    assert.isAbove(told.length, 0)
    assert.isBelow(told.at(-1)!.at, 10_000)
    const held = (agent: string) =>
      jobs.reduce((sum, one) => sum + (one.agent === agent && one.request.status === "held" ? one.cpu : 0), 0)
    assert.isAtLeast(held("red"), 5)
  })
})
