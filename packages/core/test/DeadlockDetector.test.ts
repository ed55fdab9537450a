import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { DeadlockDetector } from "../src/index.ts"

describe("DeadlockDetector", () => {
  it.effect("tells the wait that closes a cycle, and does not record it", () =>
    Effect.gen(function* () {
      const detector = yield* DeadlockDetector
      yield* detector.recordAcquire("a", "tape")
      yield* detector.recordAcquire("b", "printer")
      yield* detector.recordWait("a", "printer")
      const error = yield* Effect.flip(detector.recordWait("b", "tape"))
      assert.strictEqual(error._tag, "DeadlockDetected")
      assert.strictEqual(
        error.message,
        "deadlock: b would wait for ever\n" +
          "  b waits for 1 of tape, of which a holds 1\n" +
          "  a waits for 1 of printer, of which b holds 1"
      )
      // b waits for nothing: it gives back, and a goes on.
      yield* detector.recordRelease("b", "printer")
      yield* detector.recordAcquire("a", "printer")
      yield* detector.recordWait("b", "tape")
      yield* detector.recordCancel("b", "tape")
    }).pipe(Effect.provide(DeadlockDetector.layer({ resources: { tape: 1, printer: 1 } })))
  )

  it.effect("takes what it waits for itself for what it is", () =>
    Effect.gen(function* () {
      const detector = yield* DeadlockDetector.make({ resources: { tape: 2 } })
      yield* detector.recordAcquire("a", "tape", 2)
      const error = yield* Effect.flip(detector.recordWait("a", "tape"))
      if (error._tag !== "DeadlockDetected") return assert.fail(error._tag)
      assert.deepStrictEqual(
        error.cycle.map(({ agent, heldBy }) => [agent, heldBy]),
        [["a", "a"]]
      )
    })
  )

  it.effect("is switched off and on", () =>
    Effect.gen(function* () {
      const detector = yield* DeadlockDetector.make({ resources: { tape: 1 }, enabled: false })
      yield* detector.recordAcquire("a", "tape")
      yield* detector.recordWait("a", "tape")
      yield* detector.recordCancel("a", "tape")
      yield* detector.setEnabled(true)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(detector.recordWait("a", "tape"))))
    })
  )

  it.effect("refuses what makes no sense, and records none of it", () =>
    Effect.gen(function* () {
      const detector = yield* DeadlockDetector.make({ resources: { tape: 2 } })
      for (const amount of [-1, 1.5, Number.NaN, Infinity]) {
        for (const door of [
          detector.recordAcquire("a", "tape", amount),
          detector.recordWait("a", "tape", amount),
          detector.recordCancel("a", "tape", amount)
        ]) {
          assert.strictEqual((yield* Effect.flip(door))._tag, "InvalidClaim", String(amount))
        }
        assert.strictEqual((yield* Effect.flip(detector.recordRelease("a", "tape", amount)))._tag, "InvalidClaim")
      }
      for (const resource of ["disk", "__proto__", "constructor", ""]) {
        assert.strictEqual((yield* Effect.flip(detector.recordWait("a", resource)))._tag, "UnknownResourceType")
      }
      assert.strictEqual((yield* Effect.flip(detector.recordWait("a", "tape", 3)))._tag, "InvalidClaim")
      const none = yield* Effect.flip(detector.recordRelease("a", "tape"))
      assert.deepInclude({ ...none }, { _tag: "ResourceNotAcquired", held: {} })
      const layer = yield* Effect.flip(Effect.provide(Effect.void, DeadlockDetector.layer({ resources: { tape: -1 } })))
      assert.strictEqual(layer._tag, "InvalidCapacity")
    })
  )

  it("agrees with brute force on small random states", () => {
    let deadlocks = 0
    let waits = 0
    for (let seed = 1; seed <= 400; seed++) {
      const outcome = Effect.runSync(randomHistory(seed))
      deadlocks += outcome.deadlocks
      waits += outcome.waits
    }
    // Neither answer may be so rare that agreement means nothing.
    assert.isAbove(deadlocks, 400)
    assert.isAbove(waits, 2_000)
  })
})

