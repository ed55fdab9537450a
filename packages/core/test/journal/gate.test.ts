/** Nothing is told before it is in the journal. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { Journal, ResourceManager } from "../../src/index.ts"
import { crash, run, runHome } from "../support/durable.ts"
import { ten } from "../support/manager.ts"

/** What was told when each batch was written. */
const witness = () => {
  const told: Array<string> = []
  const atWrite: Array<ReadonlyArray<string>> = []
  return { told, atWrite, options: { onWrite: () => void atWrite.push([...told]) } }
}

const has = (store: Journal.MemoryStore, text: string) => store.batches.some((batch) => batch.includes(text))

describe("a manager on a journal", () => {
  it.effect("begins no body, tells no refusal and no figure before the commit", () => {
    const store = Journal.makeStore()
    const { atWrite, options, told } = witness()
    return run(
      store,
      ten,
      (manager) =>
        Effect.gen(function* () {
          const tell = (what: string) => Effect.sync(() => void told.push(what))
          const before = atWrite.length
          yield* Effect.all(
            [
              manager.withLease("a", { cpu: 3 })(tell("body")),
              Effect.scoped(Effect.andThen(manager.lease("b", { cpu: 3 }), tell("lease"))),
              Effect.scoped(Effect.andThen(manager.tryLease("b", { cpu: 3 }), tell("try"))),
              Effect.andThen(manager.acquire("c", { memory: 3 }), tell("manual")),
              Effect.andThen(Effect.exit(manager.withLease("d", { cpu: 11 })(Effect.void)), tell("refusal")),
              Effect.andThen(manager.setQuota("e", "cpu", 3), tell("quota")),
              Effect.andThen(manager.usage("a"), tell("usage")),
              Effect.andThen(manager.pools, tell("pools"))
            ],
            { concurrency: "unbounded" }
          )
          // All of them were decided in one turn: one batch, and none of them was told before it.
          assert.deepStrictEqual(atWrite[before], [])
          assert.deepStrictEqual(
            told.toSorted(),
            ["body", "lease", "manual", "pools", "quota", "refusal", "try", "usage"],
            "and all of them after it"
          )
          const first = store.batches[before]!
          assert.deepStrictEqual(
            JSON.parse(first)
              .slice(2)
              .map(([letter]: [string]) => letter),
            ["g", "g", "g", "g", "n", "q"]
          )
        }),
      options
    )
  })

  it.effect("resumes a waiter only once its grant is written", () => {
    const store = Journal.makeStore()
    const { atWrite, options, told } = witness()
    return run(
      store,
      ten,
      (manager) =>
        Effect.gen(function* () {
          yield* manager.acquire("a", { cpu: 8 })
          const waiter = yield* Effect.forkChild(
            manager.withLease("b", { cpu: 8 })(
              Effect.sync(() => {
                told.push("served")
                assert.isTrue(has(store, '["G",'))
              })
            ),
            { startImmediately: true }
          )
          yield* manager.usage("b")
          assert.isTrue(has(store, '["w",'))
          yield* manager.release("a", { cpu: 8 })
          assert.deepStrictEqual(told, [])
          yield* Fiber.join(waiter)
          assert.deepStrictEqual(told, ["served"])
          assert.isFalse(atWrite.at(-1)?.includes("served"))
        }),
      options
    )
  })

  it.effect("gives a grant back whose caller is interrupted while it waits for the commit", () => {
    const store = Journal.makeStore()
    const pools = { pools: { calls: { capacity: 10, rate: { limit: 1, burst: 4 } } } }
    return run(store, pools, (manager) =>
      Effect.gen(function* () {
        const scope = Effect.scoped(Effect.andThen(manager.lease("b", { calls: 1 }), Effect.die("it was told")))
        const claims = [
          manager.withLease("a", { calls: 1 })(Effect.die("it began")),
          scope,
          Effect.scoped(Effect.andThen(manager.tryLease("c", { calls: 1 }), Effect.die("it was told"))),
          Effect.andThen(manager.acquire("d", { calls: 1 }), Effect.die("it was told"))
        ]
        for (const claim of claims) {
          const fiber = yield* Effect.forkChild(claim, { startImmediately: true })
          const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
          assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        }
        const pool = yield* manager.poolStatistics("calls")
        assert.deepInclude({ ...pool }, { inUse: 0, tokens: 4, acquisitions: 0 })
        assert.strictEqual(store.batches.join().match(/\["u",/g)?.length, 4)
      })
    )
  })

  it.effect("writes what one turn decides as one batch, notes with it", () => {
    const store = Journal.makeStore()
    return runHome(store, ten, (table) =>
      Effect.gen(function* () {
        yield* table.committed
        const before = store.batches.length
        for (let i = 0; i < 5; i++) {
          const ticket = yield* table.claim("a", { cpu: 1 })
          table.note({ ticket: ticket.id })
        }
        assert.strictEqual(store.batches.length, before, "nothing is written inside the turn")
        yield* table.committed
        assert.strictEqual(store.batches.length, before + 1)
        assert.lengthOf(JSON.parse(store.batches.at(-1)!), 2 + 10)
        assert.throws(() => table.note({ count: 1n }), TypeError)
        assert.throws(() => table.note(undefined), TypeError)
      })
    )
  })

  it.effect("tells listeners and streams after the commit", () => {
    const store = Journal.makeStore()
    return runHome(store, ten, (table) =>
      Effect.scoped(
        Effect.gen(function* () {
          const seen: Array<boolean> = []
          yield* table.onReturned(() => seen.push(has(store, '"revoked"]')))
          const ticket = yield* table.claim("a", { cpu: 1 })
          yield* table.revoke(ticket.id, "revoked")
          assert.deepStrictEqual(seen, [])
          yield* table.committed
          assert.deepStrictEqual(seen, [true])
        })
      )
    )
  })

  it.effect("is used by one manager alone", () =>
    Effect.gen(function* () {
      const shared = Layer.succeed(Journal.Journal, Journal.makeMemory(Journal.makeStore()))
      const build = Effect.provide(Effect.void, Layer.fresh(ResourceManager.layer().pipe(Layer.provide(shared))))
      yield* build
      const exit = yield* Effect.exit(build)
      assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), "has a manager already")
    })
  )
})

