/** Transfers between accounts: two that cross are told at once, and one does it again in order. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager, ResourceType } from "@resource-manager/core"
import { Console, Effect, Latch } from "effect"

// #region program
const alice = ResourceType.exclusive("account-alice")
const bob = ResourceType.exclusive("account-bob")

const balances = new Map([
  [alice.name, 100],
  [bob.name, 100]
])

interface Transfer {
  readonly clerk: string
  readonly from: ResourceType.ExclusiveLock
  readonly to: ResourceType.ExclusiveLock
  readonly amount: number
}

/** Locks one account inside the other's lock. `between` runs where two transfers can cross. */
const transfer = (
  { amount, clerk, from, to }: Transfer,
  order: readonly [ResourceType.ExclusiveLock, ResourceType.ExclusiveLock],
  between: Effect.Effect<unknown> = Effect.void
) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const move = Effect.sync(() => {
      balances.set(from.name, balances.get(from.name)! - amount)
      balances.set(to.name, balances.get(to.name)! + amount)
    })
    yield* manager.withLease(
      clerk,
      order[0].hold
    )(Effect.andThen(between, manager.withLease(clerk, order[1].hold)(move)))
  })

/** Takes the locks as they come; where that crosses with another, gives back and takes them by name. */
const careful = (wanted: Transfer, between: Effect.Effect<unknown>) =>
  Effect.as(transfer(wanted, [wanted.from, wanted.to], between), "at once").pipe(
    Effect.catchTag("DeadlockDetected", (error) =>
      Effect.gen(function* () {
        yield* Console.log(error.message)
        yield* transfer(wanted, wanted.from.name < wanted.to.name ? [wanted.from, wanted.to] : [wanted.to, wanted.from])
        return "after a deadlock"
      })
    )
  )
// #endregion program

const program = Effect.gen(function* () {
  const bothHold = yield* Latch.make()
  let holding = 0
  const meet = Effect.suspend(() => (++holding === 2 ? bothHold.open : bothHold.await))
  const outcomes = yield* Effect.all(
    [
      careful({ clerk: "clerk-1", from: alice, to: bob, amount: 30 }, meet),
      careful({ clerk: "clerk-2", from: bob, to: alice, amount: 10 }, meet)
    ],
    { concurrency: "unbounded" }
  )
  yield* Console.log(`clerk-1: ${outcomes[0]}, clerk-2: ${outcomes[1]}`, balances)
  // One of them met the deadlock, and both transfers were made.
  assert.deepEqual(outcomes.toSorted(), ["after a deadlock", "at once"])
  assert.deepEqual([...balances.values()], [80, 120])

  // Taking the lock that one holds already would wait for itself: told as well.
  const manager = yield* ResourceManager
  const twice = yield* Effect.flip(
    manager.withLease("clerk-1", alice.hold)(manager.withLease("clerk-1", alice.hold)(Effect.void))
  )
  assert.equal(twice._tag, "DeadlockDetected")
})

const layer = ResourceManager.layer({ pools: { [alice.name]: alice.pool, [bob.name]: bob.pool } })

NodeRuntime.runMain(Effect.provide(program, layer))
