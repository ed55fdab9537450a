/**
 * Who may take leases from whom, and how long their holders have: a service whose
 * value is plain, so that a policy is swapped by a layer. Without one nobody takes
 * anything by priority.
 *
 * ```ts
 * ResourceManager.layer({ pools }).pipe(Layer.provide(Preemption.layerPriority({ grace: "30 seconds" })))
 * ```
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type { PreemptionCause } from "./ledger/preemption/Notice.ts"

export type { PreemptionCause } from "./ledger/preemption/Notice.ts"

export interface PreemptionOptions {
  /** How long the holder of a lease has from the announcement on. Default 10 seconds. */
  readonly grace?: Duration.Input
  /** How long its finalizers may take after that, before its units are taken by force. Default 5 seconds. */
  readonly overrun?: Duration.Input
}

export interface PreemptionPolicy extends PreemptionOptions {
  readonly name: string
  /** Whether claims of higher priority take preemptible leases of lower priority. */
  readonly byPriority: boolean
  /**
   * Whether claims that wait for quota which is their group's own take preemptible leases
   * of those who borrowed it. Default false.
   */
  readonly reclaim?: boolean
  /**
   * Whether preemptible leases are let into the windows of reservations, and told to end
   * before they begin. Where not given: if anything else is taken.
   */
  readonly windows?: boolean
}

export interface PreemptionChoices extends PreemptionOptions {
  /** Whether claims of higher priority take preemptible leases of lower priority. Default true. */
  readonly byPriority?: boolean
  /**
   * Whether claims that wait for quota which is their group's own take preemptible leases
   * of those who borrowed it. Default true. Where priority counts too, no lease of higher
   * priority than the claim is taken back.
   */
  readonly reclaim?: boolean
  /**
   * Whether preemptible leases are let into the windows of reservations, and told to end
   * before they begin. Default true.
   */
  readonly windows?: boolean
}

/** What the holder of a lease is told that has to end. */
export interface PreemptionNotice {
  /** When it has to have stopped, in milliseconds of Effect's clock (`Clock.currentTimeMillis`). */
  readonly deadlineMillis: number
  /**
   * For whom: a claim of higher priority, one that reclaims what was lent, an older one
   * (wound-wait), those that are in a deadlock, or what was promised.
   */
  readonly cause: PreemptionCause
  /** The number of the reservation that it ends for. */
  readonly reservation?: number
}

/** Nobody takes anything by priority. Deadlock policies that revoke leases give their holders the same times. */
export const off = (options: PreemptionOptions = {}): PreemptionPolicy => ({
  ...options,
  name: "off",
  byPriority: false
})

/** Claims of higher priority take preemptible leases of strictly lower priority. */
export const priority = (options: PreemptionOptions = {}): PreemptionPolicy => ({
  ...options,
  name: "priority",
  byPriority: true
})

/** Claims for what is their group's own take preemptible leases of those who borrowed it, whatever their priority. */
export const reclaim = (options: PreemptionOptions = {}): PreemptionPolicy => ({
  ...options,
  name: "reclaim",
  byPriority: false,
  reclaim: true
})

/** What is promised alone: preemptible leases are let into windows of others, and told to end before they begin. */
export const windows = (options: PreemptionOptions = {}): PreemptionPolicy => ({
  ...options,
  name: "windows",
  byPriority: false,
  windows: true
})

const nameOf = (byPriority: boolean, reclaim: boolean, windows: boolean): string =>
  byPriority ? (reclaim ? "priority and reclaim" : "priority") : reclaim ? "reclaim" : windows ? "windows" : "off"

/** Claims of higher priority, claims for what is their group's own, and windows; or some of them. */
export const make = ({
  byPriority = true,
  reclaim = true,
  windows = true,
  ...options
}: PreemptionChoices = {}): PreemptionPolicy => ({
  ...options,
  name: nameOf(byPriority, reclaim, windows),
  byPriority,
  reclaim,
  windows
})

/** The policy of managers built below. Off unless provided. */
export const Preemption = Context.Reference<PreemptionPolicy>("@resource-manager/core/Preemption", {
  defaultValue: () => off()
})

export const layerPriority = (options?: PreemptionOptions) => Layer.succeed(Preemption, priority(options))

export const layerReclaim = (options?: PreemptionOptions) => Layer.succeed(Preemption, reclaim(options))

export const layerWindows = (options?: PreemptionOptions) => Layer.succeed(Preemption, windows(options))

export const layer = (choices?: PreemptionChoices) => Layer.succeed(Preemption, make(choices))

export const layerOff = (options?: PreemptionOptions) => Layer.succeed(Preemption, off(options))