/** A small generator (mulberry32): the seed in a failure replays it. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

interface State {
  readonly units: ReadonlyArray<number>
  readonly held: ReadonlyArray<ReadonlyArray<number>>
  readonly waits: ReadonlyArray<{ readonly agent: number; readonly resource: number; readonly amount: number }>
}

/**
 * Whether some order of events serves every wait: tries them all. An agent without
 * waits may give back all that it holds; a wait that fits may be served.
 */
const canEnd = (state: State, seen = new Set<string>()): boolean => {
  if (state.waits.length === 0) return true
  const key = JSON.stringify([state.held, state.waits])
  if (seen.has(key)) return false
  seen.add(key)
  const free = state.units.map((units, resource) => units - state.held.reduce((sum, own) => sum + own[resource]!, 0))
  for (const [agent, own] of state.held.entries()) {
    if (own.every((amount) => amount === 0) || state.waits.some((wait) => wait.agent === agent)) continue
    const held = state.held.map((other, index) => (index === agent ? other.map(() => 0) : other))
    if (canEnd({ ...state, held }, seen)) return true
  }
  for (const [index, wait] of state.waits.entries()) {
    if (wait.amount > free[wait.resource]!) continue
    const held = state.held.map((own, agent) =>
      agent === wait.agent
        ? own.map((amount, resource) => amount + (resource === wait.resource ? wait.amount : 0))
        : own
    )
    if (canEnd({ ...state, held, waits: state.waits.filter((_, at) => at !== index) }, seen)) return true
  }
  return false
}

/** Random acquisitions, waits and releases of four agents on three resources, each wait checked. */
const randomHistory = Effect.fnUntraced(function* (seed: number) {
  const below = random(seed)
  const units = [1 + below(3), 1 + below(3), 1 + below(2)]
  const names = ["x", "y", "z"]
  const resources = Object.fromEntries(names.map((name, index) => [name, units[index]!]))
  const detector = yield* DeadlockDetector.make({ resources })
  const held = Array.from({ length: 4 }, () => [0, 0, 0])
  let waits: Array<{ agent: number; resource: number; amount: number }> = []
  const tally = { deadlocks: 0, waits: 0 }
  const pending = (agent: number, resource: number) =>
    waits.reduce((sum, wait) => sum + (wait.agent === agent && wait.resource === resource ? wait.amount : 0), 0)
  for (let step = 0; step < 30; step++) {
    const agent = below(4)
    const resource = below(3)
    const own = held[agent]!
    const free = units[resource]! - held.reduce((sum, other) => sum + other[resource]!, 0)
    const amount = 1 + below(units[resource]!)
    const isWaiting = waits.some((wait) => wait.agent === agent)
    if (below(4) === 0 && own[resource]! > 0 && !isWaiting) {
      yield* detector.recordRelease(`${agent}`, names[resource]!, own[resource]!)
      own[resource] = 0
    } else if (amount <= free && !isWaiting) {
      yield* detector.recordAcquire(`${agent}`, names[resource]!, amount)
      own[resource]! += amount
    } else if (amount > free && amount + pending(agent, resource) <= units[resource]!) {
      const wait = { agent, resource, amount }
      const exit = yield* Effect.exit(detector.recordWait(`${agent}`, names[resource]!, amount))
      const expected = canEnd({ units, held, waits: [...waits, wait] })
      assert.strictEqual(
        Exit.isSuccess(exit),
        expected,
        `seed ${seed}, step ${step}: ${JSON.stringify({ units, held, waits, wait })}`
      )
      if (expected) {
        waits = [...waits, wait]
        tally.waits++
      } else tally.deadlocks++
    }
    // Whoever can be served is, in the order of asking.
    for (const wait of waits) {
      const left = units[wait.resource]! - held.reduce((sum, other) => sum + other[wait.resource]!, 0)
      if (wait.amount > left) continue
      yield* detector.recordAcquire(`${wait.agent}`, names[wait.resource]!, wait.amount)
      held[wait.agent]![wait.resource]! += wait.amount
      waits = waits.filter((other) => other !== wait)
    }
    // Part of what an agent waits for was served, and the rest is out of reach now: no wait closed that.
    if (!canEnd({ units, held, waits })) return tally
  }
  return tally
})
