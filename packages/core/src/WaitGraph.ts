/**
 * Who waits for whom, as it stands: what a person looks at who wonders why nothing
 * moves. A wait asks for units of its pools; leases that have waits inside hold
 * some of them, and come back once those are served. So the edges are
 *
 * - *waits for*: from a wait to each pool of its `short`;
 * - *held by*: from a pool to each lease whose claim names it (what is in use
 *   beyond those is held by leases that come back by themselves);
 * - *comes back after*: from a lease to each wait that has it in `inside`.
 *
 * A detecting policy lets no cycle of these stand that has no way out, so `stuck`
 * is false everywhere but where detection is off.
 */
import * as Schema from "effect/Schema"
import { DeadlockStep } from "./Errors.ts"
import type { Books } from "./ledger/Books.ts"
import * as ledger from "./ledger/waitGraph.ts"

const Amounts = Schema.Record(Schema.String, Schema.Number)

export const WaitNode = Schema.Struct({
  id: Schema.Number,
  agent: Schema.String,
  claim: Amounts,
  /** The leases that it is inside of, innermost first: they come back once it is served. */
  inside: Schema.Array(Schema.Number),
  /** The lease that it grows, one of those it is inside of. Absent where it grows none. */
  grows: Schema.optionalKey(Schema.Number),
  waitedMillis: Schema.Number,
  /** Time left until `ClaimTimedOut`. Absent where it waits for ever. */
  timesOutInMillis: Schema.optionalKey(Schema.Number),
  /** Types of its claim that are not earmarked for it. */
  short: Schema.Array(Schema.String),
  /** Whether it may pass the queue, because order alone would keep it for ever. */
  exempt: Schema.Boolean,
  /** Whether it is deadlocked, or behind a deadlock. */
  stuck: Schema.Boolean
})
export interface WaitNode extends Schema.Schema.Type<typeof WaitNode> {}

/** A lease that has waits inside. */
export const LeaseNode = Schema.Struct({
  id: Schema.Number,
  agent: Schema.String,
  claim: Amounts,
  /** The lease that it is inside of. Absent where there is none. */
  parent: Schema.optionalKey(Schema.Number),
  heldMillis: Schema.Number,
  /** Time left until it expires, whoever waits inside. Absent where it does not. */
  expiresInMillis: Schema.optionalKey(Schema.Number)
})
export interface LeaseNode extends Schema.Schema.Type<typeof LeaseNode> {}

/** A pool that some wait asks for. */
export const PoolNode = Schema.Struct({
  resourceType: Schema.String,
  capacity: Schema.Number,
  /** The most that it may grow to. */
  maxCapacity: Schema.Number,
  inUse: Schema.Number,
  earmarked: Schema.Number,
  waiting: Schema.Number
})
export interface PoolNode extends Schema.Schema.Type<typeof PoolNode> {}

export const WaitGraph = Schema.Struct({
  /** In order; those inside leases before others where not all are shown. */
  waits: Schema.Array(WaitNode),
  /** How many there are with those that are not shown. */
  waitsTotal: Schema.Number,
  /** Those that have one of the waits inside, oldest first. */
  leases: Schema.Array(LeaseNode),
  pools: Schema.Array(PoolNode)
})
export interface WaitGraph extends Schema.Schema.Type<typeof WaitGraph> {}

/** A deadlock that was refused: what a home keeps of each `DeadlockDetected` that it tells. */
export const DetectedDeadlock = Schema.Struct({
  /** Milliseconds since the epoch, by the wall clock. */
  detectedAt: Schema.Number,
  /** Whose claim failed, and for what. */
  agent: Schema.String,
  claim: Amounts,
  cycle: Schema.Array(DeadlockStep)
})
export interface DetectedDeadlock extends Schema.Schema.Type<typeof DetectedDeadlock> {}

/** The graph now, and the latest deadlocks, newest first: what `resource-manager deadlocks` shows. */
export const Deadlocks = Schema.Struct({
  graph: WaitGraph,
  /** How many were detected in all. */
  detectedTotal: Schema.Number,
  detected: Schema.Array(DetectedDeadlock)
})
export interface Deadlocks extends Schema.Schema.Type<typeof Deadlocks> {}

const millis = (micros: number): number => micros / 1_000

/** @internal */
export const waitGraphOf = (books: Books, now: number, waitsMax = 1_000): WaitGraph => {
  const { leases, waits, ...graph } = ledger.waitGraph(books, now, waitsMax)
  return {
    ...graph,
    waits: waits.map(({ deadline, grows, waitedMicros, ...wait }) => ({
      ...wait,
      waitedMillis: millis(waitedMicros),
      ...(grows === undefined ? {} : { grows }),
      ...(deadline === undefined || deadline === Infinity ? {} : { timesOutInMillis: millis(deadline - now) })
    })),
    leases: leases.map(({ expiresAt, heldMicros, parent, ...lease }) => ({
      ...lease,
      heldMillis: millis(heldMicros),
      ...(parent === undefined ? {} : { parent }),
      ...(expiresAt === undefined ? {} : { expiresInMillis: millis(expiresAt - now) })
    }))
  }
}
