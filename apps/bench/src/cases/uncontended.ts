/** A lease that nobody competes for: taken, used and given back. */
import * as Effect from "effect/Effect"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import * as Semaphore from "effect/Semaphore"
import { effectLoop, type EffectGuard, promiseLoop, verifyEffectGuard, verifyPromiseGuard } from "../guards.ts"
import type { BenchCase } from "../harness.ts"
import { startManager } from "../manager.ts"
import { bottleneckGuard, promiseGuards } from "../promiseGuards.ts"

const capacity = 4

const start = async () => {
  const { close, manager } = await startManager({ cpu: capacity })
  const ours: EffectGuard = {
    name: "withLease",
    run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
  }
  return { close, ours }
}

export const uncontended: BenchCase = {
  name: "uncontended",
  measures:
    "One fiber takes and returns 1 of a pool of 4 around a body, again and again, for 16 agents in turn, " +
    "against Effect's own semaphores and against its bracket around the same body with nothing to acquire or release.",
  prepare: async () => {
    const { close, ours } = await start()
    const semaphore = Semaphore.makeUnsafe(capacity)
    const partitioned = PartitionedSemaphore.makeUnsafe<string>({ permits: capacity })
    const bySemaphore: EffectGuard = {
      name: "Effect Semaphore.withPermits",
      run: (_, body) => semaphore.withPermits(1)(body)
    }
    const byNothing: EffectGuard = {
      name: "Effect.acquireUseRelease of nothing",
      run: (_, body) =>
        Effect.acquireUseRelease(
          Effect.void,
          () => body,
          () => Effect.void
        )
    }
    const byPartitioned: EffectGuard = {
      name: "Effect PartitionedSemaphore.withPermits",
      run: (agent, body) => partitioned.withPermits(agent, 1)(body)
    }
    return {
      ours: { name: ours.name, sample: effectLoop(ours) },
      peers: [
        { name: bySemaphore.name, goal: 1.25, sample: effectLoop(bySemaphore) },
        { name: byNothing.name, goal: 1, sample: effectLoop(byNothing) },
        { name: byPartitioned.name, goal: null, sample: effectLoop(byPartitioned) }
      ],
      verify: async () => {
        for (const guard of [ours, bySemaphore, byPartitioned]) await verifyEffectGuard(guard, capacity)
      },
      close
    }
  }
}

export const uncontendedPromises: BenchCase = {
  name: "uncontended, promise libraries",
  measures:
    "The same lease, in a fiber, against the promise libraries in an async function: what each costs where it is at home.",
  prepare: async () => {
    const { close, ours } = await start()
    const guards = [...promiseGuards(capacity), bottleneckGuard(capacity)]
    return {
      ours: { name: ours.name, sample: effectLoop(ours) },
      peers: guards.map((guard) => ({ name: guard.name, goal: null, sample: promiseLoop(guard) })),
      verify: async () => {
        await verifyEffectGuard(ours, capacity)
        for (const guard of guards) await verifyPromiseGuard(guard, capacity)
      },
      close
    }
  }
}
