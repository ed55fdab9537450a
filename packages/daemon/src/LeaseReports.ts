/**
 * What holders of leases report while they hold them, and the limits that it is for: that a
 * backend said "too many requests", and what a call took in the end. The home of a daemon
 * provides it where it has such limits; each of them joins under a name.
 */
import type { Claim } from "@resource-manager/core/Claim"
import type { InvalidClaim, LeaseRevoked } from "@resource-manager/core/Errors"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { LimitRefused } from "./Errors.ts"
import type { LimitState, PlannedCall } from "./Protocol.ts"

/** A backend said that there is too much. */
export interface Overload {
  /** The lease of the call that it said it to. */
  readonly lease?: number | undefined
  /** How long it asks to be left alone. */
  readonly retryAfter?: Duration.Duration | undefined
}

/** What a call takes: tokens of a language model. */
export interface Usage {
  readonly input: number
  readonly output: number
}

/** What a lease was settled with: tokens by pool, and money where there is a price. */
export interface SettledCall {
  readonly tokens: Claim
  readonly costMicros: number | undefined
}

/** Calls whose claim, and what they are settled with, the limit itself makes of their usage. */
export interface Calls {
  readonly plan: (agent: string, estimate: Usage) => Effect.Effect<PlannedCall, LimitRefused | InvalidClaim>
  readonly settle: (lease: number, usage: Usage) => Effect.Effect<SettledCall, InvalidClaim | LeaseRevoked>
  /** The command of a held lease ended, as a shell says it. */
  readonly ended: (lease: number, code: number) => Effect.Effect<void>
}

export interface ReportedLimit {
  readonly name: string
  /** Its pools: a lease that holds some of one of them is under the limit. */
  readonly covers: (type: string) => boolean
  readonly view: Effect.Effect<LimitState>
  /** Absent where it only looks, when a lease comes back, whether an overload was reported of it. */
  readonly overload?: (overload: Overload) => Effect.Effect<void>
  readonly calls?: Calls
}

/** How many leases with an overload are remembered: they are asked about soon after they came back. */
const rememberedMax = 10_000

export class LeaseReports extends Context.Service<
  LeaseReports,
  {
    /** Until the scope closes. One of the same name is replaced. */
    readonly join: (limit: ReportedLimit) => Effect.Effect<void, never, Scope.Scope>
    readonly limits: () => ReadonlyArray<ReportedLimit>
    readonly tellOverload: (lease: number) => void
    /** Whether an overload was reported of a lease lately. */
    readonly wasOverloaded: (lease: number) => boolean
  }
>()("@resource-manager/daemon/LeaseReports") {
  static readonly layer: Layer.Layer<LeaseReports> = Layer.sync(LeaseReports, () => {
    const limits = new Map<string, ReportedLimit>()
    const overloaded = new Set<number>()
    return {
      join: (limit) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => limits.set(limit.name, limit)),
            () => Effect.sync(() => limits.delete(limit.name))
          )
        ),
      limits: () => [...limits.values()],
      tellOverload: (lease) => {
        overloaded.add(lease)
        const [oldest] = overloaded
        if (overloaded.size > rememberedMax && oldest !== undefined) overloaded.delete(oldest)
      },
      wasOverloaded: (lease) => overloaded.has(lease)
    }
  })
}