describe("a manager that cannot be built", () => {
  it.effect("writes nothing", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const error = yield* Effect.flip(
        run(store, { pools: { cpu: { capacity: 1 }, no: { capacity: -1 } } }, () => Effect.void)
      )
      assert.strictEqual(error._tag, "InvalidCapacity")
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(store, Journal.makeStore())
    })
  )
})

describe("a journal that fails", () => {
  const failing = () => {
    const state = { broken: false, written: 0 }
    return {
      state,
      options: {
        onWrite: () => {
          if (state.broken) throw new Error("database or disk is full")
          state.written++
        }
      }
    }
  }

  it.effect("ends the manager: nobody is told anything but that, and why", () => {
    const store = Journal.makeStore()
    const { options, state } = failing()
    return run(
      store,
      ten,
      (manager) =>
        Effect.gen(function* () {
          yield* manager.setQuota("a", "cpu", 9)
          const holder = yield* Effect.forkChild(manager.withLease("a", { cpu: 8 })(Effect.never))
          yield* manager.usage("a")
          const waiter = yield* Effect.forkChild(Effect.flip(manager.withLease("b", { cpu: 8 })(Effect.void)))
          yield* manager.waiters
          const left = crash(store)
          state.broken = true
          const begun = yield* Effect.forkChild(
            Effect.flip(manager.withLease("c", { cpu: 1 })(Effect.die("it was told of what is in no journal")))
          )
          const quota = yield* Effect.forkChild(Effect.exit(manager.setQuota("b", "cpu", 1)))
          for (const error of [yield* Fiber.join(waiter), yield* Fiber.join(begun)]) {
            assert.strictEqual(error._tag, "ManagerStopped")
            assert.include(error.message, "the journal in memory could not be written: database or disk is full")
          }
          const exit = yield* Fiber.join(quota)
          const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.instanceOf(defect, Journal.JournalFailed)
          assert.strictEqual((yield* Effect.flip(manager.acquire("d", { cpu: 1 })))._tag, "ManagerStopped")
          assert.isTrue(Exit.isFailure(yield* Effect.exit(manager.pools)))
          state.broken = false
          yield* Fiber.interrupt(holder)
          assert.deepStrictEqual(crash(store), left, "a journal that failed is not written again")
        }),
      options
    )
  })

  it.effect("tells the home, and is refused where it fails as the manager starts", () =>
    Effect.gen(function* () {
      const { options, state } = failing()
      yield* runHome(
        Journal.makeStore(),
        ten,
        (table) =>
          Effect.gen(function* () {
            const told = yield* Effect.forkChild(table.failed, { startImmediately: true })
            const ticket = yield* table.claim("a", { cpu: 8 })
            const waiter = yield* table.claim("b", { cpu: 8 })
            yield* table.committed
            state.broken = true
            yield* table.release(ticket.id)
            const error = yield* Effect.flip(table.settled(waiter.id))
            assert.strictEqual(error._tag, "ManagerStopped")
            assert.strictEqual((yield* Fiber.join(told)).reason, "database or disk is full")
            assert.strictEqual((yield* table.failed)._tag, "JournalFailed")
            assert.isTrue(Exit.isFailure(yield* Effect.exit(table.committed)))
          }),
        options
      )
      const error = yield* Effect.flip(run(Journal.makeStore(), ten, () => Effect.void, options))
      assert.strictEqual(error._tag, "JournalFailed")
    })
  )

  it.effect("loses nothing that was told: the next start has it", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const { options, state } = failing()
      yield* run(
        store,
        ten,
        (manager) =>
          Effect.gen(function* () {
            yield* manager.setQuota("a", "cpu", 7)
            state.broken = true
            yield* Effect.exit(manager.setQuota("a", "cpu", 5))
          }),
        options
      )
      yield* run(store, ten, (manager) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.some(7))
          yield* TestClock.adjust("1 second")
        })
      )
    })
  )
})
