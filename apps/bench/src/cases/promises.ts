/** The manager for programs without Effect, against the promise libraries. */
import { makeUnsafe } from "../core.ts"
import { type PromiseGuard, promiseLoop, verifyPromiseGuard } from "../guards.ts"
import type { BenchCase } from "../harness.ts"
import { agents, quota, rate } from "../manager.ts"
import { promiseGuards } from "../promiseGuards.ts"

const capacity = 4

export const unsafe: BenchCase = {
  name: "uncontended, from promises",
  measures: "The uncontended lease through `makeUnsafe`, for programs without Effect: every side in an async function.",
  prepare: async () => {
    const manager = makeUnsafe({ pools: { cpu: { capacity, rate } }, gracePeriod: 0 })
    for (const agent of agents) await manager.setQuota(agent, "cpu", quota)
    const ours: PromiseGuard = {
      name: "makeUnsafe().withLease",
      run: (agent, body) => manager.withLease(agent, { cpu: 1 }, body)
    }
    const guards = promiseGuards(capacity)
    return {
      ours: { name: ours.name, sample: promiseLoop(ours) },
      peers: guards.map((guard) => ({ name: guard.name, goal: null, sample: promiseLoop(guard) })),
      verify: async () => {
        for (const guard of [ours, ...guards]) await verifyPromiseGuard(guard, capacity)
      },
      close: () => manager.stop()
    }
  }
}
