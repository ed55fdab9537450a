/**
 * Keeps a short queue at the backend (Brakmo and Peterson 1994, "TCP Vegas: new
 * techniques for congestion detection and avoidance"; the steps of Netflix's
 * concurrency-limits).
 *
 * Of `limit` calls in flight, `limit x (1 - base / latency)` are not served but wait,
 * where `base` is the latency without a queue: the lowest seen since it was last
 * probed (see `probeEvery`). Fewer than `alpha` of them: more calls are let out; more
 * than `beta`: fewer. A drop takes a tenth off.
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
import type { LimitAlgorithm, LimitSample, LimitState } from "./LimitPolicy.ts"

export interface VegasOptions extends LimitBounds {
  /** The most. Default 1,000. */
  readonly max?: number
  /** A queue shorter than this lets the limit grow by a step. Default 3 times the step. */
  readonly alpha?: number | ((limit: number) => number)
  /** A longer one makes it fall by a step; and what is added where there is almost none. Default 6 times the step. */
  readonly beta?: number | ((limit: number) => number)
  /** A queue up to this is almost none. Default the step. */
  readonly threshold?: number | ((limit: number) => number)
  /** The limit after a step up. Default 1 more at limits below 100, 2 below 1,000, and so on. */
  readonly increase?: (limit: number) => number
  /** The limit after a step down. Default the same step. */
  readonly decrease?: (limit: number) => number
  /** What a drop multiplies the limit by, without smoothing. Default 0.9. */
  readonly backoff?: number
  /** The part of the way to a new limit that is gone. Default 1. */
  readonly smoothing?: number
  /** Round trips between two probes of the base latency, or up to half as many fewer. Default 60; `Infinity` is never. */
  readonly probeEvery?: number
  /** The part of the limit that a probe runs at. Default 0.5. */
  readonly probeAt?: number
}

export interface VegasState extends LimitState {
  /** The limit, not rounded, and not lowered for a probe. */
  readonly estimate: number
  /** Latency without a queue; `undefined` before the first sample. */
  readonly baseMicros: number | undefined
  readonly rttMicros: number
  /** Calls that wait at the backend, as reckoned. */
  readonly queue: number
  readonly probe: BaseProbe
  readonly move: "begin" | "base" | "probe" | "grow" | "hold" | "shrink" | "idle" | "drop"
}

/** The whole part of the logarithm to base 10, at least 1. */
export const step = (limit: number): number => Math.max(1, Math.floor(Math.log10(Math.max(1, Math.floor(limit)))))

const asFunction = (value: number | ((limit: number) => number) | undefined, times: number) =>
  value === undefined ? (limit: number) => times * step(limit) : typeof value === "number" ? () => value : value

interface Settings {
  readonly bounds: Bounds
  readonly alpha: (limit: number) => number
  readonly beta: (limit: number) => number
  readonly threshold: (limit: number) => number
  readonly increase: (limit: number) => number
  readonly decrease: (limit: number) => number
  readonly backoff: number
  readonly smoothing: number
  readonly probeEvery: number
  readonly probeAt: number
}

export const make = (options: VegasOptions = {}): LimitAlgorithm<VegasState> => {
  const bounds = readBounds({ ...options, max: options.max ?? Math.max(1_000, options.min ?? 0) })
  const settings: Settings = {
    bounds,
    alpha: asFunction(options.alpha, 3),
    beta: asFunction(options.beta, 6),
    threshold: asFunction(options.threshold, 1),
    increase: options.increase ?? ((limit) => limit + step(limit)),
    decrease: options.decrease ?? ((limit) => limit - step(limit)),
    backoff: options.backoff ?? 0.9,
    smoothing: options.smoothing ?? 1,
    probeEvery: options.probeEvery ?? 60,
    probeAt: options.probeAt ?? 0.5
  }
  return {
    name: "vegas",
    min: bounds.min,
    max: bounds.max,
    problem: problemOf([
      ...boundsChecks(bounds),
      within("backoff", settings.backoff, 0, 0.999),
      within("smoothing", settings.smoothing, 0, 1),
      within("probeAt", settings.probeAt, 0, 1),
      ["probeEvery", settings.probeEvery, settings.probeEvery >= 1, "a number from 1, or Infinity"]
    ]),
    begin: (seed) => ({
      limit: bounds.initial,
      estimate: bounds.initial,
      baseMicros: undefined,
      rttMicros: 0,
      queue: 0,
      probe: beginProbe(seed, settings.probeEvery),
      move: "begin"
    }),
    update: (state, sample) => update(settings, state, sample),
    explain: (state) => `vegas: ${explain(state, bounds)}`
  }
}

