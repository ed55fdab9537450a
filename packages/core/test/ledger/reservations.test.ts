import { assert, describe, it } from "vitest"
import {
  capture,
  type ClaimOptions,
  explain,
  type Holder,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  Order,
  type Refusal,
  Replay,
  Request,
  type Reservation,
  restore,
  type State
} from "../../src/Ledger.ts"
import { Random } from "../simulator/random.ts"

const setUp = (capacity: number, options: LedgerOptions = {}) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ indexed: true, sink: (event) => events.push(event), ...options })
  ledger.definePool("cpu", { capacity }, 0)
  ledger.definePool("memory", { capacity: 100 }, 0)
  return { ledger, events }
}

const agent = (name: string): Holder => ({ _tag: "Agent", agent: name })

const reserved = (answer: ReturnType<Ledger["reserve"]>): Reservation =>
  "_tag" in answer ? assert.fail(`expected a reservation, got ${JSON.stringify(answer)}`) : answer

const lasting = (expected: number, more: ClaimOptions = {}): ClaimOptions => ({
  ...more,
  scheduling: { expected, preemptible: false }
})

const ranked = (priority: number, more: ClaimOptions = {}): ClaimOptions => ({
  ...more,
  scheduling: { priority, expected: 0, preemptible: false }
})

const byPriority = () => new Order({ name: "priority", priority: { inherits: true, aging: undefined } })

const status = (answer: Request | Refusal): string => (answer instanceof Request ? answer.status : answer._tag)
const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

describe("a standing reservation", () => {
  it("is there for its holder at all times, and for nobody else", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 4 }, from: 0 }, 0))
    assert.strictEqual(status(ledger.claim("other", { cpu: 6 }, 0)), "held")
    assert.strictEqual(status(ledger.claim("other", { cpu: 1 }, 0)), "waiting")
    // Whoever waits before: none of them could have it.
    const prod = request(ledger.claim("prod", { cpu: 4 }, 0))
    assert.strictEqual(prod.status, "held")
    assert.strictEqual(status(ledger.claim("prod", { cpu: 1 }, 0)), "waiting")
    // What it gives back is kept for it again, and its own waiter has it.
    ledger.release(prod, 1)
    assert.strictEqual(ledger.books.waiting, 1)
  })

  it("can be for a class of priority", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: { _tag: "Priority", atLeast: 10 }, claim: { cpu: 4 }, from: 0 }, 0))
    const priority = (value: number): ClaimOptions => ({
      scheduling: { priority: value, expected: 0, preemptible: false }
    })
    request(ledger.claim("a", { cpu: 6 }, 0, priority(9)))
    assert.strictEqual(status(ledger.claim("c", { cpu: 4 }, 0, priority(11))), "held")
  })

  it("can be for a group: its agents and those of the groups below draw from it, each from the narrowest promise", () => {
    const { ledger } = setUp(10)
    ledger.setGroup("org", {}, 0)
    ledger.setGroup("team", { parent: "org" }, 0)
    ledger.assign("ann", { group: "team", onQuota: undefined }, 0)
    ledger.assign("bob", { group: "org", onQuota: undefined }, 0)
    reserved(ledger.reserve({ holder: { _tag: "Group", group: "org" }, claim: { cpu: 3 }, from: 0 }, 0))
    reserved(ledger.reserve({ holder: { _tag: "Group", group: "team" }, claim: { cpu: 3 }, from: 0 }, 0))
    assert.strictEqual(status(ledger.claim("other", { cpu: 5 }, 0, { wait: false })), "ResourceExhausted")
    assert.strictEqual(status(ledger.claim("other", { cpu: 4 }, 0, { wait: false })), "held")
    assert.strictEqual(status(ledger.claim("ann", { cpu: 3 }, 0, { wait: false })), "held")
    assert.strictEqual(status(ledger.claim("bob", { cpu: 3 }, 0, { wait: false })), "held")
    // Who leaves the group leaves its promise: what it holds is as anybody's.
    ledger.assign("ann", { group: undefined, onQuota: undefined }, 1)
    assert.strictEqual(ledger.books.pools.get("cpu")?.inUse, 10)
    assert.deepInclude(ledger.reserve({ holder: { _tag: "Group", group: "no" }, claim: { cpu: 1 }, from: 2 }, 2), {
      field: "group"
    })
  })

  it("makes a claim that it never leaves room for fail at once, also one that waits already", () => {
    const { ledger } = setUp(10)
    const holder = request(ledger.claim("a", { cpu: 10 }, 0))
    const waiter = request(ledger.claim("b", { cpu: 8 }, 0))
    const made = reserved(ledger.reserve({ holder: agent("a"), claim: { cpu: 4 }, from: 1 }, 1))
    assert.strictEqual(waiter.status, "left")
    const refusal = ledger.claim("b", { cpu: 8 }, 2)
    assert.deepInclude(refusal, { _tag: "ResourceExhausted", reason: "neverFits", short: "reservation", limit: 6 })
    assert.isTrue(ledger.endReservation(made.id, "cancelled", 3))
    assert.isFalse(ledger.endReservation(made.id, "cancelled", 3))
    const again = request(ledger.claim("b", { cpu: 8 }, 4))
    ledger.release(holder, 5)
    assert.strictEqual(again.status, "held")
  })
})

