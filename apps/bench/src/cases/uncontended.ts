/** A lease that nobody competes for: taken, used and given back. */
import * as Effect from "effect/Effect"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import * as Semaphore from "effect/Semaphore"
import { effectLoop, type EffectGuard, promiseLoop, verifyEffectGuard, verifyPromiseGuard } from "../guards.ts"
import type { BenchCase } from "../harness.ts"
import { startManager } from "../manager.ts"
import { bottleneckGuard, promiseGuards } from "../promiseGuards.ts"

const capacity = 4

export const uncontended: BenchCase = {
  name: "uncontended",
  measures:
    "One fiber takes and returns 1 of a pool of 4 around a body, again and again, for 16 agents in turn. " +
    "The Effect sides run in one fiber, the promise libraries in one async function.",
  prepare: async () => {
    const { close, manager } = await startManager({ cpu: capacity })
    const ours: EffectGuard = {
      name: "withLease",
      run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
    }
    const semaphore = Semaphore.makeUnsafe(capacity)
    const partitioned = PartitionedSemaphore.makeUnsafe<string>({ permits: capacity })
    const limits: ReadonlyArray<EffectGuard & { readonly goal: number | null }> = [
      { name: "Effect Semaphore.withPermits", goal: 1.25, run: (_, body) => semaphore.withPermits(1)(body) },
      {
        name: "Effect PartitionedSemaphore.withPermits",
        goal: null,
        run: (agent, body) => partitioned.withPermits(agent, 1)(body)
      }
    ]
    const nothing = {
      name: "Effect.acquireUseRelease of nothing",
      goal: 1,
      run: (_: string, body: Effect.Effect<void>) =>
        Effect.acquireUseRelease(
          Effect.void,
          () => body,
          () => Effect.void
        )
    }
    const promises = [...promiseGuards(capacity), bottleneckGuard(capacity)]
    return {
      ours: { name: ours.name, sample: effectLoop(ours) },
      peers: [
        ...[limits[0]!, nothing, limits[1]!].map((guard) => ({ ...guard, sample: effectLoop(guard) })),
        ...promises.map((guard) => ({ name: guard.name, goal: null, sample: promiseLoop(guard) }))
      ],
      verify: async () => {
        for (const guard of [ours, ...limits]) await verifyEffectGuard(guard, capacity)
        for (const guard of promises) await verifyPromiseGuard(guard, capacity)
      },
      close
    }
  }
}
