/**
 * A clock that goes where it is told: forwards, backwards, or a day at once.
 * Sleepers wake in order of their instants, all before anything else runs, as
 * after a machine slept.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

export class ManualClock implements Clock {
  private millis = 0
  private sleepers: ReadonlyArray<Sleeper> = []

  /** How many sleep: the timers that are armed. */
  get sleeping(): number {
    return this.sleepers.length
  }

  /** Moves the clock, backwards with a negative number, and wakes who is due, late as it may be. */
  advance(millis: number): void {
    this.millis += millis
    for (;;) {
      const due = this.sleepers.filter((sleeper) => sleeper.until <= this.millis).toSorted((a, b) => a.until - b.until)
      const first = due[0]
      if (first === undefined) return
      this.sleepers = this.sleepers.filter((sleeper) => sleeper !== first)
      first.wake()
    }
  }

  currentTimeMillisUnsafe(): number {
    return this.millis
  }

  currentTimeNanosUnsafe(): bigint {
    return this.monotonicTimeNanosUnsafe()
  }

  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.millis * 1_000)) * 1_000n
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    if (!Duration.isPositive(duration)) return Effect.yieldNow
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = {
        until: this.millis + Duration.toMillis(duration),
        wake: () => resume(Effect.void)
      }
      this.sleepers = [...this.sleepers, sleeper]
      return Effect.sync(() => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper)
      })
    })
  }
}
