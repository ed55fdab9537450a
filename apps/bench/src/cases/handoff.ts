/** Units that go from holder to waiter, with many parked. */
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import * as Semaphore from "effect/Semaphore"
import {
  effectChain,
  type EffectGuard,
  promiseChain,
  repeated,
  verifyEffectGuard,
  verifyPromiseGuard
} from "../guards.ts"
import type { BenchCase } from "../harness.ts"
import { agents, startManager } from "../manager.ts"
import { bottleneckGuard, promiseGuards } from "../promiseGuards.ts"

const names = [...agents, "holder"]

const chainOf = (guard: EffectGuard, waiters: number) => (operations: number) =>
  repeated(operations, () => effectChain(guard, waiters))

const partitionedGuard = (): EffectGuard => {
  const semaphore = PartitionedSemaphore.makeUnsafe<string>({ permits: 1 })
  return {
    name: "Effect PartitionedSemaphore",
    run: (agent, body) => semaphore.withPermits(agent, 1)(body)
  }
}

const onePool = async (): Promise<{ readonly guard: EffectGuard; readonly close: () => Promise<void> }> => {
  const { close, manager } = await startManager({ cpu: 1 }, names)
  return { guard: { name: "withLease", run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body) }, close }
}

export const handoff: BenchCase = {
  name: "hand-off",
  measures:
    "10,000 fibers of 16 agents are parked behind the one holder of a pool of 1. The holder lets go; " +
    "timed until the last of them has ended, per waiter.",
  prepare: async ({ shrink }) => {
    const waiters = 10_000 / shrink
    const { close, guard } = await onePool()
    const partitioned = partitionedGuard()
    return {
      ours: { name: guard.name, sample: chainOf(guard, waiters) },
      peers: [{ name: partitioned.name, goal: 0.75, sample: chainOf(partitioned, waiters) }],
      verify: async () => {
        for (const each of [guard, partitioned]) await verifyEffectGuard(each, 1)
      },
      close
    }
  }
}

export const handoffAgents: BenchCase = {
  name: "hand-off, an agent each",
  measures: "The same with 10,000 agents, each with a quota and one waiter; of the peer, with as many partitions.",
  prepare: async ({ shrink }) => {
    const waiters = 10_000 / shrink
    const own = Array.from({ length: waiters }, (_, index) => `own-${index}`)
    const { close, manager } = await startManager({ cpu: 1 }, [...agents, ...own, "holder"])
    const guard: EffectGuard = {
      name: "withLease",
      run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
    }
    const partitioned = partitionedGuard()
    const side = (each: EffectGuard) => ({
      name: each.name,
      sample: (operations: number) =>
        repeated(operations, () => effectChain(each, waiters, (index) => own[index] ?? "holder"))
    })
    return {
      ours: side(guard),
      peers: [{ ...side(partitioned), goal: null }],
      verify: async () => {
        for (const each of [guard, partitioned]) await verifyEffectGuard(each, 1)
      },
      close
    }
  }
}

export const handoffPromises: BenchCase = {
  name: "hand-off, promise libraries",
  measures: "The same against 10,000 parked promises (100 for bottleneck, whose hand-off is a timer).",
  prepare: async ({ shrink }) => {
    const waiters = 10_000 / shrink
    const { close, guard } = await onePool()
    const peers = [
      ...promiseGuards(1).map((peer) => ({ ...peer, waiters })),
      { ...bottleneckGuard(1), waiters: 100 / shrink }
    ]
    return {
      ours: { name: guard.name, sample: chainOf(guard, waiters) },
      peers: peers.map((peer) => ({
        name: peer.name,
        goal: null,
        sample: (operations: number) => repeated(operations, () => promiseChain(peer, peer.waiters))
      })),
      verify: async () => {
        await verifyEffectGuard(guard, 1)
        for (const peer of peers) await verifyPromiseGuard(peer, 1)
      },
      close
    }
  }
}

export const handoffSemaphore: BenchCase = {
  name: "hand-off at 1,000",
  measures: "The same with 1,000 waiters, against Effect's Semaphore, whose hand-off looks at every waiter.",
  prepare: async ({ shrink }) => {
    const waiters = 1_000 / shrink
    const { close, guard } = await onePool()
    const semaphore = Semaphore.makeUnsafe(1)
    const peer: EffectGuard = { name: "Effect Semaphore", run: (_, body) => semaphore.withPermits(1)(body) }
    return {
      ours: { name: guard.name, sample: chainOf(guard, waiters) },
      peers: [{ name: peer.name, goal: null, sample: chainOf(peer, waiters) }],
      verify: async () => {
        for (const each of [guard, peer]) await verifyEffectGuard(each, 1)
      },
      close
    }
  }
}

export const handoffGrowth: BenchCase = {
  name: "hand-off growth",
  measures: "The hand-off of a pool of 1 with 100,000 waiters parked, against itself with 1,000.",
  prepare: async ({ shrink }) => {
    const { close, guard } = await onePool()
    return {
      ours: { name: "withLease, 100,000 parked", sample: chainOf(guard, 100_000 / shrink) },
      peers: [{ name: "itself, 1,000 parked", goal: 1.5, sample: chainOf(guard, 1_000 / shrink) }],
      verify: () => verifyEffectGuard(guard, 1),
      close
    }
  }
}

export const handoffGrowthOfPeer: BenchCase = {
  onlyFull: true,
  name: "hand-off growth of PartitionedSemaphore",
  measures:
    "The same of Effect's PartitionedSemaphore, for comparison: how much of the growth is the fibers' and the collector's.",
  prepare: async ({ shrink }) => {
    const guard = partitionedGuard()
    return {
      ours: { name: "PartitionedSemaphore, 100,000 parked", sample: chainOf(guard, 100_000 / shrink) },
      peers: [{ name: "itself, 1,000 parked", goal: null, sample: chainOf(guard, 1_000 / shrink) }],
      verify: () => verifyEffectGuard(guard, 1)
    }
  }
}

/** Units of the second pool: enough for the first waiters, not for all. */
const second = 16

export const handoffTwoPools: BenchCase = {
  name: "hand-off over two pools",
  measures:
    "100,000 waiters each ask for 1 of a pool of 1, which the holder has, and 1 of a pool of 16. " +
    "The first is short in one of them, and those behind it in both. Against itself with 1,000 waiters.",
  prepare: async ({ shrink }) => {
    const { close, manager } = await startManager({ cpu: 1, memory: second }, names)
    const guard: EffectGuard = {
      name: "withLease",
      run: (agent, body) => manager.withLease(agent, agent === "holder" ? { cpu: 1 } : { cpu: 1, memory: 1 })(body)
    }
    return {
      ours: { name: "withLease, 100,000 parked", sample: chainOf(guard, 100_000 / shrink) },
      peers: [{ name: "itself, 1,000 parked", goal: 2, sample: chainOf(guard, 1_000 / shrink) }],
      verify: () => verifyEffectGuard(guard, 1),
      close
    }
  }
}
