/** What a manager finds of the one before it on the same journal. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { Journal, type ResourceManagerOptions } from "../../src/index.ts"
import { crash, run, runHome } from "../support/durable.ts"
import { assertIdle, ten } from "../support/manager.ts"

const rated: ResourceManagerOptions = {
  pools: { cpu: { capacity: 10 }, calls: { capacity: 10, rate: { limit: 1, burst: 8 } } }
}

describe("a program that starts again", () => {
  it.effect("finds quotas, capacities, rates, levels and statistics; what its former process held is back", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      let left = store
      const before = yield* run(store, rated, (manager) =>
        Effect.gen(function* () {
          yield* manager.setQuota("a", "cpu", 7)
          yield* manager.setQuota("b", "cpu", 7)
          yield* manager.removeQuota("b", "cpu")
          yield* manager.setCapacity("cpu", 8)
          yield* manager.withLease("a", { cpu: 2, calls: 5 })(TestClock.adjust("500 millis"))
          yield* manager.acquire("a", { cpu: 6 })
          yield* Effect.forkChild(manager.acquire("b", { cpu: 4 }), { startImmediately: true })
          yield* Effect.exit(manager.acquire("a", { cpu: 3 }))
          const pools = yield* manager.pools
          left = crash(store)
          return pools
        })
      )
      assert.deepInclude({ ...before[1] }, { resourceType: "calls", tokens: 3 })
      yield* TestClock.adjust("2600 millis")
      yield* run(left, rated, (manager) =>
        Effect.gen(function* () {
          yield* assertIdle(manager)
          assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.some(7))
          assert.deepStrictEqual(yield* manager.quota("b", "cpu"), Option.none())
          const [cpu, calls] = yield* manager.pools
          assert.deepInclude({ ...cpu }, { capacity: 8, peak: 6, acquisitions: 2, waiting: 0 })
          assert.deepStrictEqual(cpu?.failures, { QuotaExceeded: 1, Interrupted: 1 })
          assert.deepInclude({ ...calls }, { acquisitions: 1, tokens: 6, peak: 5 })
          assert.deepInclude({ ...calls?.holds }, { count: 1, mean: 500 })
          // It is not stopped, as that one was in the end.
          yield* manager.withLease("a", { cpu: 8 })(Effect.void).pipe(Effect.flip)
          yield* manager.withLease("a", { cpu: 7 })(Effect.void)
        })
      )
    })
  )

  it.effect("goes on with ids and tokens, also after an orderly end", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const one = run(store, ten, (manager) =>
        Effect.scoped(Effect.map(manager.lease("a", { cpu: 1 }), ({ id, token }) => ({ id, token })))
      )
      let last = { id: 0, token: 0 }
      for (let start = 0; start < 4; start++) {
        const next = yield* one
        assert.isAbove(next.id, last.id)
        assert.isAbove(next.token, last.token)
        last = next
        // The end writes a snapshot, so that there is nothing to do again.
        assert.lengthOf(store.batches, 0)
      }
    })
  )

  it.effect("finds the same at every batch, whatever the last one was, and with snapshots in between", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const told: Array<readonly [left: Journal.MemoryStore, acquisitions: number, quota: number]> = []
      yield* run(
        store,
        ten,
        (manager) =>
          Effect.gen(function* () {
            for (let i = 1; i <= 30; i++) {
              yield* manager.withLease("a", { cpu: 1 + (i % 3) })(Effect.void)
              yield* manager.setQuota("a", "cpu", 10 + i)
              told.push([crash(store), i, 10 + i])
            }
          }),
        { snapshotEvery: 7 }
      )
      assert.isAbove(new Set(told.map(([left]) => left.snapshot)).size, 5)
      for (const [left, acquisitions, quota] of told) {
        yield* run(left, ten, (manager) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.some(quota))
            assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, acquisitions)
            yield* assertIdle(manager)
          })
        )
      }
    })
  )

  it.effect("takes wall time that goes back for no time", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      yield* TestClock.adjust("1 hour")
      yield* run(store, rated, (manager) => manager.withLease("a", { calls: 8 })(Effect.void))
      yield* TestClock.setTime(0)
      yield* run(store, rated, (manager) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 0)
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 3)
        })
      )
    })
  )
})

describe("the configuration of the next start", () => {
  const pool = (config: object): ResourceManagerOptions => ({
    pools: { cpu: { capacity: 10, max: 20, rate: { limit: 5 }, ...config } }
  })
  const set = (store: Journal.MemoryStore) =>
    run(store, pool({}), (manager) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "cpu", 3)
        yield* manager.setCapacity("cpu", 6)
        yield* manager.setRate("cpu", { limit: 50 })
      })
    )
  const read = (store: Journal.MemoryStore, options: ResourceManagerOptions) =>
    run(store, options, (manager) =>
      Effect.gen(function* () {
        yield* manager.withLease("a", { cpu: 3 })(Effect.void)
        yield* TestClock.adjust("100 millis")
        const { capacity, tokens } = yield* manager.poolStatistics("cpu")
        return { capacity, tokens }
      })
    )

  it.effect("leaves what was set live where it is what it was", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      yield* set(store)
      assert.deepStrictEqual(yield* read(store, pool({})), { capacity: 6, tokens: 6 })
      assert.deepStrictEqual(yield* read(store, pool({})), { capacity: 6, tokens: 6 })
    })
  )

  it.effect("holds where it changed, and only there", () =>
    Effect.gen(function* () {
      const capacity = Journal.makeStore()
      yield* set(capacity)
      // The rate that was set live stays: five tokens in 100 ms.
      assert.deepStrictEqual(yield* read(capacity, pool({ capacity: 12 })), { capacity: 12, tokens: 8 })
      const rate = Journal.makeStore()
      yield* set(rate)
      // The capacity that was set live stays: the burst is six.
      assert.deepStrictEqual(yield* read(rate, pool({ rate: { limit: 10 } })), { capacity: 6, tokens: 4 })
      const bounds = Journal.makeStore()
      yield* set(bounds)
      assert.strictEqual((yield* read(bounds, pool({ min: 8 }))).capacity, 10)
    })
  )

  it.effect("replaces a capacity that was lower for now, or that a plugin follows", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      yield* run(store, pool({}), (manager) => manager.setCapacity("cpu", 4, { max: 8 }))
      assert.strictEqual((yield* read(store, pool({}))).capacity, 10)
      const followed = Journal.makeStore()
      const type = { name: "disk", unit: "units", format: String }
      const start = (use: number | undefined) =>
        run(followed, {}, (manager) =>
          Effect.gen(function* () {
            yield* manager.register("plugin", type, { capacity: 10, followed: true })
            const found = (yield* manager.poolStatistics("disk")).capacity
            if (use !== undefined) yield* manager.setCapacity("disk", use)
            return found
          })
        )
      yield* start(4)
      assert.strictEqual(yield* start(undefined), 10)
    })
  )

  it.effect("may leave a pool out: it takes no claims, and is as it was when it is back", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      yield* run(store, ten, (manager) => manager.setQuota("a", "memory", 4))
      const cpuOnly: ResourceManagerOptions = { pools: { cpu: { capacity: 10 } } }
      for (let start = 0; start < 2; start++) {
        yield* run(store, cpuOnly, (manager) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(
              (yield* manager.pools).map((entry) => entry.resourceType),
              ["cpu"]
            )
            const error = yield* Effect.flip(manager.acquire("a", { memory: 1 }))
            assert.deepInclude({ ...error }, { _tag: "UnknownResourceType", known: ["cpu"] })
          })
        )
      }
      yield* run(store, ten, (manager) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* manager.quota("a", "memory"), Option.some(4))
          yield* manager.withLease("a", { cpu: 1, memory: 4 })(Effect.void)
        })
      )
    })
  )
})

describe("a home that starts again", () => {
  it.effect("keeps the leases and waiters that it answers for, in their order, and loses the others", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      let left = store
      const ids = yield* runHome(store, ten, (table, manager) =>
        Effect.gen(function* () {
          const kept = yield* table.claim("a", { cpu: 6 })
          const lost = yield* table.claim("b", { cpu: 2 })
          yield* manager.acquire("in this process", { cpu: 1 })
          const first = yield* table.claim("c", { cpu: 4 })
          const forgotten = yield* table.claim("d", { cpu: 4 })
          const second = yield* table.claim("e", { cpu: 4 })
          const inside = yield* table.claim("a", { memory: 3 }, { parent: kept.id })
          yield* table.committed
          left = crash(store)
          return {
            kept: kept.id,
            lost: lost.id,
            first: first.id,
            forgotten: forgotten.id,
            second: second.id,
            inside: inside.id
          }
        })
      )
      yield* runHome(left, ten, (table, manager) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* manager.leases).length, 4)
          yield* table.keepOnly(new Set([ids.kept, ids.first, ids.second, ids.inside]))
          yield* table.committed
          assert.deepStrictEqual(
            (yield* manager.leases).map((lease) => [lease.id, lease.agent, lease.parent]),
            [
              [ids.kept, "a", undefined],
              // What the lost ones gave back went to the first in line.
              [ids.first, "c", undefined],
              [ids.inside, "a", ids.kept]
            ]
          )
          assert.strictEqual(table.ticket(ids.forgotten)?.status, undefined)
          yield* table.settled(ids.first)
          const second = yield* Effect.forkChild(table.settled(ids.second), { startImmediately: true })
          assert.isTrue(yield* table.release(ids.kept))
          yield* Fiber.join(second)
          assert.isFalse(yield* table.release(ids.lost))
        })
      )
    })
  )

  it.effect("lets leases expire and waiters time out at the instants that they were told, also while nobody ran", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      let left = store
      const ids = yield* runHome(store, ten, (table) =>
        Effect.gen(function* () {
          const soon = yield* table.claim("a", { cpu: 4 }, { expiresAfter: "3 seconds" })
          const later = yield* table.claim("a", { cpu: 4 }, { expiresAfter: "10 seconds" })
          const waiter = yield* table.claim("b", { cpu: 6 }, { timeout: "4 seconds" })
          const hopeless = yield* table.claim("c", { cpu: 10 }, { timeout: "5 seconds" })
          yield* TestClock.adjust("1 second")
          yield* table.committed
          left = crash(store)
          return [soon.id, later.id, waiter.id, hopeless.id]
        })
      )
      const [soon, later, waiter, hopeless] = ids as [number, number, number, number]
      // Asleep from second 1 to second 6.
      yield* TestClock.adjust("5 seconds")
      yield* runHome(left, ten, (table, manager) =>
        Effect.gen(function* () {
          yield* table.keepOnly(new Set(ids))
          assert.strictEqual(table.ticket(soon)?.status, undefined)
          assert.strictEqual(table.ticket(later)?.status, "held")
          yield* table.settled(waiter)
          assert.strictEqual((yield* Effect.flip(table.settled(hopeless)))._tag, "ClaimTimedOut")
          const leases = yield* manager.leases
          assert.deepStrictEqual(
            leases.map(({ expiresInMillis, heldMillis, id }) => [id, heldMillis, expiresInMillis]),
            [
              [later, 6_000, 4_000],
              [waiter, 3_000, undefined]
            ]
          )
          yield* TestClock.adjust("4 seconds")
          assert.strictEqual((yield* manager.leases).length, 1)
        })
      )
    })
  )

  it.effect("finds its state and its notes, each once, through snapshots", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const seen: Array<unknown> = []
      for (let start = 0; start < 3; start++) {
        let left = store
        yield* runHome(
          store,
          ten,
          (table) =>
            Effect.gen(function* () {
              const { recovered } = table
              const state: ReadonlyArray<unknown> = (recovered?.state as ReadonlyArray<unknown> | undefined) ?? []
              assert.deepStrictEqual([...state, ...(recovered?.notes ?? [])], seen)
              yield* table.keepOnly(new Set())
              table.keeps(() => [...seen])
              for (let i = 0; i < 7; i++) {
                const ticket = yield* table.claim("a", { cpu: 1 })
                const note = { start, i, ticket: ticket.id }
                seen.push(note)
                table.note(note)
                yield* table.committed
                yield* table.release(ticket.id)
              }
              yield* table.committed
              left = crash(store)
            }),
          { snapshotEvery: 10 }
        )
        assert.isAbove(left.batches.length, 0)
        store.snapshot = left.snapshot
        store.batches = left.batches
      }
    })
  )

  it.effect("writes no snapshot over notes before it says what it keeps", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const start = runHome(
        store,
        ten,
        (table) =>
          Effect.gen(function* () {
            for (let i = 0; i < 20; i++) {
              table.note(i)
              yield* table.committed
            }
          }),
        { snapshotEvery: 5 }
      )
      yield* start
      yield* start
      const found = yield* runHome(store, ten, (table) => Effect.succeed(table.recovered?.notes.length))
      assert.strictEqual(found, 40)
    })
  )

  it.effect("keeps everything over an orderly end too, and is not stopped after a stop", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const id = yield* runHome(store, ten, (table) => Effect.map(table.claim("a", { cpu: 4 }), (ticket) => ticket.id))
      yield* runHome(store, ten, (table, manager) =>
        Effect.gen(function* () {
          assert.strictEqual(table.ticket(id)?.status, "held")
          yield* manager.stop
          assert.strictEqual((yield* Effect.flip(table.claim("b", { cpu: 1 })))._tag, "ManagerStopped")
        })
      )
      yield* runHome(store, ten, (table) =>
        Effect.gen(function* () {
          yield* table.keepOnly(new Set([id]))
          yield* table.claim("b", { cpu: 6 })
          assert.isTrue(yield* table.release(id))
        })
      )
    })
  )

  it.effect("can still be asked for the growths of a lease that it keeps", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      let left = store
      const ids = yield* runHome(store, ten, (table) =>
        Effect.gen(function* () {
          const lease = yield* table.claim("a", { cpu: 4 })
          const other = yield* table.claim("b", { cpu: 4 })
          const growth = yield* table.grow(lease.id, { cpu: 3 })
          yield* table.committed
          yield* table.release(other.id)
          yield* table.committed
          left = crash(store)
          return { lease: lease.id, growth: growth.id }
        })
      )
      for (const kept of [true, false]) {
        yield* runHome(crash(left), ten, (table) =>
          Effect.gen(function* () {
            yield* table.keepOnly(new Set(kept ? [ids.lease, ids.growth] : [ids.lease]))
            assert.deepStrictEqual(table.ticket(ids.lease)?.claim, { cpu: 7 })
            yield* table.giveUp(ids.growth)
            assert.deepStrictEqual(table.ticket(ids.lease)?.claim, { cpu: kept ? 4 : 7 })
          })
        )
      }
    })
  )
})

describe("a journal that cannot be trusted", () => {
  const written = Effect.gen(function* () {
    const store = Journal.makeStore()
    yield* runHome(store, ten, (table) =>
      Effect.gen(function* () {
        for (let i = 0; i < 3; i++) {
          const ticket = yield* table.claim("a", { cpu: 1 })
          yield* table.committed
          yield* table.release(ticket.id)
          yield* table.committed
        }
      }).pipe(Effect.tap(() => Effect.sync(() => Object.assign(left, crash(store)))))
    )
    return crash(left)
  })
  const left = Journal.makeStore()

  const refused = (change: (store: Journal.MemoryStore) => void) =>
    Effect.gen(function* () {
      const store = yield* written
      change(store)
      const copy = crash(store)
      const error = yield* Effect.flip(runHome(store, ten, () => Effect.void))
      assert.strictEqual(error._tag, "JournalCorrupt")
      assert.include(error.message, "move in memory and the files beside it aside")
      assert.deepStrictEqual(crash(store), copy, "it is left as it was found")
      return error.message
    })

  it.effect("is refused with what is wrong", () =>
    Effect.gen(function* () {
      const replace = (from: string, to: string) => (store: Journal.MemoryStore) => {
        const at = store.batches.findIndex((batch) => batch.includes(from))
        assert.isAtLeast(at, 0)
        store.batches[at] = store.batches[at]!.replace(from, to)
      }
      assert.include(yield* refused((store) => void store.batches.splice(1, 1)), "a claim that it never made: 1")
      assert.include(yield* refused((store) => void store.batches.splice(1, 2)), "skips from claim 1 to 2")
      assert.include(yield* refused((store) => void store.batches.push("garbage")), "not valid JSON")
      assert.include(yield* refused(replace('["x",', '["y",')), 'no event begins with "y"')
      assert.include(yield* refused(replace('[["cpu",1]]', '[["cpu",-1]]')), "Expected a value between 0")
      assert.include(yield* refused(replace('[["cpu",1]]', '[["gpu",1]]')), "never defined: gpu")
      assert.include(yield* refused(replace('["start",1]', '["start",2]')), "of a later version of this program")
      assert.include(yield* refused((store) => void (store.snapshot = "{}")), "Missing key")
      assert.include(yield* refused((store) => void store.batches.push('[0,-1,["z",0]]')), "the time goes back")
    })
  )

  it.effect("is refused where a snapshot contradicts itself", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      yield* runHome(store, ten, (table) =>
        Effect.gen(function* () {
          const outer = yield* table.claim("a", { cpu: 6 })
          yield* table.claim("b", { cpu: 6 })
          yield* table.claim("a", { memory: 3 }, { parent: outer.id })
          yield* table.claim("a", { memory: 9 }, { parent: outer.id, timeout: "1 second" })
        })
      )
      const snapshot = store.snapshot!
      const changes: ReadonlyArray<readonly [string, string, string]> = [
        ['"nextId":5', '"nextId":3', "is of the future"],
        ['"holders":[1]', '"holders":[2]', "is no lease"],
        ['"holders":[1]', '"holders":[]', "held by leases with waits"],
        ['"blocked":[1]', '"blocked":[]', "not counted as it is"],
        ['"holders":[1]', '"holders":[7]', "there is no claim 7"],
        ['"firstShort":2', '"firstShort":3', "does not wait for"],
        ['"parent":1', '"parent":2', "is no lease"],
        ['"agent":1', '"agent":5', "is of agent 5"],
        ['"count":1', '"count":2', "its cells"],
        ['"capacity":10', '"capacity":-1', "Expected a value between 0"],
        ['"acquisitions":1', '"acquisitions":1.5', "integer"]
      ]
      for (const [from, to, message] of changes) {
        assert.include(snapshot, from)
        const changed: Journal.MemoryStore = { snapshot: snapshot.replace(from, to), batches: [] }
        const error = yield* Effect.flip(runHome(changed, ten, () => Effect.void))
        assert.strictEqual(error._tag, "JournalCorrupt", `${from} to ${to}`)
        assert.include(error.message, message, `${from} to ${to}`)
      }
    })
  )
})
