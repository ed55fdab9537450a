/** Teams and one cluster: each gets a fair part of what it wants most, however much it asks for and however many it is. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { gibibytes, Order, ResourceManager } from "@resource-manager/core"
import { Console, type Duration, Effect, Fiber, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
const layer = ResourceManager.layer({
  pools: { cpu: { capacity: 9 }, memory: { capacity: gibibytes(18) } }
}).pipe(Layer.provide(Order.layer({ fairShare: true })))
// #endregion layer

/** How many tasks of each team run at once, after a while in which both asked for as many as they could. */
const running = (weight: number) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    // #region program
    yield* manager.setAgent("analysts", { weight })
    const tasks = { analysts: 0, engineers: 0 }
    const work = (
      team: keyof typeof tasks,
      claim: { readonly cpu: number; readonly memory: number },
      lasts: Duration.Input
    ) =>
      manager.withLease(
        team,
        claim
      )(
        Effect.acquireUseRelease(
          Effect.sync(() => tasks[team]++),
          () => Effect.sleep(lasts),
          () => Effect.sync(() => tasks[team]--)
        )
      )
    // Analysts need memory, engineers need processors; and engineers' tasks last ten times as long.
    const analysts = Effect.forever(work("analysts", { cpu: 1, memory: gibibytes(4) }, "10 millis"))
    const engineers = Effect.forever(work("engineers", { cpu: 3, memory: gibibytes(1) }, "100 millis"))
    // #endregion program
    const fibers = yield* Effect.forEach([analysts, engineers], (each) =>
      Effect.forEach(Array.from({ length: 12 }), () => Effect.forkChild(each))
    )
    yield* Effect.sleep("1005 millis")
    const seen = { ...tasks }
    yield* Fiber.interruptAll(fibers.flat())
    return seen
  }).pipe(Effect.provide(layer))

/** Slots that everybody wants, all the time: who holds how many. */
const amongGroups = Effect.gen(function* () {
  const manager = yield* ResourceManager
  // #region groups
  yield* manager.setGroup("research", { weight: 2 })
  yield* manager.setGroup("product")
  for (const agent of ["alice", "bob"]) yield* manager.assign(agent, { group: "research" })
  for (const agent of ["carol", "dave", "erin"]) yield* manager.assign(agent, { group: "product" })
  // #endregion groups
  const agents = ["alice", "bob", "carol", "dave", "erin", "frank"]
  const work = (agent: string) => Effect.forever(manager.withLease(agent, { slots: 1 })(Effect.sleep("10 millis")))
  const fibers = yield* Effect.forEach(agents, (agent) =>
    Effect.forEach(Array.from({ length: 24 }), () => Effect.forkChild(work(agent)))
  )
  yield* Effect.sleep("1005 millis")
  const held = yield* Effect.forEach(agents, (agent) => Effect.map(manager.usage(agent), ({ slots = 0 }) => slots))
  const { fairness } = yield* manager.poolStatistics("slots")
  yield* Fiber.interruptAll(fibers.flat())
  return { held: Object.fromEntries(agents.map((agent, at) => [agent, held[at]])), fairness }
}).pipe(
  Effect.provide(
    ResourceManager.layer({ pools: { slots: { capacity: 24 } } }).pipe(Layer.provide(Order.layer({ fairShare: true })))
  )
)

/** One GPU: whose turn it is after somebody had it all night. */
const afterTheNight = Effect.gen(function* () {
  const manager = yield* ResourceManager
  for (let job = 0; job < 8; job++) yield* manager.withLease("night", { gpu: 1 })(Effect.sleep("1 minute"))
  yield* Effect.sleep("2 hours")
  const turns: Array<string> = []
  const day = manager.lease("somebody", { gpu: 1 })
  const queued = Effect.forEach(["night", "day", "night", "day", "night", "day"], (agent) =>
    Effect.forkChild(manager.withLease(agent, { gpu: 1 })(Effect.sync(() => turns.push(agent))), {
      startImmediately: true
    })
  )
  const fibers = yield* Effect.scoped(Effect.andThen(day, queued))
  yield* Fiber.joinAll(fibers)
  return turns
})

// #region halfLife
const fading = Order.layer({ fairShare: { by: "served", halfLife: "1 hour" } })
// #endregion halfLife
const gpu = ResourceManager.layer({ pools: { gpu: { capacity: 1 } } })

const program = Effect.gen(function* () {
  // The example of the paper: two thirds of the memory for one, two thirds of the processors for the other.
  const equal = yield* running(1)
  yield* Console.log(`of equal weight: ${JSON.stringify(equal)}`)
  assert.deepEqual(equal, { analysts: 3, engineers: 2 })

  // Who weighs four times as much gets more of what is short.
  const weighted = yield* running(4)
  yield* Console.log(`analysts weigh 4: ${JSON.stringify(weighted)}`)
  assert.deepEqual(weighted, { analysts: 4, engineers: 1 })

  // Two of four parts for research, one for product, one for frank, who is in no group: whoever is in a group shares its part.
  const { fairness, held } = yield* amongGroups
  yield* Console.log(`among groups: ${JSON.stringify(held)}, Jain's index ${fairness?.toFixed(2)}`)
  assert.deepEqual(held, { alice: 6, bob: 6, carol: 2, dave: 2, erin: 2, frank: 6 })
  assert.equal(fairness, 1)
})

const hours = Effect.gen(function* () {
  // Eight turns two hours ago count as two now.
  const turns = yield* afterTheNight.pipe(Effect.provide(gpu.pipe(Layer.provide(fading))))
  yield* Console.log(`after the night: ${turns.join(", ")}`)
  assert.deepEqual(turns.slice(0, 3), ["day", "day", "night"])
})

NodeRuntime.runMain(Effect.andThen(inVirtualTime(program), inVirtualTime(hours, "1 second")))