describe("an advance reservation", () => {
  it("keeps out who would run into it: by its declared duration, and for ever without one", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("demo"), claim: { cpu: 8 }, from: 100, until: 200 }, 0))
    assert.strictEqual(status(ledger.claim("endless", { cpu: 3 }, 0, { wait: false })), "ResourceExhausted")
    assert.strictEqual(status(ledger.claim("endless", { cpu: 2 }, 0, { wait: false })), "held")
    assert.strictEqual(status(ledger.claim("long", { cpu: 1 }, 0, lasting(101, { wait: false }))), "ResourceExhausted")
    const short = request(ledger.claim("short", { cpu: 8 }, 0, lasting(100, { wait: false })))
    assert.strictEqual(short.status, "held")
    ledger.release(short, 100)
    assert.strictEqual(status(ledger.claim("other", { cpu: 1 }, 100, lasting(1, { wait: false }))), "ResourceExhausted")
    assert.strictEqual(status(ledger.claim("demo", { cpu: 8 }, 100, { wait: false })), "held")
  })

  it("ends by itself, and whoever it kept waiting is granted at that instant", () => {
    const { events, ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("demo"), claim: { cpu: 8 }, from: 100, until: 200 }, 0))
    const waiter = request(ledger.claim("endless", { cpu: 5 }, 0))
    assert.strictEqual(waiter.status, "waiting")
    assert.strictEqual(ledger.nextDueAt, 100)
    ledger.advance(100)
    assert.strictEqual(ledger.nextDueAt, 200)
    ledger.advance(1_000)
    assert.strictEqual(waiter.status, "held")
    assert.strictEqual(waiter.grantedAt, 200)
    assert.deepInclude(events, { _tag: "ReservationEnded", at: 200, id: 1, reason: "expired" })
    assert.strictEqual(ledger.nextDueAt, Infinity)
  })

  it("is refused at once where it cannot be kept", () => {
    const { ledger } = setUp(10)
    request(ledger.claim("endless", { cpu: 3 }, 0))
    request(ledger.claim("short", { cpu: 5 }, 0, lasting(50)))
    const wish = { holder: agent("demo"), claim: { cpu: 8 }, from: 100, until: 200 }
    assert.deepInclude(ledger.reserve(wish, 0), { _tag: "ReservationRefused", resourceType: "cpu", short: 1 })
    reserved(ledger.reserve({ ...wish, claim: { cpu: 7 } }, 0))
    assert.deepInclude(ledger.reserve({ ...wish, claim: { cpu: 1 }, from: 150, until: 160 }, 0), { short: 1 })
    reserved(ledger.reserve({ ...wish, claim: { cpu: 1 }, from: 200, until: 300 }, 0))
    // The lease of five ends before it.
    reserved(ledger.reserve({ ...wish, claim: { cpu: 2 }, from: 50, until: 100 }, 0))
  })

  it("is refused with the field that makes no sense", () => {
    const { ledger } = setUp(10)
    const wish = { holder: agent("demo"), claim: { cpu: 1 }, from: 100, until: 200 }
    assert.deepInclude(ledger.reserve({ ...wish, until: 100 }, 0), { _tag: "InvalidClaim", field: "until" })
    assert.deepInclude(ledger.reserve({ ...wish, claim: {} }, 0), { _tag: "InvalidClaim", field: "claim" })
    assert.deepInclude(ledger.reserve({ ...wish, claim: { cpu: -1 } }, 0), { field: "claim.cpu" })
    assert.deepInclude(ledger.reserve({ ...wish, claim: { gpu: 1 } }, 0), { _tag: "UnknownResourceType" })
    assert.deepInclude(ledger.reserve({ ...wish, holder: agent("") }, 0), { field: "agent" })
    assert.deepInclude(ledger.reserve({ ...wish, from: Number.NaN }, 0), { field: "from" })
  })

  it("tells who waits for it what is kept, for whom and from when", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("demo"), claim: { cpu: 8 }, from: 100, until: 200 }, 0))
    const waiter = request(ledger.claim("endless", { cpu: 5 }, 0))
    assert.deepStrictEqual(explain(waiter, 10).reasons, [
      {
        _tag: "Reservation",
        resourceType: "cpu",
        requested: 5,
        free: 2,
        kept: [{ holder: agent("demo"), amount: 8, from: 100 }]
      }
    ])
  })

  it("lets short claims pass a head that it blocks, where there is backfill", () => {
    const { ledger } = setUp(10, { backfill: { kind: "easy" } })
    reserved(ledger.reserve({ holder: agent("demo"), claim: { cpu: 10 }, from: 100, until: 200 }, 0))
    const head = request(ledger.claim("endless", { cpu: 10 }, 0))
    assert.strictEqual(head.status, "waiting")
    assert.strictEqual(status(ledger.claim("short", { cpu: 10 }, 0, lasting(90))), "held")
    assert.strictEqual(status(ledger.claim("long", { cpu: 1 }, 0, lasting(300))), "waiting")
  })
})

