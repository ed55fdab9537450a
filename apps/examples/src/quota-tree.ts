/** Two teams share a machine: each has its part, uses what the other leaves idle, and gets its own back. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { Console, type Duration, Effect, Fiber } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager

  // #region tree
  // What the organisation has is what its teams bring; what one does not use, the other may.
  yield* manager.setGroup("acme", { onQuota: "wait" })
  yield* manager.setGroup("research", {
    parent: "acme",
    // Two of its six are never lent: it can always start something small at once.
    limits: { cpu: { nominal: 6, lendingLimit: 4 } }
  })
  yield* manager.setGroup("web", { parent: "acme", limits: { cpu: { nominal: 4, borrowingLimit: 4 } } })
  yield* manager.assign("trainer", { group: "research" })
  yield* manager.assign("importer", { group: "web" })
  // #endregion tree

  const job = (agent: string, cpu: number, name: string, lasts: Duration.Input = "1 second") =>
    manager.withLease(agent, { cpu })(Effect.andThen(Effect.sleep(lasts), Effect.succeed(name)))

  // Research is idle: web uses its own four and four more.
  const imports = yield* Effect.forEach(["first", "second"], (name) =>
    Effect.forkChild(job("importer", 4, name, "5 seconds"))
  )
  yield* Effect.sleep("100 millis")
  yield* Console.log(yield* picture(manager))

  // A third import waits, for web may borrow no more; research still has what it never lends.
  const third = yield* Effect.forkChild(job("importer", 1, "third"))
  assert.equal(yield* job("trainer", 2, "small"), "small")

  // #region reclaim
  // What is its own and lent it waits for, and has before those who would borrow it again.
  const training = yield* Effect.forkChild(job("trainer", 6, "training"))
  yield* Effect.sleep("100 millis")
  const [wait] = yield* manager.explain("trainer")
  // #endregion reclaim
  assert.equal(wait?.reasons[0]?.quota?.entitled, true)
  yield* Console.log(wait.reasons[0].message)
  yield* Console.log(yield* picture(manager))
  assert.deepEqual(yield* Effect.forEach(imports, Fiber.join), ["first", "second"])
  assert.equal(yield* Fiber.join(training), "training")
  assert.equal(yield* Fiber.join(third), "third")

  // #region refused
  const refused = yield* Effect.flip(manager.tryLease("importer", { cpu: 9 }))
  assert.equal(refused._tag, "QuotaExceeded")
  yield* Console.log(refused.message)
  // #endregion refused
})

/** What each group uses, borrows and lends. */
const picture = (manager: ResourceManager["Service"]) =>
  Effect.map(manager.groups, (groups) =>
    groups
      .map(({ group, types, waitingForQuota }) => {
        const { borrowed = 0, inUse = 0, lent = 0, quota = 0 } = types["cpu"] ?? {}
        return `${group.padEnd(9)} ${inUse} of ${quota} in use, borrows ${borrowed}, lends ${lent}, ${waitingForQuota} waiting`
      })
      .join("\n")
  )

program.pipe(
  Effect.scoped,
  Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } })),
  inVirtualTime,
  NodeRuntime.runMain
)
