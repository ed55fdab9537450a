/**
 * A client that is interrupted while it asks, at every step of it: nothing stays behind
 * on the daemon, neither a lease nor a claim that waits.
 */
import { assert, describe, it } from "@effect/vitest"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { connect, startDaemon, tens, until } from "./support/daemon.ts"

type Manager = ResourceManager["Service"]

const ways: ReadonlyArray<readonly [string, (manager: Manager) => Effect.Effect<unknown, unknown, Scope.Scope>]> = [
  ["withLease, with a body that never ends", (manager) => manager.withLease("a", { cpu: 1 })(Effect.never)],
  ["withLease, with a body that ends", (manager) => manager.withLease("a", { cpu: 1 })(Effect.void)],
  ["lease, in a scope", (manager) => Effect.scoped(Effect.andThen(manager.lease("a", { cpu: 1 }), Effect.never))],
  ["tryLease, in a scope", (manager) => Effect.scoped(manager.tryLease("a", { cpu: 1 }))]
]

/** The event loop, which carries what the two say to each other, goes on by one turn. */
const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const turns = (count: number) => Effect.replicateEffect(turn, count, { discard: true })

/** More than a claim and its return take. */
const stepsMax = 24

describe("a client that is interrupted after so many turns of the event loop", () => {
  for (const isBusy of [false, true]) {
    it.live.each(ways)(
      `${isBusy ? "while it waits, and is granted meanwhile" : "while it is granted"}: %s`,
      ([, way]) =>
        Effect.scoped(
          Effect.gen(function* () {
            const daemon = yield* startDaemon({}, tens)
            const { manager } = yield* connect(daemon.address)
            let ended = 0
            for (let step = 0; step <= stepsMax; step++) {
              const holder = isBusy ? yield* daemon.manager.lease("holder", { cpu: 10 }) : undefined
              const fiber = yield* Effect.forkChild(way(manager), { startImmediately: true })
              yield* turns(isBusy ? step >> 1 : step)
              if (holder !== undefined) {
                yield* holder.release
                yield* turns(step - (step >> 1))
              }
              if (fiber.pollUnsafe() !== undefined) ended++
              yield* Fiber.interrupt(fiber)
              yield* until(
                "all is back",
                daemon.manager.poolStatistics("cpu"),
                ({ inUse, waiting }) => inUse + waiting === 0
              )
            }
            assert.isBelow(ended, stepsMax)
            // The link is as good as before, and knows of nothing that it holds.
            assert.strictEqual(yield* manager.withLease("a", { cpu: 10 })(Effect.succeed("served")), "served")
          })
        )
    )
  }
})