/** One unit of truth: what others may take at an instant, by plain sums over all that is known. */
const bruteRoom = (
  capacity: number,
  leases: ReadonlyArray<{ readonly agent: string; readonly amount: number; readonly end: number }>,
  promises: ReadonlyArray<Reservation>,
  claim: { readonly agent: string; readonly end: number },
  now: number
): number => {
  const instants = [now, ...promises.map(({ from }) => from).filter((from) => from > now && from < claim.end)]
  const rooms = instants.map((at) => {
    const running = leases.filter((lease) => at === now || lease.end > at)
    const agents = new Set([...running.map((lease) => lease.agent), ...promises.map(({ holder }) => holderOf(holder))])
    let taken = 0
    for (const name of agents) {
      const held = running.filter((lease) => lease.agent === name).reduce((sum, lease) => sum + lease.amount, 0)
      const promised = promises
        .filter(({ from, holder, until }) => holderOf(holder) === name && from <= at && at < (until ?? Infinity))
        .reduce((sum, { claim: amounts }) => sum + amounts["cpu"]!, 0)
      taken += name === claim.agent ? held : Math.max(held, promised)
    }
    return capacity - taken
  })
  return Math.min(...rooms)
}

const holderOf = (holder: Holder): string => (holder._tag === "Agent" ? holder.agent : "")

describe("waits beside a standing reservation", () => {
  it("are a deadlock where only what is kept for others could serve them", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 4 }, from: 0 }, 0))
    const outer = request(ledger.claim("a", { cpu: 4 }, 0))
    assert.strictEqual(status(ledger.claim("a", { cpu: 3 }, 0, { parent: outer })), "DeadlockDetected")
    assert.strictEqual(status(ledger.claim("a", { cpu: 2 }, 0, { parent: outer })), "held")
  })

  it("are none where what its holder has comes back within what is kept for it", () => {
    const { ledger } = setUp(10)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 4 }, from: 0 }, 0))
    const prod = request(ledger.claim("prod", { cpu: 4 }, 0))
    const other = request(ledger.claim("other", { cpu: 2 }, 0))
    const plain = request(ledger.claim("plain", { cpu: 4 }, 0))
    assert.strictEqual(status(ledger.claim("prod", { cpu: 1 }, 0, { parent: prod })), "waiting")
    assert.strictEqual(status(ledger.claim("other", { cpu: 4 }, 0, { parent: other })), "waiting")
    ledger.release(plain, 1)
    assert.strictEqual(ledger.books.waiting, 1)
  })

  it("are a deadlock where its holder waits inside of all that it was promised and all else is kept", () => {
    const { ledger } = setUp(4)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 4 }, from: 0 }, 0))
    const prod = request(ledger.claim("prod", { cpu: 4 }, 0))
    assert.strictEqual(status(ledger.claim("prod", { cpu: 1 }, 0, { parent: prod })), "DeadlockDetected")
  })
})

