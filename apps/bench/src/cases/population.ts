/** What others hold must not make a claim dearer. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Ledger } from "../core.ts"
import { effectLoop, type EffectGuard, verifyEffectGuard } from "../guards.ts"
import { assertEqual, type BenchCase, type Side, timed } from "../harness.ts"
import { agentOf, agents, startLedger, startManager } from "../manager.ts"

/** A manager in which so many other agents hold a unit each, and four units are left. */
const managerWithHolders = async (holders: number) => {
  const others = Array.from({ length: holders }, (_, index) => `holder-${index}`)
  const { close, manager } = await startManager({ cpu: holders + 4 }, [...agents, ...others])
  const scope = await Effect.runPromise(Scope.make())
  // Each in a fiber of its own, as agents are.
  for (const other of others) await Effect.runPromise(Scope.provide(manager.lease(other, { cpu: 1 }), scope))
  const guard: EffectGuard = {
    name: `withLease beside ${holders} holders`,
    run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
  }
  return {
    guard,
    check: async () => {
      const { inUse } = await Effect.runPromise(manager.poolStatistics("cpu"))
      assertEqual("units held by the others", inUse, holders)
      await verifyEffectGuard(guard, 4)
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await close()
    }
  }
}

export const holders: BenchCase = {
  name: "acquire + release beside holders",
  measures:
    "The uncontended lease while 10,000 other agents hold a unit each of the same pool, in scopes of their own, " +
    "against the same with none.",
  prepare: async ({ shrink }) => {
    const many = await managerWithHolders(10_000 / shrink)
    const none = await managerWithHolders(0)
    return {
      ours: { name: many.guard.name, sample: effectLoop(many.guard) },
      peers: [{ name: "itself, no holders", goal: 1.2, sample: effectLoop(none.guard) }],
      verify: async () => {
        await many.check()
        await none.check()
      },
      close: async () => {
        await many.close()
        await none.close()
      }
    }
  }
}

const granted = (answer: Ledger.Request | { readonly _tag: string }): Ledger.Request => {
  if (answer instanceof Ledger.Request) return answer
  throw new Error(`refused: ${answer._tag}`)
}

/**
 * A full pool whose holders do not wait. The claims that must wait are made inside
 * leases and ask for a contended lock besides, so the deadlock detector has to look.
 */
const waitBeside = (holders: number): Side => {
  const names = Array.from({ length: holders }, (_, index) => `holder-${index}`)
  const ledger = startLedger({ cpu: holders, lock: 1, base: agents.length }, [...agents, ...names, "keeper"])
  let now = 0
  for (const name of names) granted(ledger.claim(name, { cpu: 1 }, now++))
  const keeper = granted(ledger.claim("keeper", { lock: 1 }, now++))
  granted(ledger.claim("keeper", { cpu: 1 }, now++, { parent: keeper }))
  const parents = agents.map((agent) => granted(ledger.claim(agent, { base: 1 }, now++)))
  return {
    name: `claim that must wait, ${holders} holders`,
    sample: async (operations) => {
      let waited = 0
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const parent = parents[index % parents.length]
          const request = ledger.claim(agentOf(index), { cpu: 1, lock: 1 }, now++, { parent })
          if (!(request instanceof Ledger.Request)) continue
          if (request.status === "waiting") waited += 1
          ledger.abandon(request, now++)
        }
      })
      assertEqual("claims that waited", waited, operations)
      assertEqual("claims that still wait", ledger.books.waiting, 1)
      return timing
    }
  }
}

export const mustWait: BenchCase = {
  name: "claim that must wait",
  measures:
    "A claim inside a lease queues for a full pool and a contended lock, is found to be no deadlock, and is given up, " +
    "in the Ledger. 10,000 holders of the pool, who wait for nothing, against 10.",
  prepare: async ({ shrink }) => ({
    ours: waitBeside(10_000 / shrink),
    peers: [{ ...waitBeside(10), name: "itself, 10 holders", goal: 2 }]
  })
}
