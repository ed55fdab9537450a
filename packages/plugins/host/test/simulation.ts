/**
 * A workstation under the plugin, by the test clock: the manager, the plugin and the
 * leases are real, the machine below is a model.
 *
 * 16 processors and a backlog that never ends: each job leases one processor, keeps one
 * thread busy for 5 to 15 seconds of work, and is followed by the next. From second 60 to
 * 180 somebody who leases nothing keeps twelve more threads busy. A processor with two
 * threads always has one that waits, so of `n` busy threads on `c` processors
 * `(n - c) / c` of the time is lost, at least nothing and at most all of it; and each
 * thread gets on at `c / n` of its speed, at most all of it.
 */
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { Host, OperatingSystem, type PressureOptions } from "../src/index.ts"
import * as Machine from "./machine.ts"

export const processors = 16
export const intruder = { from: 60, until: 180, threads: 12 } as const
export const seconds = 300

export interface Sample {
  readonly second: number
  /** Threads that want to run: those of the leases, and the intruder's. */
  readonly threads: number
  readonly capacity: number
  readonly inUse: number
  /** The share of the last second that was lost, from 0 to 1. */
  readonly lost: number
  /** How fast each thread gets on, from 0 to 1. */
  readonly speed: number
}

export interface Simulated {
  readonly samples: ReadonlyArray<Sample>
  readonly jobsDone: number
  readonly log: ReadonlyArray<string>
}

/** The same durations in every run: a generator of its own, so that no library changes them. */
const works = () => {
  let state = 7
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return 5 + (state % 11)
  }
}

export const simulate = (pressure: boolean | PressureOptions): Effect.Effect<Simulated, unknown> =>
  Effect.suspend(() => {
    const { layer: files, texts } = Machine.inMemory(Machine.calm)
    const log: Array<string> = []
    const logger = Logger.make(({ message }) => {
      log.push(String(Array.isArray(message) ? message[0] : message))
    })
    const nextSeconds = works()
    const samples: Array<Sample> = []
    let jobsDone = 0
    const run = Effect.gen(function* () {
      const manager = yield* ResourceManager
      let speed = 1
      const job = Effect.gen(function* () {
        for (let left = nextSeconds(); left > 1e-9; left -= speed) yield* Effect.sleep("1 second")
        jobsDone++
      })
      const agent = (index: number) => manager.withLease(`agent ${index}`, { cpu: 1 })(job)
      for (let index = 0; index < processors * 2; index++) {
        yield* Effect.forkScoped(Effect.forever(agent(index)))
      }
      yield* Effect.yieldNow
      let totalMicros = 0
      for (let second = 0; second < seconds; second++) {
        const { capacity, inUse } = yield* manager.poolStatistics("cpu")
        const intruding = second >= intruder.from && second < intruder.until
        const threads = inUse + (intruding ? intruder.threads : 0)
        const lost = Math.min(1, Math.max(0, (threads - processors) / processors))
        speed = Math.min(1, processors / threads)
        samples.push({ second, threads, capacity, inUse, lost, speed })
        totalMicros += lost * 1_000_000
        texts.set("/proc/pressure/cpu", Machine.pressureText(totalMicros))
        yield* TestClock.adjust("1 second")
      }
    })
    const host = Host.layerNoDeps({ pools: { cpu: {} }, pressure })
    return run.pipe(
      Effect.provide(host.pipe(Layer.provideMerge(ResourceManager.layer({ gracePeriod: 0 })))),
      Effect.scoped,
      Effect.provide([
        files,
        Logger.layer([logger]),
        Layer.succeed(OperatingSystem, { ...Machine.system, processors: () => processors }),
        TestClock.layer()
      ]),
      Effect.map((): Simulated => ({ samples, jobsDone, log }))
    )
  })

export interface Figures {
  /** Seconds from the intruder's start until no more is lost than half of the time, and until new leases have the least. */
  readonly untilBelowThreshold: number
  readonly untilLeast: number
  readonly least: number
  /** The mean share of the time that was lost while the intruder was there, in percent. */
  readonly lostPercent: number
  /** How fast the intruder's threads got on, in the mean, in percent of their speed alone. */
  readonly speedPercent: number
  /** Seconds in which more than half of the time was lost. */
  readonly secondsOver: number
  /** Seconds from the intruder's end until all is handed out again. */
  readonly untilWhole: number
  /** How often the capacity went down after it had gone up: 0 is no dithering. */
  readonly relapses: number
  readonly jobsDone: number
}

export const figuresOf = ({ jobsDone, samples }: Simulated): Figures => {
  const during = samples.filter(({ second }) => second >= intruder.from && second < intruder.until)
  const after = samples.filter(({ second }) => second >= intruder.until)
  const secondsUntil = (of: ReadonlyArray<Sample>, is: (sample: Sample) => boolean) => {
    const index = of.findIndex(is)
    return index < 0 ? Infinity : index
  }
  const least = Math.min(...samples.map(({ capacity }) => capacity))
  let relapses = 0
  let rose = false
  for (let index = 1; index < samples.length; index++) {
    const change = samples[index]!.capacity - samples[index - 1]!.capacity
    if (change > 0) rose = true
    if (change < 0 && rose) relapses++
    if (change < 0) rose = false
  }
  return {
    untilBelowThreshold: secondsUntil(during, (sample) => sample.second > intruder.from && sample.lost <= 0.5),
    untilLeast: secondsUntil(during, (sample) => sample.capacity === least),
    least,
    lostPercent: Math.round((100 * during.reduce((sum, { lost }) => sum + lost, 0)) / during.length),
    speedPercent: Math.round((100 * during.reduce((sum, { speed }) => sum + speed, 0)) / during.length),
    secondsOver: samples.filter(({ lost }) => lost > 0.5).length,
    untilWhole: secondsUntil(after, (sample) => sample.capacity === processors),
    relapses,
    jobsDone
  }
}