describe("reservations, at random", () => {
  it("give their holders what was promised, and keep from nobody what was not", () => {
    const counts = { granted: 0, refused: 0, reserved: 0, denied: 0, promised: 0, restored: 0 }
    for (let seed = 1; seed <= 120; seed++) {
      const random = new Random(seed)
      const capacity = random.between(4, 12)
      const { events, ledger } = setUp(capacity)
      let leases: Array<{ agent: string; amount: number; end: number; request: Request }> = []
      const agents = ["a", "b", "c"]
      let now = 0
      for (let step = 0; step < 150; step++) {
        now += random.between(0, 8)
        // All tell the truth: who declared an end is back by then.
        for (const lease of leases.filter(({ end }) => end <= now)) ledger.release(lease.request, lease.end)
        leases = leases.filter(({ end }) => end > now)
        ledger.advance(now)
        const promises = [...(ledger.books.reservations?.byId.values() ?? [])]
        const name = agents[random.int(3)]!
        if (random.chance(0.15)) {
          const from = now + random.between(0, 40)
          const until = random.chance(0.2) ? undefined : from + random.between(1, 40)
          const wish = { holder: agent(name), claim: { cpu: random.between(1, capacity) }, from, until }
          const answer = ledger.reserve(wish, now)
          const made: Reservation = { id: 0, ...wish }
          const all = [...promises, made]
          const instants = all
            .map((one) => one.from)
            .concat(from)
            .filter((at) => at >= from && at < (until ?? Infinity))
          const kept = instants.every(
            (at) =>
              bruteRoom(
                capacity,
                leases.filter(({ end }) => end > at),
                all,
                { agent: "nobody", end: at },
                at
              ) >= 0
          )
          assert.strictEqual(!("_tag" in answer), kept, `seed ${seed}, step ${step}: ${JSON.stringify(answer)}`)
          counts[kept ? "reserved" : "denied"]++
        } else if (random.chance(0.05) && promises.length > 0) {
          ledger.endReservation(promises[random.int(promises.length)]!.id, "cancelled", now)
        } else if (random.chance(0.2) && leases.length > 0) {
          const [lease] = leases.splice(random.int(leases.length), 1)
          ledger.release(lease!.request, now)
        } else {
          const amount = random.between(1, Math.ceil(capacity / 2))
          const expected = random.chance(0.3) ? 0 : random.between(1, 60)
          const end = expected === 0 ? Infinity : now + expected
          const room = bruteRoom(capacity, leases, promises, { agent: name, end }, now)
          // A promise is there, whoever else is: that is what it is for.
          const mine = promises.filter(
            ({ from, holder, until }) => holderOf(holder) === name && from <= now && now < (until ?? Infinity)
          )
          const promised = mine.reduce((sum, { claim }) => sum + claim["cpu"]!, 0)
          const held = leases.filter((lease) => lease.agent === name).reduce((sum, lease) => sum + lease.amount, 0)
          if (amount <= promised - held) {
            assert.isAtLeast(bruteRoom(capacity, leases, promises, { agent: name, end: now }, now), amount)
            counts.promised++
          }
          const answer = ledger.claim(name, { cpu: amount }, now, lasting(expected, { wait: false }))
          const granted = answer instanceof Request
          assert.strictEqual(granted, amount <= room, `seed ${seed}, step ${step}: ${amount} of ${room}`)
          counts[granted ? "granted" : "refused"]++
          if (granted) leases.push({ agent: name, amount, end, request: answer })
        }
        if (random.chance(0.01)) {
          const state: State = JSON.parse(JSON.stringify(capture(ledger.books)))
          const replay = new Replay()
          for (const event of events) replay.apply(JSON.parse(JSON.stringify(event)))
          const open = JSON.parse(JSON.stringify([...(replay.finish(now).reservations?.byId.values() ?? [])]))
          assert.deepStrictEqual(
            open,
            JSON.parse(JSON.stringify([...(ledger.books.reservations?.byId.values() ?? [])]))
          )
          assert.deepStrictEqual(JSON.parse(JSON.stringify(capture(restore(state)))), state)
          counts.restored++
        }
      }
    }
    for (const [what, count] of Object.entries(counts)) assert.isAbove(count, 50, what)
  })
})

