/** The promise libraries that limit concurrency, each as its documentation shows it. */
import { Semaphore as MutexSemaphore } from "async-mutex"
import { Sema } from "async-sema"
import Bottleneck from "bottleneck"
import { bulkhead } from "cockatiel"
import pLimit from "p-limit"
import PQueue from "p-queue"
import type { PromiseGuard } from "./guards.ts"

export const promiseGuards = (capacity: number, waitersMax = 1_000_000): ReadonlyArray<PromiseGuard> => {
  const sema = new Sema(capacity, { capacity: waitersMax })
  const mutex = new MutexSemaphore(capacity)
  const limit = pLimit(capacity)
  const queue = new PQueue({ concurrency: capacity })
  const policy = bulkhead(capacity, waitersMax)
  return [
    {
      name: "async-sema",
      run: async (_, body) => {
        await sema.acquire()
        try {
          await body()
        } finally {
          sema.release()
        }
      }
    },
    { name: "async-mutex", run: (_, body) => mutex.runExclusive(body) },
    { name: "p-limit", run: (_, body) => limit(body) },
    { name: "p-queue", run: (_, body) => queue.add(body) },
    { name: "cockatiel", run: (_, body) => policy.execute(body) }
  ]
}

/** Apart from the others, because it starts every job from a timer: milliseconds, not microseconds. */
export const bottleneckGuard = (capacity: number): PromiseGuard => {
  const bottleneck = new Bottleneck({ maxConcurrent: capacity })
  return { name: "bottleneck", run: (_, body) => bottleneck.schedule(async () => body()) }
}
