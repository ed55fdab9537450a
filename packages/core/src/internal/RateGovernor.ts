/** An adaptive rate at work: its state, what outcomes do to it, and what it says of itself. No effects but the clock. */
import * as Cause from "effect/Cause"
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type { Policy } from "../RatePolicy.ts"
import * as RetryAfter from "../RetryAfter.ts"
import * as control from "./rateControl.ts"
import { formatDuration } from "./refusal.ts"

/** How long a backend asks to be left alone: the header as it came, a date or a duration. */
export type RetryAfterInput = string | Date | Duration.Duration

export interface GovernorOptions {
  readonly policy: Policy
  readonly configured: control.Flow
  readonly isOverload: (error: unknown) => boolean
  readonly retryAfter: ((error: unknown) => RetryAfterInput | undefined) | undefined
  readonly retryAfterMaxMicros: number
}

export class RateGovernor {
  private readonly clock: Clock
  private readonly options: GovernorOptions
  private state = control.begin
  private overloads = 0

  constructor(clock: Clock, options: GovernorOptions) {
    this.clock = clock
    this.options = options
  }

  /** Thousandths of the configured rate. */
  get share(): number {
    return this.state.share
  }

  /** The rate as it is now. */
  get flow(): control.Flow {
    return control.flowOf(this.options.configured, this.state.share)
  }

  /** Microseconds of a monotonic clock. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() / 1_000n)
  }

  get pausedMicros(): number {
    return Math.max(0, this.state.pausedUntil - this.now())
  }

  get isPaused(): boolean {
    return this.pausedMicros > 0
  }

  /** Takes in how a body ended. */
  ended(startedAt: number, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit)) return this.succeeded(startedAt)
    const { isOverload, retryAfter } = this.options
    const error = Cause.findErrorOption(exit.cause)
    if (error._tag === "Some" && isOverload(error.value)) this.overloaded(startedAt, retryAfter?.(error.value))
  }

  /** A call that began then went well. */
  succeeded(startedAt: number): void {
    this.state = control.onSuccess(this.options.policy, this.state, startedAt, this.now())
  }

  /** A call that began then was told that there is too much, and how long it is to be left alone. */
  overloaded(startedAt: number, asked: RetryAfterInput | undefined): void {
    this.overloads++
    const overload = { startedAt, now: this.now(), retryAfterMicros: this.retryAfterMicros(asked) }
    this.state = control.onOverload(this.options.policy, this.state, overload)
  }

  /** Why, as a line for people. */
  why(): string {
    if (this.isPaused) return `left alone for ${formatDuration(this.pausedMicros)}, as asked for; then ${this.rate()}`
    return this.state.share === control.wholeShare ? "the configured rate" : `${this.rate()} after overload`
  }

  /** The same for a line that stays: true until the end of the pause, or for as long as there is none. */
  note(): string {
    if (!this.isPaused) return "its rate adapts to overload"
    const until = new Date(this.clock.currentTimeMillisUnsafe() + this.pausedMicros / 1_000)
    return `left alone until ${until.toISOString().replace(/\.\d+/, "")}, as asked for; then ${this.rate()}`
  }

  private rate(): string {
    return `${Number((this.state.share / 10).toFixed(1))} % of the configured rate`
  }

  view() {
    return {
      policy: this.options.policy.name,
      share: this.state.share / control.wholeShare,
      perSecond: perSecond(this.flow),
      configuredPerSecond: perSecond(this.options.configured),
      pausedMillis: this.pausedMicros / 1_000,
      overloads: this.overloads,
      why: this.why()
    }
  }

  private retryAfterMicros(asked: RetryAfterInput | undefined): number | undefined {
    const millis = millisOf(asked, this.clock.currentTimeMillisUnsafe())
    return millis === undefined ? undefined : Math.min(this.options.retryAfterMaxMicros, Math.ceil(millis * 1_000))
  }
}

const perSecond = ({ intervalMicros, limit }: control.Flow): number => (limit / intervalMicros) * 1_000_000

const millisOf = (asked: RetryAfterInput | undefined, nowMillis: number): number | undefined => {
  if (asked === undefined) return undefined
  if (typeof asked === "string") return RetryAfter.parse(asked, nowMillis)
  const millis = asked instanceof Date ? asked.getTime() - nowMillis : Duration.toMillis(asked)
  return Number.isNaN(millis) ? undefined : Math.max(0, millis)
}