describe("with an order of its own", () => {
  it("a claim that has its place in one pool and its promise in another is granted as it comes", () => {
    const { events, ledger } = setUp(2, { order: byPriority() })
    reserved(ledger.reserve({ holder: agent("me"), claim: { memory: 50 }, from: 0 }, 0))
    request(ledger.claim("holder", { cpu: 1, memory: 50 }, 0))
    assert.strictEqual(status(ledger.claim("low", { cpu: 2 }, 1)), "waiting")
    assert.strictEqual(status(ledger.claim("high", { memory: 10 }, 1, ranked(9))), "waiting")
    assert.isTrue(ledger.check("me", { cpu: 1, memory: 10 }, ranked(5)).granted)
    assert.strictEqual(status(ledger.claim("me", { cpu: 1, memory: 10 }, 1, ranked(5, { wait: false }))), "held")
    // One that may not wait is never queued, not for a moment.
    assert.deepStrictEqual(
      events.flatMap((event) => (event._tag === "Queued" ? [event.agent] : [])),
      ["low", "high"]
    )
  })

  it("who joins a queue takes no earmarks from those before it", () => {
    const { ledger } = setUp(4, { order: byPriority() })
    reserved(ledger.reserve({ holder: agent("else"), claim: { cpu: 1 }, from: 0 }, 0))
    const holder = request(ledger.claim("holder", { memory: 100 }, 0))
    const first = request(ledger.claim("first", { cpu: 2, memory: 100 }, 0, ranked(1)))
    assert.deepStrictEqual(explain(first, 0).earmarked, ["cpu"])
    const second = request(ledger.claim("second", { cpu: 1, memory: 50 }, 0))
    assert.deepStrictEqual([explain(first, 0).earmarked, explain(second, 0).earmarked], [["cpu"], ["cpu"]])
    ledger.release(holder, 1)
    assert.deepStrictEqual([first.status, second.status], ["held", "waiting"])
  })
})

describe("deadlocks beside standing promises", () => {
  it("are found where what comes back is kept for others", () => {
    const { ledger } = setUp(4)
    ledger.definePool("gpu", { capacity: 1 }, 0)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 2 }, from: 0 }, 0))
    request(ledger.claim("other", { gpu: 1 }, 0))
    const promised = request(ledger.claim("prod", { cpu: 2 }, 0))
    assert.strictEqual(status(ledger.claim("prod", { gpu: 1 }, 0, { parent: promised })), "waiting")
    // The two of prod come back, and are for prod alone: beside its own one there is only one more.
    const lease = request(ledger.claim("a", { cpu: 1 }, 0))
    assert.strictEqual(status(ledger.claim("a", { cpu: 1 }, 0, { parent: lease, wait: false })), "held")
    assert.strictEqual(status(ledger.claim("a", { cpu: 2 }, 0, { parent: lease })), "DeadlockDetected")
  })

  it("are none where a window ends", () => {
    const { ledger } = setUp(4)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 3 }, from: 0, until: 100 }, 0))
    const lease = request(ledger.claim("a", { cpu: 1 }, 0))
    const inner = request(ledger.claim("a", { cpu: 2 }, 0, { parent: lease }))
    assert.strictEqual(inner.status, "waiting")
    ledger.advance(100)
    assert.strictEqual(inner.status, "held")
  })

  it("are told once a promise without an end begins", () => {
    const { ledger } = setUp(4)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 2 }, from: 100 }, 0))
    const lease = request(ledger.claim("a", { cpu: 1 }, 0))
    const inner = request(ledger.claim("a", { cpu: 2 }, 0, { parent: lease }))
    assert.strictEqual(inner.status, "waiting")
    ledger.advance(100)
    assert.strictEqual(inner.refusal?._tag, "DeadlockDetected")
  })

  it("are looked for where a growth takes what is kept", () => {
    const { ledger } = setUp(2)
    ledger.definePool("gpu", { capacity: 1 }, 0)
    reserved(ledger.reserve({ holder: agent("prod"), claim: { cpu: 2 }, from: 0 }, 0))
    request(ledger.claim("other", { gpu: 1 }, 0))
    const lease = request(ledger.claim("prod", { memory: 1 }, 0))
    const inner = request(ledger.claim("prod", { cpu: 2, gpu: 1 }, 0, { parent: lease }))
    assert.strictEqual(inner.status, "waiting")
    assert.strictEqual(status(ledger.grow(lease, { cpu: 2 }, 0)), "held")
    assert.strictEqual(inner.refusal?._tag, "DeadlockDetected")
  })

  it("fail who has no part any more in what was promised to its class", () => {
    const { ledger } = setUp(4)
    ledger.setAgent("a", { priority: 5 }, 0)
    reserved(ledger.reserve({ holder: { _tag: "Priority", atLeast: 5 }, claim: { cpu: 2 }, from: 0 }, 0))
    request(ledger.claim("a", { cpu: 2 }, 0))
    const waiter = request(ledger.claim("a", { cpu: 4 }, 0))
    ledger.setAgent("a", { priority: 1 }, 1)
    assert.deepInclude(waiter.refusal, { _tag: "ResourceExhausted", reason: "neverFits", short: "reservation" })
  })
})
