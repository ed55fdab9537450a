/**
 * The decisions of an adaptive rate, as pure transitions.
 *
 * 1. The share is a whole number of thousandths, from 1 to 1,000: the rate is never
 *    above the configured one, and a share of it is exact.
 * 2. An overload backs off once for all calls that began before it last did: they were
 *    let out at the rate before.
 * 3. `pausedUntil` only moves forward. While it lasts nothing recovers, and recovery
 *    counts from its end.
 */
import type { Policy } from "../RatePolicy.ts"

/** Shares are counted in thousandths. */
export const wholeShare = 1_000

/** Instants are microseconds of one monotonic clock. */
export interface RateState {
  readonly share: number
  /** When the share last fell, or when the pause that came with that ends. */
  readonly backedOffAt: number
  /** When the share last changed, or is to begin to recover. */
  readonly changedAt: number
  readonly pausedUntil: number
}

export const begin: RateState = {
  share: wholeShare,
  backedOffAt: -Infinity,
  changedAt: -Infinity,
  pausedUntil: -Infinity
}

const toShare = (value: number): number => Math.min(wholeShare, Math.max(1, Math.floor(value * wholeShare + 1e-9)))

export interface Overload {
  /** When the call began. */
  readonly startedAt: number
  readonly now: number
  /** How long the backend asks to be left alone. */
  readonly retryAfterMicros: number | undefined
}

export const onOverload = (policy: Policy, state: RateState, overload: Overload): RateState => {
  const { now, retryAfterMicros, startedAt } = overload
  const pausedUntil = Math.max(state.pausedUntil, retryAfterMicros === undefined ? -Infinity : now + retryAfterMicros)
  const later = (at: number) => Math.max(at, pausedUntil)
  const known = { ...state, pausedUntil, backedOffAt: later(state.backedOffAt), changedAt: later(state.changedAt) }
  if (startedAt < state.backedOffAt) return known
  const decided = policy.backOff(state.share / wholeShare, Math.max(0, now - state.backedOffAt))
  const share = Math.min(state.share, toShare(decided))
  return share === state.share ? known : { share, pausedUntil, backedOffAt: later(now), changedAt: later(now) }
}

export const onSuccess = (policy: Policy, state: RateState, startedAt: number, now: number): RateState => {
  // What began before says nothing of the rate as it is now.
  if (state.share === wholeShare || startedAt < state.backedOffAt || now < state.changedAt) return state
  const share = toShare(policy.recover(state.share / wholeShare, now - state.changedAt))
  return share > state.share ? { ...state, share, changedAt: now } : state
}

/** Tokens and the microseconds that they accrue in. */
export interface Flow {
  readonly limit: number
  readonly intervalMicros: number
}

/** A share of a flow: exact, but for flows so large that a thousandth of them does not matter. */
export const flowOf = ({ intervalMicros, limit }: Flow, share: number): Flow => {
  if (share === wholeShare) return { limit, intervalMicros }
  const exact = { limit: limit * share, intervalMicros: intervalMicros * wholeShare }
  if (Number.isSafeInteger(exact.limit) && Number.isSafeInteger(exact.intervalMicros)) return exact
  return { limit: Math.max(1, Number((BigInt(limit) * BigInt(share)) / BigInt(wholeShare))), intervalMicros }
}
