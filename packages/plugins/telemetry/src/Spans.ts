/**
 * Waiting and holding as spans of Effect's `Tracer`, from the events of a home of the
 * manager. Where the layer is not provided, no event is built and nothing is paid.
 *
 * Events are read behind the decisions, which wait for nobody: where there are more
 * than the reader can take, some are missed, the spans that they would have ended are
 * ended when that is noticed, and a warning says so once.
 */
import { LeaseTable } from "@resource-manager/core/LeaseTable"
import { Meter } from "@resource-manager/core/Meter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { SpanBook } from "./internal/SpanBook.ts"
import { invalidOption, type InvalidTelemetryOption } from "./TelemetryErrors.ts"

export interface SpansOptions {
  /** The most spans that are open at once; claims made beyond them are not traced. Default 10,000. */
  readonly openMax?: number
  /** The fraction of claims that are traced, with all that is inside their leases. Default 1. */
  readonly ratio?: number
}

/** A wall clock that was set is followed; one that drifts by less is not, so that spans keep their lengths. */
const stepNanos = 5_000_000n

const readOptions = Effect.fnUntraced(function* ({
  openMax = 10_000,
  ratio = 1
}: SpansOptions): Effect.fn.Return<Required<SpansOptions>, InvalidTelemetryOption> {
  if (!Number.isSafeInteger(openMax) || openMax < 1) {
    return yield* invalidOption("openMax", openMax, "a whole number from 1")
  }
  if (!(ratio >= 0 && ratio <= 1)) return yield* invalidOption("ratio", ratio, "a fraction from 0 to 1")
  return { openMax, ratio }
})

/** Tells spans to the `Tracer` that it is provided with, from now on. */
export const layerSpans = (
  options: SpansOptions = {}
): Layer.Layer<never, InvalidTelemetryOption, LeaseTable | Meter> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const checked = yield* readOptions(options)
      const table = yield* LeaseTable
      const meter = yield* Meter
      const clock = yield* Clock.Clock
      /** From the Ledger's instants, which only grow, to those of the wall clock. */
      let offset = 0n
      const book = new SpanBook({
        ...checked,
        tracer: yield* Effect.tracer,
        wallNanos: (micros) => BigInt(micros) * 1_000n + offset,
        ticket: table.ticket
      })
      /** Sets the clocks against each other, and tells the Ledger's. */
      const now = Effect.map(meter.now, (micros) => {
        const current = clock.currentTimeNanosUnsafe() - BigInt(micros) * 1_000n
        const apart = current - offset
        if (apart > stepNanos || apart < -stepNanos) offset = current
        return micros
      })
      yield* now
      const warned = new Set<string>()
      const warn = (message: string) =>
        Effect.suspend(() => {
          if (warned.has(message)) return Effect.void
          warned.add(message)
          return Effect.logWarning(message)
        })
      yield* Effect.addFinalizer(() => Effect.map(now, (micros) => book.close(micros)))
      yield* Effect.forkScoped(
        Stream.runForEachArray(table.events, (events) =>
          Effect.flatMap(now, (micros) => {
            let missed = false
            for (const event of events) {
              book.apply(event, micros)
              missed ||= event._tag === "Dropped"
            }
            if (missed)
              return warn("there are more events than spans can be made of: some spans end late or are missing")
            return book.untraced === 0
              ? Effect.void
              : warn(`more than ${checked.openMax} spans are open: claims beyond them are not traced`)
          })
        ),
        { startImmediately: true }
      )
    })
  )
