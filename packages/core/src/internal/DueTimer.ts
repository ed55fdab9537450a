/** One timer, armed for the first instant at which the Ledger has something to do. */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class DueTimer {
  private readonly context: Context.Context<never>
  private readonly clock: Clock.Clock
  /** Microseconds of the Ledger's time. */
  private readonly now: () => number
  private readonly onDue: () => void
  private armedAt = Infinity
  private timer: Fiber.Fiber<void> | undefined = undefined

  constructor(context: Context.Context<never>, clock: Clock.Clock, now: () => number, onDue: () => void) {
    this.context = context
    this.clock = clock
    this.now = now
    this.onDue = onDue
  }

  /** The Ledger has something to do at `dueAt`; `Infinity` where nothing will be. */
  expect(dueAt: number): void {
    if (dueAt < this.armedAt) this.arm(dueAt)
    // A timer that nobody needs would keep the process alive.
    else if (this.timer !== undefined && dueAt === Infinity) this.disarm()
  }

  /** It is armed no more, ever. */
  close(): void {
    this.disarm()
    this.armedAt = -Infinity
  }

  private arm(dueAt: number): void {
    this.disarm()
    this.armedAt = dueAt
    // Timers count whole milliseconds: never wake before it is due.
    const delay = Duration.millis(Math.max(1, Math.ceil((dueAt - this.now()) / 1_000)))
    this.timer = Effect.runForkWith(this.context)(Effect.andThen(this.clock.sleep(delay), Effect.sync(this.fire)))
  }

  private disarm(): void {
    this.timer?.interruptUnsafe()
    this.timer = undefined
    this.armedAt = Infinity
  }

  private readonly fire = (): void => {
    this.timer = undefined
    this.armedAt = Infinity
    this.onDue()
  }
}
