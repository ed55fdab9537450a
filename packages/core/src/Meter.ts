/**
 * What monitoring reads of a manager: every figure at one instant, as plain counts
 * that only grow (but for grants that are undone) and amounts of the moment.
 *
 * Whoever decides provides it beside the `ResourceManager`: the layers of this
 * process do, a client of another process does not. Reading costs O(pools +
 * leases + waiters + agents) and decisions nothing. Times are microseconds.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Reading } from "./ledger/readings.ts"
import type { WaitGraph } from "./WaitGraph.ts"

export type { AccountReading, AgentReading, DurationReading, PoolReading, Reading } from "./ledger/readings.ts"

export class Meter extends Context.Service<
  Meter,
  {
    /**
     * All figures as of now. Durations are counted at or below each of `bounds`:
     * microseconds, ascending. A bound is met within 1/32 (3.2 %): a duration that
     * much above it may count as at it, one at or below it always does.
     */
    readonly read: (bounds: ReadonlyArray<number>) => Effect.Effect<Reading>
    /** The instant now, in microseconds of the clock by which events are told. */
    readonly now: Effect.Effect<number>
    /** Who waits for whom now: at most `waitsMax` waits, 1,000 unless given, those inside leases first. */
    readonly waitGraph: (waitsMax?: number) => Effect.Effect<WaitGraph>
  }
>()("@resource-manager/core/Meter") {}
