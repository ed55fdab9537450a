/** Pools, leases, quotas, rates and deadlock detection for Effect programs. */
export { AdaptiveLimit, type AdaptiveLimitOptions, type LimitView } from "./AdaptiveLimit.ts"
export * as AdaptiveLeases from "./AdaptiveLeases.ts"
export { AdaptiveRate, type AdaptiveRateOptions, type RateView } from "./AdaptiveRate.ts"
export * as AdaptiveRateLeases from "./AdaptiveRateLeases.ts"
export * as Aimd from "./Aimd.ts"
export * as Amount from "./Amount.ts"
export { bytes, cores, gibibytes, kibibytes, mebibytes, millicores, tebibytes } from "./Amount.ts"
export * as Claim from "./Claim.ts"
export { DeadlockDetector, type DeadlockDetectorOptions } from "./DeadlockDetector.ts"
export * as DeadlockPolicy from "./DeadlockPolicy.ts"
export * as Errors from "./Errors.ts"
export * as Gradient2 from "./Gradient2.ts"
export * as Journal from "./Journal.ts"
export * as Lease from "./Lease.ts"
export * as LeaseLives from "./LeaseLives.ts"
export { type Dropped, LeaseTable, type RecoveredHome, type TableClaimOptions, type Ticket } from "./LeaseTable.ts"
export * as LimitPolicy from "./LimitPolicy.ts"
export { type LoadCallback, LoadMonitor, type LoadMonitorOptions, LoadSample, PoolLoad } from "./LoadMonitor.ts"
export {
  type AccountReading,
  type AgentReading,
  type DurationReading,
  Meter,
  type PoolReading,
  type Reading
} from "./Meter.ts"
export * as Order from "./Order.ts"
export * as Plugin from "./Plugin.ts"
export * as Preemption from "./Preemption.ts"
export type { CapacityOptions, PoolConfig, RateConfig } from "./PoolConfig.ts"
export * as QuotaTree from "./QuotaTree.ts"
export * as RatePolicy from "./RatePolicy.ts"
export {
  type AgentAttributes,
  type ManagerError,
  ResourceManager,
  type ResourceManagerOptions,
  TestResourceManager
} from "./ResourceManager.ts"
export * as Reservation from "./Reservation.ts"
export { ResourcePool } from "./ResourcePool.ts"
export { ResourceQuota } from "./ResourceQuota.ts"
export * as ResourceType from "./ResourceType.ts"
export * as RetryAfter from "./RetryAfter.ts"
export * as ScalingPolicy from "./ScalingPolicy.ts"
export { Semaphore } from "./Semaphore.ts"
export * as Settlement from "./Settlement.ts"
export * as Statistics from "./Statistics.ts"
export { TokenBucket, type TokenBucketOptions } from "./TokenBucket.ts"
export { fromLayerUnsafe, makeUnsafe, type UnsafeLease, type UnsafeManager } from "./Unsafe.ts"
export * as WaitGraph from "./WaitGraph.ts"
export * as Vegas from "./Vegas.ts"
