/**
 * What is counted. A type is a value, not a member of an enum: `cpu`, `memory`,
 * `fileHandles` and `network` are made here the way a plugin makes its own.
 */
import { type Amount, formatBytes } from "./Amount.ts"

export interface ResourceType {
  /** The key in claims, pools and quotas. */
  readonly name: string
  /** What one unit is, in the plural: `"bytes"`, `"devices"`. */
  readonly unit: string
  /** An amount as people read it. */
  readonly format: (amount: Amount) => string
}

export interface ResourceTypeOptions {
  readonly unit?: string
  /** One of them. The unit without its last `s` unless given. */
  readonly unitOne?: string
  readonly format?: (amount: Amount) => string
}

/** A resource type. Its amounts read as `3 devices`, or `1.5 GiB` where the unit is bytes, unless `format` is given. */
export const make = (name: string, options: ResourceTypeOptions = {}): ResourceType => {
  const unit = options.unit ?? "units"
  const unitOne = options.unitOne ?? unit.replace(/s$/, "")
  return {
    name,
    unit,
    format:
      options.format ?? (unit === "bytes" ? formatBytes : (amount) => `${amount} ${amount === 1 ? unitOne : unit}`)
  }
}

/** Processors. */
export const cpu = make("cpu", { unit: "cores" })

/** Bytes of memory. */
export const memory = make("memory", { unit: "bytes" })

/** Open files. */
export const fileHandles = make("fileHandles", { unit: "handles" })

/** Requests or connections under way. */
export const network = make("network", { unit: "connections" })

/** The types that every manager knows how to format. */
export const known: ReadonlyArray<ResourceType> = [cpu, memory, fileHandles, network]

/** What a pool of a lock is made of. */
export interface LockPool {
  readonly capacity: Amount
  readonly type: ResourceType
}

/** A lock: a pool of one. Claim it with `lock.hold`. */
export interface ExclusiveLock extends ResourceType {
  readonly pool: LockPool
  readonly hold: { readonly [name: string]: Amount }
}

/** A lock that one holds at a time: `pools: { [lock.name]: lock.pool }`, then `withLease(agent, lock.hold)`. */
export const exclusive = (name: string): ExclusiveLock => {
  const type = make(name, { unit: "holders", unitOne: "holder" })
  return { ...type, pool: { capacity: 1, type }, hold: { [name]: 1 } }
}

/** A readers-writer lock: a pool of as many units as readers may share it; a writer takes them all. */
export interface SharedLock extends ResourceType {
  readonly pool: LockPool
  readonly read: { readonly [name: string]: Amount }
  readonly write: { readonly [name: string]: Amount }
}

/**
 * A lock that `readersMax` (1,000 unless given) may share, or one may have alone.
 * First come, first served: readers that arrive after a waiting writer do not pass it.
 */
export const shared = (name: string, options: { readonly readersMax?: number } = {}): SharedLock => {
  const capacity = options.readersMax ?? 1_000
  const type = make(name, { unit: "readers", unitOne: "reader" })
  return { ...type, pool: { capacity, type }, read: { [name]: 1 }, write: { [name]: capacity } }
}
