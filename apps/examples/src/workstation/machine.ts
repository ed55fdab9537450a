/** The workstation's pools, what each agent may have of them, and how they scale. */
import { availableParallelism } from "node:os"
import { mebibytes } from "@resource-manager/core/Amount"
import type { Claim } from "@resource-manager/core/Claim"
import type { PoolConfig } from "@resource-manager/core/PoolConfig"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as ScalingPolicy from "@resource-manager/core/ScalingPolicy"
import * as Layer from "effect/Layer"
import type { RegistryLimits } from "./registry.ts"

export interface CapacityChange {
  readonly resourceType: string
  readonly from: number
  readonly to: number
}

/** What two agents cross on. */
export const manifestLock = ResourceType.exclusive("manifest")
export const totalsLock = ResourceType.exclusive("totals")

/** As many threads as the cpu pool can ever have cores. */
export const threadsMax = Math.max(2, Math.min(8, availableParallelism()))

/** The pools that people watch, in this order. */
export const watched = ["cpu", "memory", "fileHandles", "network"] as const

/** What each agent may have: it works on one file and registers another. */
export const quotas: Claim = {
  cpu: 1,
  memory: mebibytes(16),
  fileHandles: 1,
  network: 1
}

export const poolsOf = (limits: RegistryLimits) =>
  ({
    // Grows while agents queue for it, and shrinks when they do not.
    cpu: { capacity: 1, min: 1, max: threadsMax },
    memory: { capacity: mebibytes(32) },
    fileHandles: { capacity: 4, min: 4, max: 16 },
    network: {
      capacity: limits.connections,
      rate: { limit: limits.rate, burst: limits.burst, per: "request" }
    },
    [manifestLock.name]: manifestLock.pool,
    [totalsLock.name]: totalsLock.pool
  }) satisfies Record<string, PoolConfig>

const sampledEvery = "100 millis"

/** The default policy, and what it decided: the one way in which a capacity changes here. */
const observed = (onChange: (change: CapacityChange) => void): ScalingPolicy.Policy => {
  const policy = ScalingPolicy.thresholds({ cooldown: "1 second" })
  return {
    capacity: (pool, sinceChangeMicros) => {
      const decided = policy.capacity(pool, sinceChangeMicros)
      const to = Math.min(pool.maxCapacity, Math.max(pool.minCapacity, decided))
      if (to !== pool.capacity) onChange({ resourceType: pool.resourceType, from: pool.capacity, to })
      return to
    }
  }
}

export const layer = (limits: RegistryLimits, onChange: (change: CapacityChange) => void) =>
  ResourceManager.layer({ pools: poolsOf(limits), loadInterval: sampledEvery }).pipe(
    Layer.provide(ScalingPolicy.layer(observed(onChange)))
  )
