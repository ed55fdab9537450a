/** What is benchmarked, by its public entry points alone. */
export {
  type Errors,
  makeUnsafe,
  type PoolConfig,
  ResourceManager,
  type ResourceManagerOptions,
  TokenBucket,
  type UnsafeManager
} from "@resource-manager/core"
export * as Ledger from "@resource-manager/core/Ledger"
