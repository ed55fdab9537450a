/** The manager for programs without Effect. Real promises, and never a wait for time. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { expect } from "vitest"
import {
  Errors,
  fromLayerUnsafe,
  makeUnsafe,
  Plugin,
  ResourceManager,
  ResourceType,
  type UnsafeManager
} from "../src/index.ts"
import * as Layer from "effect/Layer"

const ten = { pools: { cpu: { capacity: 10 } }, gracePeriod: 0 }

/** What a promise rejects with, listened for from now on. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("it was fulfilled"),
    (error: unknown) => error
  )

/** A promise to settle from outside. */
const gate = () => Promise.withResolvers<void>()

const inUse = async (manager: UnsafeManager) => (await manager.poolStatistics("cpu")).inUse

/** Until as many claims of the agent wait: each look is a turn of the event loop. */
const waiting = async (manager: UnsafeManager, agent: string, count: number) => {
  while ((await manager.explain(agent)).length < count);
}

describe("makeUnsafe", () => {
  const managers: Array<UnsafeManager> = []
  const make = () => {
    const manager = makeUnsafe(ten)
    managers.push(manager)
    return manager
  }
  afterEach(async () => {
    await Promise.all(managers.splice(0).map((manager) => manager.stop()))
  })

  it("runs a body inside a lease, and gives back whatever happens", async () => {
    const manager = make()
    assert.strictEqual(await manager.withLease("a", { cpu: 4 }, () => inUse(manager)), 4)
    assert.strictEqual(await manager.withLease("a", { cpu: 4 }, () => "not a promise"), "not a promise")
    const failure = new Error("of the body")
    await expect(manager.withLease("a", { cpu: 4 }, () => Promise.reject(failure))).rejects.toBe(failure)
    await expect(
      manager.withLease("a", { cpu: 4 }, () => {
        throw failure
      })
    ).rejects.toBe(failure)
    assert.strictEqual(await inUse(manager), 0)
  })

  it("rejects with the typed errors", async () => {
    const manager = make()
    assert.instanceOf(await rejection(manager.lease("a", { cpu: 11 })), Errors.ResourceExhausted)
    assert.instanceOf(await rejection(manager.lease("a", { gpu: 1 })), Errors.UnknownResourceType)
    await manager.setQuota("a", "cpu", 2)
    assert.instanceOf(await rejection(manager.withLease("a", { cpu: 3 }, () => 1)), Errors.QuotaExceeded)
    assert.instanceOf(await rejection(manager.lease("a", { cpu: 1 }, { timeout: -1 })), Errors.InvalidClaim)
    assert.instanceOf(await rejection(manager.setCapacity("cpu", -1)), Errors.InvalidCapacity)
    assert.instanceOf(
      await rejection(makeUnsafe({ pools: { cpu: { capacity: -1 } } }).usage("a")),
      Errors.InvalidCapacity
    )
  })

  it("hands out leases to release by hand, or by `await using`", async () => {
    const manager = make()
    {
      await using lease = await manager.lease("a", { cpu: 4 })
      await lease.grow({ cpu: 2 })
      await lease.shrink({ cpu: 1 })
      assert.deepStrictEqual(lease.claim, { cpu: 5 })
      assert.deepStrictEqual(await manager.usage("a"), { cpu: 5 })
    }
    assert.strictEqual(await inUse(manager), 0)
    const held = await manager.tryLease("a", { cpu: 10 })
    assert.isDefined(held)
    assert.isUndefined(await manager.tryLease("b", { cpu: 1 }))
    assert.isFalse((await manager.check("b", { cpu: 1 })).granted)
    await Promise.all([held?.release(), held?.release()])
    assert.strictEqual(await inUse(manager), 0)
  })

  it("an aborted wait leaves its place", async () => {
    const manager = make()
    const held = await manager.lease("holder", { cpu: 10 })
    const controller = new AbortController()
    const first = manager.lease("first", { cpu: 10 }, { signal: controller.signal })
    const rejected = rejection(first)
    await waiting(manager, "first", 1)
    const second = manager.withLease("second", { cpu: 10 }, () => "served")
    await waiting(manager, "second", 1)
    const reason = new Error("no longer wanted")
    controller.abort(reason)
    assert.strictEqual(await rejected, reason)
    await held.release()
    assert.strictEqual(await second, "served")
    assert.strictEqual(await inUse(manager), 0)
  })

  it("a signal that has struck before takes nothing", async () => {
    const manager = make()
    const signal = AbortSignal.abort("too late")
    assert.strictEqual(await rejection(manager.lease("a", { cpu: 1 }, { signal })), "too late")
    assert.strictEqual(await rejection(manager.withLease("a", { cpu: 1 }, () => 1, { signal })), "too late")
    assert.strictEqual(await inUse(manager), 0)
  })

  it("a signal that strikes in any turn around the grant leaves no lease to nobody", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const manager = make()
      const held = await manager.lease("holder", { cpu: 10 })
      const controller = new AbortController()
      const lease = manager.lease("a", { cpu: 10 }, { signal: controller.signal }).catch(() => undefined)
      await waiting(manager, "a", 1)
      const released = held.release()
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await released
      const received = await lease
      await received?.release()
      assert.strictEqual(await inUse(manager), 0, `after ${turns} turns`)
    }
  })

  it("a lease with an expiry is taken back, and the call rejects", async () => {
    const manager = make()
    const body = gate()
    const call = manager.withLease("a", { cpu: 10 }, () => body.promise, { expiresAfter: 1 })
    assert.instanceOf(await rejection(call), Errors.LeaseRevoked)
    assert.strictEqual(await inUse(manager), 0)
    body.resolve()
  })

  it("stop refuses, and fails who waits; a second stop is nothing", async () => {
    const manager = makeUnsafe(ten)
    const held = await manager.lease("holder", { cpu: 10 })
    const refused = rejection(manager.lease("a", { cpu: 1 }))
    await waiting(manager, "a", 1)
    await manager.stop()
    assert.instanceOf(await refused, Errors.ManagerStopped)
    await manager.stop()
    await manager[Symbol.asyncDispose]()
    assert.instanceOf(await rejection(manager.lease("a", { cpu: 1 })), Errors.ManagerStopped)
    await held.release().catch(() => undefined)
    // One that was never used stops as well.
    await makeUnsafe(ten).stop()
  })

  it("stop lets a body end in the grace period, and its lease come back", async () => {
    const manager = makeUnsafe({ ...ten, gracePeriod: "1 minute" })
    const body = gate()
    const call = manager.withLease("a", { cpu: 10 }, () => body.promise.then(() => "ended"))
    while ((await inUse(manager)) === 0);
    const stopped = manager.stop()
    assert.instanceOf(await rejection(manager.lease("b", { cpu: 1 })), Errors.ManagerStopped)
    assert.strictEqual(await inUse(manager), 10)
    body.resolve()
    assert.strictEqual(await call, "ended")
    await stopped
    assert.strictEqual(await inUse(manager), 0)
  })

  it("over any layer: plugins included", async () => {
    const gpu = ResourceType.make("gpu", { unit: "devices" })
    const plugin = Plugin.layer({ name: "@acme/gpu", pools: [{ type: gpu, capacity: 2 }] })
    await using manager = fromLayerUnsafe(plugin.pipe(Layer.provideMerge(ResourceManager.layer(ten))))
    const used = await manager.withLease("a", { gpu: 2, cpu: 1 }, () => manager.usage("a"))
    assert.deepStrictEqual(used, { gpu: 2, cpu: 1 })
  })
})
