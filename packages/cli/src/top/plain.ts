/** `top` where nobody looks at a screen: lines at every interval, until it is interrupted. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { topLines } from "../render/top/lines.ts"
import type { Sample } from "../render/top/rates.ts"
import type { OverviewView } from "../render/views.ts"

export interface PlainTopOptions<E, R, E2, R2> {
  readonly source: Effect.Effect<OverviewView, E, R>
  /** Time between two looks. Default one second. */
  readonly interval?: Duration.Input | undefined
  /** How many looks; for ever unless given. */
  readonly times?: number | undefined
  /** Writes lines. Looks wait for it: a slow reader gets fewer, not older ones. */
  readonly write: (lines: ReadonlyArray<string>) => Effect.Effect<unknown, E2, R2>
}

/** Fails with what the source or the writer fails with: a pipe's reader is told by the exit code. */
export const topPlain = Effect.fnUntraced(function* <E, R, E2, R2>(options: PlainTopOptions<E, R, E2, R2>) {
  const times = options.times ?? Infinity
  let previous: Sample | undefined
  for (let looked = 0; looked < times; looked++) {
    if (looked > 0) yield* Effect.sleep(options.interval ?? "1 second")
    const overview = yield* options.source
    const sample: Sample = { takenAt: yield* Clock.currentTimeMillis, overview }
    yield* options.write(topLines(sample, previous))
    previous = sample
  }
})
