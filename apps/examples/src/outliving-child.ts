/** Work that outlives the lease that it was started in: it stands outside of that lease, and must say so. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Lease, ResourceManager } from "@resource-manager/core"
import { Console, Effect, Fiber } from "effect"

// #region program
/** Stores an order under the only connection, and leaves the confirmation to a fiber that goes on after it. */
const order = (mail: (confirmation: Effect.Effect<void>) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const confirmation = mail(
      Effect.orDie(manager.withLease("mailer", { connection: 1 })(Console.log("confirmation sent")))
    )
    return yield* manager.withLease("shop", { connection: 1 })(
      // The body does not wait for the child: it ends, and its lease comes back, while the child still waits.
      Effect.forkDetach(Effect.exit(confirmation), { startImmediately: true })
    )
  })

/** Unsaid, the child's wait counts as inside of the lease, and the detector takes it for a deadlock. */
const unsaid = order((confirmation) => confirmation)

/** Said, it waits like anybody else. */
const said = order((confirmation) => Lease.detached(confirmation))
// #endregion program

const program = Effect.gen(function* () {
  const refused = yield* Fiber.join(yield* unsaid)
  assert(refused._tag === "Failure")
  assert(String(refused.cause).includes("deadlock: mailer asked for connection"))
  const sent = yield* Fiber.join(yield* said)
  assert.equal(sent._tag, "Success")
})

NodeRuntime.runMain(Effect.provide(program, ResourceManager.layer({ pools: { connection: { capacity: 1 } } })))
