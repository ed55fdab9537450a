/** How long what a killed process held is kept from the others. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { start, startDaemon } from "../daemon.ts"
import { assertEqual, type BenchCase, once, startWatch } from "../harness.ts"

const sessionTimeoutMillis = 1_000
/** What may come on top of the timeout. */
const graceMillis = 100

export const afterKill: BenchCase = {
  name: "grant after SIGKILL",
  measures:
    `From SIGKILL of a process that holds a lock until the lock is granted to a claim that waits in another, by a ` +
    `daemon that ends sessions after ${sessionTimeoutMillis} ms, against that time. The goal is ${graceMillis} ms more.`,
  onlyFull: true,
  prepare: async () => {
    const remote = await startDaemon(sessionTimeoutMillis)
    const run = async () => {
      const holder = await start("holder.ts", [remote.address])
      let granted = false
      const waiting = Effect.runFork(
        remote.manager.withLease("waiter", { lock: 1 })(
          Effect.sync(() => {
            granted = true
          })
        )
      )
      // Beyond the question of who is first, the claim waits before the holder dies.
      while ((await Effect.runPromise(remote.manager.waiters)).length === 0) await Promise.resolve()
      assertEqual("claims granted while the lock was held", granted ? 1 : 0, 0)
      const elapsed = startWatch()
      const gone = holder.end("SIGKILL")
      await Effect.runPromise(Fiber.join(waiting))
      const nanos = elapsed()
      await gone
      assertEqual("claims granted", granted ? 1 : 0, 1)
      return nanos
    }
    const wait = () => {
      const elapsed = startWatch()
      return new Promise<number>((resolve) => setTimeout(() => resolve(elapsed()), sessionTimeoutMillis))
    }
    return {
      ours: { name: "the waiting claim", sample: (operations) => once(operations, run) },
      peers: [
        {
          name: "the session timeout",
          goal: (sessionTimeoutMillis + graceMillis) / sessionTimeoutMillis,
          sample: (operations) => once(operations, wait)
        }
      ],
      close: remote.close
    }
  }
}
