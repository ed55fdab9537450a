/**
 * Compares the latency of now with that of a long time (the Gradient2 limit of
 * Netflix's concurrency-limits). Where calls take longer than they use to, the limit
 * falls in proportion, by half at most; else it grows by a small allowance for
 * queueing. Averages, not minima: a few quick calls do not make all others look slow.
 *
 * The long average follows the latency, so in a queue that never drains it would rise,
 * and the limit with it, for ever: a probe measures it anew (see `probeEvery`). A drop takes a
 * tenth off.
 */
import {
  type Bounds,
  boundsChecks,
  clamp,
  formatMicros,
  dropped,
  isAppLimited,
  type LimitBounds,
  problemOf,
  readBounds,
  within
} from "./internal/limitOptions.ts"
import { type BaseProbe, beginProbe, countDown } from "./internal/baseProbe.ts"
import * as LongAverage from "./internal/LongAverage.ts"
import type { LimitAlgorithm, LimitSample, LimitState } from "./LimitPolicy.ts"

export interface Gradient2Options extends LimitBounds {
  /** How much longer than for a long time calls may take before the limit falls. Default 1: no longer at all. */
  readonly tolerance?: number
  /** How many calls may queue: what the limit grows by. Default half of its square root, at least 1. */
  readonly queueSize?: number | ((limit: number) => number)
  /** The part of the way to a new limit that is gone. Default 0.5. */
  readonly smoothing?: number
  /** What a drop multiplies the limit by. Default 0.9. */
  readonly backoff?: number
  /** Samples of the long average. Default 600. */
  readonly longWindow?: number
  /** Round trips between two probes of the base latency, or up to half as many fewer. Default 60; `Infinity` is never. */
  readonly probeEvery?: number
  /** The part of the limit that a probe runs at. Default 0.5. */
  readonly probeAt?: number
}

export interface Gradient2State extends LimitState {
  /** The limit, not rounded, and not lowered for a probe. */
  readonly estimate: number
  readonly long: LongAverage.LongAverage
  readonly rttMicros: number
  /** The part of the limit that the latency allows: 0.5 to 1. */
  readonly gradient: number
  readonly probe: BaseProbe
  readonly move: "begin" | "base" | "probe" | "latency" | "idle" | "drop"
}

interface Settings {
  readonly bounds: Bounds
  readonly tolerance: number
  readonly queueSize: (limit: number) => number
  readonly smoothing: number
  readonly backoff: number
  readonly longWindow: number
  readonly probeEvery: number
  readonly probeAt: number
}

/** The steepest fall: one outlier must not take more than half away. */
const gradientMin = 0.5
/** The long average learns its first value from this many samples. */
const warmup = 10

export const make = (options: Gradient2Options = {}): LimitAlgorithm<Gradient2State> => {
  const bounds = readBounds(options)
  const { queueSize } = options
  const settings: Settings = {
    bounds,
    tolerance: options.tolerance ?? 1,
    queueSize:
      queueSize === undefined
        ? (limit) => Math.max(1, Math.sqrt(limit) / 2)
        : typeof queueSize === "number"
          ? () => queueSize
          : queueSize,
    smoothing: options.smoothing ?? 0.5,
    backoff: options.backoff ?? 0.9,
    longWindow: options.longWindow ?? 600,
    probeEvery: options.probeEvery ?? 60,
    probeAt: options.probeAt ?? 0.5
  }
  return {
    name: "gradient2",
    min: bounds.min,
    max: bounds.max,
    problem: problemOf([
      ...boundsChecks(bounds),
      ["tolerance", settings.tolerance, settings.tolerance >= 1 && settings.tolerance < Infinity, "a number from 1"],
      within("smoothing", settings.smoothing, 0, 1),
      within("backoff", settings.backoff, 0, 0.999),
      ["longWindow", settings.longWindow, settings.longWindow >= 1, "a number from 1"],
      within("probeAt", settings.probeAt, 0, 1),
      ["probeEvery", settings.probeEvery, settings.probeEvery >= 1, "a number from 1, or Infinity"]
    ]),
    begin: (seed) => ({
      limit: bounds.initial,
      estimate: bounds.initial,
      long: LongAverage.empty,
      rttMicros: 0,
      gradient: 1,
      probe: beginProbe(seed, settings.probeEvery),
      move: "begin"
    }),
    update: (state, sample) => update(settings, state, sample),
    explain: (state) => `gradient2: ${explain(state, bounds)}`
  }
}

const update = (settings: Settings, state: Gradient2State, sample: LimitSample): Gradient2State => {
  const { bounds, smoothing } = settings
  const { errorMicros = 0, rttMicros } = sample
  const { estimate } = state
  if (sample.didDrop) {
    return moved(settings, { ...state, rttMicros, move: "drop" }, dropped(estimate, settings.backoff))
  }
  if (state.probe.isProbing) {
    const probe = beginProbe(state.probe.seed, settings.probeEvery)
    const base = clamp(state.long.value, { min: rttMicros - errorMicros, max: rttMicros + errorMicros })
    const long = LongAverage.set(state.long, base)
    return { ...state, limit: whole(estimate, bounds), long, rttMicros, gradient: 1, probe, move: "base" }
  }
  const probe = countDown(state.probe)
  if (probe.isProbing) {
    const limit = clamp(Math.floor(estimate * settings.probeAt), bounds)
    return { ...state, limit, rttMicros, probe, move: "probe" }
  }
  const added = LongAverage.add(state.long, rttMicros, { window: settings.longWindow, warmup })
  // After a long time of overload the average is far too high: let it come down faster.
  const long = added.value > 2 * rttMicros ? LongAverage.set(added, added.value * 0.95) : added
  const next = { ...state, long, rttMicros, probe }
  if (isAppLimited(sample.inFlight, estimate)) return { ...next, move: "idle" }
  // Calls differ: only what is longer than they differ by counts.
  const short = Math.max(1, rttMicros - errorMicros)
  const gradient = clamp((settings.tolerance * added.value) / short, { min: gradientMin, max: 1 })
  const to = estimate * gradient + settings.queueSize(Math.floor(estimate))
  return moved(settings, { ...next, gradient, move: "latency" }, (1 - smoothing) * estimate + smoothing * to)
}

const moved = ({ bounds, probeAt }: Settings, state: Gradient2State, to: number): Gradient2State => {
  const estimate = clamp(to, bounds)
  const limit = state.probe.isProbing ? clamp(Math.floor(estimate * probeAt), bounds) : whole(estimate, bounds)
  return { ...state, estimate, limit }
}

const whole = (estimate: number, bounds: Bounds): number => clamp(Math.floor(estimate), bounds)

const explain = (state: Gradient2State, { max, min }: Bounds): string => {
  const { gradient, limit, long, move, rttMicros } = state
  switch (move) {
    case "begin":
      return `begins at ${limit}`
    case "base":
      return `stays at ${limit}, ${formatMicros(rttMicros)} without a queue`
    case "probe":
      return `${limit} for a round trip, to see the latency without a queue; then ${Math.floor(state.estimate)} again`
    case "latency": {
      const bound = limit === max ? " (its maximum)" : limit === min ? " (its minimum)" : ""
      return `${limit}${bound}, calls take ${formatMicros(rttMicros)}, for a long time ${formatMicros(long.value)}: gradient ${gradient.toFixed(2)}`
    }
    case "idle":
      return `stays at ${limit}, less than half was in use`
    case "drop":
      return `falls to ${limit}, a call was dropped${limit === min ? " (its minimum)" : ""}`
  }
}
