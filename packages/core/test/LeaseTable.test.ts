/** Leases by id. The rules are the manager's; here is what homes need besides. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { LeaseTable, ResourceManager, type ResourceManagerOptions } from "../src/index.ts"
import { ten } from "./support/manager.ts"

const withTable = <A, E>(
  options: ResourceManagerOptions,
  test: (table: LeaseTable["Service"], manager: ResourceManager["Service"]) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    return yield* test(yield* LeaseTable, yield* ResourceManager)
  }).pipe(Effect.provide(Layer.fresh(ResourceManager.layerHome({ gracePeriod: 0, ...options }))))

const free = (manager: ResourceManager["Service"], type = "cpu") =>
  Effect.map(manager.poolStatistics(type), (pool) => pool.free)

describe("LeaseTable", () => {
  it.effect("grants, shrinks and releases by id, with tokens that grow", () =>
    withTable(ten, (table, manager) =>
      Effect.gen(function* () {
        const first = yield* table.claim("a", { cpu: 4, memory: 2 })
        const second = yield* table.claim("b", { cpu: 4 })
        assert.deepInclude([first.status, second.status], "held")
        assert.isAbove(second.token, first.token)
        assert.deepStrictEqual(first.claim, { cpu: 4, memory: 2 })
        yield* table.shrink(first.id, { cpu: 3 })
        assert.deepStrictEqual(table.ticket(first.id)?.claim, { cpu: 1, memory: 2 })
        assert.isTrue(yield* table.release(first.id))
        assert.isFalse(yield* table.release(first.id))
        assert.strictEqual(first.status, "returned")
        assert.isUndefined(table.ticket(first.id))
        assert.strictEqual(yield* free(manager), 6)
        assert.strictEqual((yield* Effect.flip(table.shrink(first.id, { memory: 1 })))._tag, "LeaseRevoked")
        assert.strictEqual((yield* Effect.flip(table.shrink(second.id, { cpu: 5 })))._tag, "InvalidClaim")
      })
    )
  )

  it.effect("settles waiters, also for several who ask and for one who asks late", () =>
    withTable(ten, (table) =>
      Effect.gen(function* () {
        const holder = yield* table.claim("a", { cpu: 8 })
        const waiter = yield* table.claim("b", { cpu: 8 })
        assert.deepStrictEqual([waiter.status, waiter.token], ["waiting", 0])
        const gone = yield* Effect.forkChild(table.settled(waiter.id))
        const stays = yield* Effect.forkChild(table.settled(waiter.id))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(gone)
        assert.strictEqual(waiter.status, "waiting")
        yield* table.release(holder.id)
        yield* Fiber.join(stays)
        yield* table.settled(waiter.id)
        assert.strictEqual(waiter.status, "held")
        const never = yield* Effect.flip(table.settled(999))
        assert.deepInclude({ ...never }, { _tag: "InvalidClaim", field: "ticket" })

        const late = yield* table.claim("c", { cpu: 8 }, { timeout: "1 second" })
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(late.status, "left")
        assert.strictEqual((yield* Effect.flip(table.settled(late.id)))._tag, "ClaimTimedOut")
      })
    )
  )

  it.effect("refuses what the manager refuses", () =>
    withTable({ ...ten, timeout: "1 minute" }, (table, manager) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "cpu", 3)
        assert.strictEqual((yield* Effect.flip(table.claim("a", { cpu: 4 })))._tag, "QuotaExceeded")
        assert.strictEqual((yield* Effect.flip(table.claim("b", { cpu: 11 })))._tag, "ResourceExhausted")
        assert.strictEqual((yield* Effect.flip(table.claim("", { cpu: 1 })))._tag, "InvalidClaim")
        assert.strictEqual(
          (yield* Effect.flip(table.claim("b", { cpu: 1 }, { timeout: "no" as never })))._tag,
          "InvalidClaim"
        )
        yield* table.claim("b", { cpu: 10 })
        const refused = yield* Effect.flip(table.claim("c", { cpu: 1 }, { wait: false }))
        assert.deepInclude({ ...refused }, { _tag: "ResourceExhausted", reason: "unavailable" })
      })
    )
  )

  it.effect("knows nesting by id: a child that can never be served is a deadlock", () =>
    withTable(ten, (table) =>
      Effect.gen(function* () {
        const outer = yield* table.claim("a", { cpu: 6 })
        const inner = yield* table.claim("a", { cpu: 2 }, { parent: outer.id })
        assert.strictEqual(inner.parent, outer.id)
        const closed = yield* Effect.flip(table.claim("a", { cpu: 5 }, { parent: inner.id }))
        assert.strictEqual(closed._tag, "DeadlockDetected")
        // What is not held is nobody's parent.
        assert.isUndefined((yield* table.claim("a", { memory: 1 }, { parent: 12_345 })).parent)
        yield* table.release(outer.id)
        assert.isUndefined(inner.parent)
      })
    )
  )

  it.effect("grows leases; a growth that waited can be given up until it is settled", () =>
    withTable(ten, (table, manager) =>
      Effect.gen(function* () {
        const lease = yield* table.claim("a", { cpu: 4 })
        const other = yield* table.claim("b", { cpu: 4 })
        const atOnce = yield* table.grow(lease.id, { cpu: 1 })
        assert.strictEqual(atOnce.status, "held")
        yield* table.giveUp(atOnce.id)
        assert.deepStrictEqual(lease.claim, { cpu: 5 }, "told already")

        const first = yield* table.grow(lease.id, { cpu: 3 })
        assert.strictEqual(first.status, "waiting")
        yield* table.giveUp(first.id)
        assert.strictEqual(first.status, "left")
        const second = yield* table.grow(lease.id, { cpu: 3 })
        yield* table.release(other.id)
        assert.deepStrictEqual(lease.claim, { cpu: 8 })
        yield* table.giveUp(second.id)
        assert.deepStrictEqual(lease.claim, { cpu: 5 }, "granted, but not told")
        const third = yield* table.grow(lease.id, { memory: 3 })
        assert.strictEqual(third.status, "held")
        assert.deepStrictEqual(lease.claim, { cpu: 5, memory: 3 })
        yield* table.release(lease.id)
        assert.strictEqual(third.status, "returned")
        assert.strictEqual(yield* free(manager), 10)
        assert.strictEqual((yield* Effect.flip(table.grow(lease.id, { cpu: 1 })))._tag, "LeaseRevoked")
      })
    )
  )

  it.effect("gives up what nobody uses, tokens included", () =>
    withTable({ pools: { calls: { capacity: 10, rate: { limit: 1, burst: 4 } } } }, (table, manager) =>
      Effect.gen(function* () {
        const ticket = yield* table.claim("a", { calls: 4 })
        yield* table.giveUp(ticket.id)
        assert.deepInclude({ ...(yield* manager.poolStatistics("calls")) }, { inUse: 0, tokens: 4, acquisitions: 0 })
        yield* table.giveUp(ticket.id)
        yield* table.giveUp(12_345)
      })
    )
  )

  it.effect("tells of leases that came back otherwise than by release", () =>
    Effect.scoped(
      withTable(ten, (table, manager) =>
        Effect.scoped(
          Effect.gen(function* () {
            const told: Array<readonly [number, string]> = []
            yield* table.onReturned((lease, reason) => told.push([lease, reason]))
            const released = yield* table.claim("a", { cpu: 1 })
            const expiring = yield* table.claim("a", { cpu: 1 }, { expiresAfter: "1 second" })
            const revoked = yield* table.claim("a", { cpu: 1 })
            const lost = yield* table.claim("a", { cpu: 1 })
            const manual = yield* table.claim("a", { cpu: 1 }, { manual: true })
            const undone = yield* table.claim("a", { cpu: 1 })
            yield* table.release(released.id)
            yield* table.giveUp(undone.id)
            yield* TestClock.adjust("1 second")
            assert.isTrue(yield* table.revoke(revoked.id, "revoked"))
            assert.isFalse(yield* table.revoke(revoked.id, "revoked"))
            yield* table.revoke(lost.id, "lost")
            yield* table.releaseManual("a", { cpu: 1 })
            yield* TestClock.adjust(0)
            assert.deepStrictEqual(told, [
              [expiring.id, "expired"],
              [revoked.id, "revoked"],
              [lost.id, "lost"],
              [manual.id, "released"]
            ])
            assert.strictEqual((yield* Effect.flip(table.releaseManual("a", { cpu: 1 })))._tag, "ResourceNotAcquired")
            assert.strictEqual(yield* free(manager), 10)
          })
        )
      )
    )
  )

  it.effect("revokes the leases of programs in this process too, which are told why", () =>
    withTable(ten, (table, manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* manager.lease("a", { cpu: 2 })
          const body = yield* Effect.forkChild(Effect.flip(lease.guard(Effect.never)))
          yield* Effect.yieldNow
          yield* table.revoke(lease.id, "revoked")
          const error = yield* Fiber.join(body)
          assert.strictEqual(error.message, `lease ${lease.id} of a was revoked by an administrator`)
          assert.strictEqual(error.reason, "revoked")
        })
      )
    )
  )

  it.effect("streams every event to several readers, and says how many a slow one missed", () =>
    withTable(ten, (table) =>
      Effect.gen(function* () {
        const some = yield* Effect.forkChild(Stream.runCollect(Stream.take(table.events, 4)))
        const tags = yield* Effect.forkChild(
          Stream.runCollect(Stream.map(Stream.take(table.events, 3), (event) => event._tag))
        )
        yield* Effect.yieldNow
        const held = yield* table.claim("a", { cpu: 10 })
        const waiter = yield* table.claim("b", { cpu: 10 })
        yield* table.release(held.id)
        assert.deepStrictEqual(yield* Fiber.join(tags), ["GrantedAtOnce", "Queued", "Returned"])
        assert.deepInclude((yield* Fiber.join(some))[3], { _tag: "Granted", id: waiter.id })
        yield* table.release(waiter.id)

        const gate = yield* Deferred.make<void>()
        const slow = yield* Effect.forkChild(
          table.events.pipe(
            Stream.tap(() => Deferred.await(gate)),
            Stream.takeUntil((event) => event._tag === "Dropped"),
            Stream.runCollect
          )
        )
        yield* Effect.yieldNow
        for (let i = 0; i < 6_000; i++) yield* table.release((yield* table.claim("a", { cpu: 1 })).id)
        yield* Deferred.succeed(gate, undefined)
        const seen = yield* Fiber.join(slow)
        const last = seen.at(-1)
        assert.strictEqual(last?._tag === "Dropped" ? seen.length - 1 + last.count : 0, 12_000)
      })
    )
  )
})
