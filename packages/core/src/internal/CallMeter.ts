/** Calls on their way, and what they came to: what a limit is fed with. */
import * as Cause from "effect/Cause"
import type { Clock } from "effect/Clock"
import * as Exit from "effect/Exit"
import type { LimitFeed } from "./limitFeed.ts"

export type Outcome = "served" | "dropped" | "ignored"

/** A call, before and after it began. */
export interface Call {
  readonly units: number
  began: boolean
  /** Units and calls in flight when it began, its own included. */
  inFlight: number
  calls: number
  startedAt: number
  /** Whether it was interrupted, and whoever called it has yet to say what for. */
  interrupted: boolean
}

export const newCall = (units: number): Call => ({
  units,
  began: false,
  inFlight: 0,
  calls: 0,
  startedAt: 0,
  interrupted: false
})

export class CallMeter {
  readonly counts = { served: 0, dropped: 0, ignored: 0 }
  /** Units in flight. */
  inFlight = 0
  private calls = 0
  private readonly clock: Clock
  private readonly feed: LimitFeed

  constructor(clock: Clock, feed: LimitFeed) {
    this.clock = clock
    this.feed = feed
  }

  begin(call: Call): void {
    this.inFlight += call.units
    this.calls++
    call.began = true
    call.inFlight = this.inFlight
    call.calls = this.calls
    call.startedAt = microsOf(this.clock)
  }

  /** It is in flight no more. */
  leave(call: Call, exit: Exit.Exit<unknown, unknown>): void {
    this.inFlight -= call.units
    this.calls--
    call.interrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
  }

  /** What it came to is known. */
  end(call: Call, outcome: Outcome): void {
    this.counts[outcome]++
    if (outcome === "ignored") return
    const { calls, inFlight, startedAt } = call
    this.feed.add({ startedAt, endedAt: microsOf(this.clock), inFlight, calls, didDrop: outcome === "dropped" })
  }
}

/** Microseconds of a monotonic clock. */
export const microsOf = (clock: Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000n)

/** What a body came to. A time-out is a drop, whoever made it. */
export const outcomeOf = (
  exit: Exit.Exit<unknown, unknown>,
  isDrop: ((error: unknown) => boolean) | undefined
): Outcome => {
  if (Exit.isSuccess(exit)) return "served"
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return "ignored"
  return Cause.isTimeoutError(error.value) || isDrop?.(error.value) === true ? "dropped" : "ignored"
}
