/** What it takes to remember one more. */
import * as Effect from "effect/Effect"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import * as Semaphore from "effect/Semaphore"
import { effectParking, type EffectGuard } from "../guards.ts"
import { assertEqual, type BenchCase, bytesInUse, type Side, startWatch } from "../harness.ts"
import { agents, quota, startManager } from "../manager.ts"

export const memoryOfWaiter: BenchCase = {
  name: "memory of a parked waiter",
  measures:
    "The heap that 5,000 parked waiters of 16 agents add, after full collections, by waiter: the fiber included, " +
    "which is most of it and the same for all. The time is that of forking and parking one.",
  prepare: async ({ shrink }) => {
    const waiters = 5_000 / shrink
    const { close, manager } = await startManager({ cpu: 1 }, [...agents, "holder"])
    const semaphore = Semaphore.makeUnsafe(1)
    const partitioned = PartitionedSemaphore.makeUnsafe<string>({ permits: 1 })
    const side = (name: string, run: EffectGuard["run"]): Side => ({
      name,
      sample: () => effectParking({ name, run }, waiters)
    })
    return {
      ours: side("withLease", (agent, body) => manager.withLease(agent, { cpu: 1 })(body)),
      peers: [
        { ...side("Effect Semaphore", (_, body) => semaphore.withPermits(1)(body)), goal: null },
        {
          ...side("Effect PartitionedSemaphore", (agent, body) => partitioned.withPermits(agent, 1)(body)),
          goal: null
        }
      ],
      close
    }
  }
}

export const memoryOfAgent: BenchCase = {
  name: "memory of an idle agent",
  measures:
    "The heap that 20,000 agents add who have a quota and do nothing, by agent, " +
    "against an entry of two numbers in a Map. The time is that of setting one quota.",
  prepare: async ({ shrink }) => {
    const count = 20_000 / shrink
    const names = Array.from({ length: count }, (_, index) => `idle-${index}`)
    return {
      ours: {
        name: "setQuota",
        sample: async () => {
          const { close, manager } = await startManager({ cpu: 1 })
          const before = bytesInUse()
          const elapsed = startWatch()
          await Effect.runPromise(
            Effect.gen(function* () {
              for (const name of names) yield* manager.setQuota(name, "cpu", quota)
            })
          )
          const nanos = elapsed()
          const bytes = bytesInUse() - before
          const known = await Effect.runPromise(manager.agents)
          assertEqual("agents with a quota", known.length, count + agents.length)
          await close()
          return { operations: count, nanos, bytes }
        }
      },
      peers: [
        {
          name: "Map entry",
          goal: null,
          sample: async () => {
            const before = bytesInUse()
            const elapsed = startWatch()
            const accounts = new Map<string, { held: number; quota: number }>()
            for (const name of names) accounts.set(name, { held: 0, quota })
            const nanos = elapsed()
            const bytes = bytesInUse() - before
            assertEqual("accounts", accounts.size, count)
            return { operations: count, nanos, bytes }
          }
        }
      ]
    }
  }
}