const update = (settings: Settings, state: VegasState, sample: LimitSample): VegasState => {
  const { bounds } = settings
  const { errorMicros = 0, rttMicros } = sample
  if (sample.didDrop) {
    const to = Math.min(settings.decrease(state.estimate), dropped(state.estimate, settings.backoff))
    return moved({ ...settings, smoothing: 1 }, { ...state, rttMicros, move: "drop" }, to)
  }
  // Calls differ: the base is not below what it may be, and no more queues than must.
  const atMost = rttMicros + errorMicros
  const atLeast = rttMicros - errorMicros
  if (state.probe.isProbing) {
    const probe = beginProbe(state.probe.seed, settings.probeEvery)
    return {
      ...state,
      limit: whole(state.estimate, bounds),
      baseMicros: atMost,
      rttMicros,
      queue: 0,
      probe,
      move: "base"
    }
  }
  const probe = countDown(state.probe)
  if (probe.isProbing) {
    const limit = clamp(Math.floor(state.estimate * settings.probeAt), bounds)
    return { ...state, limit, rttMicros, probe, move: "probe" }
  }
  if (state.baseMicros === undefined || atMost < state.baseMicros) {
    return { ...state, baseMicros: atMost, rttMicros, queue: 0, probe, move: "base" }
  }
  const { estimate } = state
  const queue = atLeast > state.baseMicros ? Math.ceil(estimate * (1 - state.baseMicros / atLeast)) : 0
  const next = { ...state, rttMicros, queue, probe }
  if (isAppLimited(sample.inFlight, estimate)) return { ...next, move: "idle" }
  const atLimit = Math.floor(estimate)
  if (queue <= settings.threshold(atLimit)) {
    return moved(settings, { ...next, move: "grow" }, estimate + settings.beta(atLimit))
  }
  if (queue < settings.alpha(atLimit)) return moved(settings, { ...next, move: "grow" }, settings.increase(estimate))
  if (queue > settings.beta(atLimit)) return moved(settings, { ...next, move: "shrink" }, settings.decrease(estimate))
  return { ...next, move: "hold" }
}

/** Goes to a new limit, by the part of the way that smoothing leaves. */
const moved = ({ bounds, probeAt, smoothing }: Settings, state: VegasState, to: number): VegasState => {
  const estimate = clamp((1 - smoothing) * state.estimate + smoothing * clamp(to, bounds), bounds)
  const limit = state.probe.isProbing ? clamp(Math.floor(estimate * probeAt), bounds) : whole(estimate, bounds)
  return { ...state, estimate, limit }
}

const whole = (estimate: number, bounds: Bounds): number => clamp(Math.floor(estimate), bounds)

const explain = (state: VegasState, { max, min }: Bounds): string => {
  const { baseMicros, limit, move, queue, rttMicros } = state
  const seen = `about ${queue} queue (${formatMicros(rttMicros)}, ${formatMicros(baseMicros ?? 0)} without a queue)`
  switch (move) {
    case "begin":
      return `begins at ${limit}`
    case "base":
      return `stays at ${limit}, ${formatMicros(rttMicros)} without a queue`
    case "probe":
      return `${limit} for a round trip, to see the latency without a queue; then ${Math.floor(state.estimate)} again`
    case "grow":
      return `${limit === max ? `at its maximum of ${max}` : `grows to ${limit}`}, ${seen}`
    case "hold":
      return `stays at ${limit}, ${seen}`
    case "shrink":
      return `${limit === min ? `at its minimum of ${min}` : `falls to ${limit}`}, ${seen}`
    case "idle":
      return `stays at ${limit}, less than half was in use`
    case "drop":
      return `falls to ${limit}, a call was dropped${limit === min ? " (its minimum)" : ""}`
  }
}
