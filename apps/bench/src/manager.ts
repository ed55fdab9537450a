/**
 * Our side: a manager as a program would have it, with every rule on. A quota for
 * each agent and a rate on each pool, so high that nobody meets them; statistics
 * and deadlock detection as they always are; the clock that TestClock replaces.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Ledger, type PoolConfig, ResourceManager, type ResourceManagerOptions } from "./core.ts"

export type Manager = ResourceManager["Service"]

const plenty = 1_000_000_000
/** A rate that is always there, and always looked at. */
export const rate = { limit: plenty, burst: plenty }
export const quota = 100_000_000

/** Sixteen agents, taken in turn. */
export const agents: ReadonlyArray<string> = Array.from({ length: 16 }, (_, index) => `agent-${index}`)
export const agentOf = (index: number): string => agents[index & 15]!

export interface Running {
  readonly manager: Manager
  readonly close: () => Promise<void>
}

/** A manager with what is around it: an observer, or another home. */
export const startWith = async <R, E>(
  layer: (options: ResourceManagerOptions) => Layer.Layer<ResourceManager | R, E>,
  capacities: Readonly<Record<string, number>>,
  names: Iterable<string> = agents
): Promise<Running & { readonly runtime: ManagedRuntime.ManagedRuntime<ResourceManager | R, E> }> => {
  const pools: Record<string, PoolConfig> = {}
  for (const [type, capacity] of Object.entries(capacities)) pools[type] = { capacity, rate }
  const runtime = ManagedRuntime.make(layer({ pools, gracePeriod: 0 }))
  const manager = await runtime.runPromise(ResourceManager)
  await Effect.runPromise(
    Effect.gen(function* () {
      for (const agent of names) for (const type in capacities) yield* manager.setQuota(agent, type, quota)
    })
  )
  return { manager, runtime, close: () => runtime.dispose() }
}

export const startManager = (
  capacities: Readonly<Record<string, number>>,
  names: Iterable<string> = agents
): Promise<Running> => startWith(ResourceManager.layer, capacities, names)

export const startLedger = (
  capacities: Readonly<Record<string, number>>,
  names: Iterable<string> = agents
): Ledger.Ledger => {
  const ledger = new Ledger.Ledger()
  for (const [type, capacity] of Object.entries(capacities)) {
    ledger.definePool(type, { capacity, rate: { ...rate, intervalMicros: 1_000_000, per: "unit" } }, 0)
  }
  for (const agent of names) {
    for (const type in capacities) {
      const refusal = ledger.setQuota(agent, type, quota, 0)
      if (refusal !== undefined) throw new Error(`${refusal._tag} for a quota of ${agent}`)
    }
  }
  return ledger
}
