/**
 * Sums calls up into samples of one round trip each, for a limit algorithm.
 *
 * - A window is as many calls as were in flight at most, from `samplesMin` to
 *   `samplesMax`, and at least `windowMicros` long.
 * - Calls are counted as they end, whenever they began: counting only those that began
 *   in the window would count the quick ones and miss the slow ones. So after the limit
 *   changed, the first round trip is left out where latencies are compared: it ran
 *   mostly under the limit before.
 * - The first drop ends the window at once, unless its call began before the limit last
 *   changed: a hundred calls that time out together lower it once, not a hundred times.
 */
import type { Governor, LimitSample } from "../LimitPolicy.ts"

export interface FeedOptions {
  readonly samplesMin: number
  readonly samplesMax: number
  readonly windowMicros: number
  /** Whether the first round trip after a change is left out. */
  readonly settles: boolean
}

/** A call that ended. Instants are in microseconds of one monotonic clock. */
export interface EndedCall {
  readonly startedAt: number
  readonly endedAt: number
  /** Units in flight when it began, its own included. */
  readonly inFlight: number
  /** The same in calls. */
  readonly calls: number
  readonly didDrop: boolean
}

/** The calls of a window so far. */
export interface SampleWindow {
  readonly openedAt: number
  readonly count: number
  readonly sumMicros: number
  /** The sum of the squares of the latencies. */
  readonly squares: number
  readonly slowestMicros: number
  /** The most units and calls in flight. */
  readonly inFlightMax: number
  readonly callsMax: number
  readonly didDrop: boolean
}

export const openWindow = (at: number): SampleWindow => ({
  openedAt: at,
  count: 0,
  sumMicros: 0,
  squares: 0,
  slowestMicros: 0,
  inFlightMax: 0,
  callsMax: 0,
  didDrop: false
})

export const addCall = (window: SampleWindow, call: EndedCall): SampleWindow => {
  const rttMicros = Math.max(0, call.endedAt - call.startedAt)
  return {
    openedAt: window.openedAt,
    count: window.count + 1,
    sumMicros: window.sumMicros + rttMicros,
    squares: window.squares + rttMicros * rttMicros,
    slowestMicros: Math.max(window.slowestMicros, rttMicros),
    inFlightMax: Math.max(window.inFlightMax, call.inFlight),
    callsMax: Math.max(window.callsMax, call.calls),
    didDrop: window.didDrop || call.didDrop
  }
}

/** The window summed up: its mean latency, whatever the calls came to, and how far that is to be trusted. */
export const sampleOf = ({ count, didDrop, inFlightMax, squares, sumMicros }: SampleWindow): LimitSample => {
  const mean = count === 0 ? 0 : sumMicros / count
  const variance = count < 2 ? 0 : Math.max(0, (squares - count * mean * mean) / (count - 1))
  return {
    rttMicros: Math.floor(mean),
    errorMicros: count === 0 ? 0 : Math.sqrt(variance / count),
    inFlight: inFlightMax,
    didDrop
  }
}

export const isComplete = (window: SampleWindow, now: number, options: FeedOptions): boolean =>
  window.didDrop ||
  (window.count >= Math.max(options.samplesMin, Math.min(window.callsMax, options.samplesMax)) &&
    now - window.openedAt >= options.windowMicros)

/** How long calls from before a change go on ending: as long as the slowest, but one straggler must not count. */
const settleMicros = (window: SampleWindow): number => {
  const mean = window.sumMicros / window.count
  return Math.max(1.25 * mean, Math.min(window.slowestMicros, 2 * mean))
}

export class LimitFeed {
  readonly governor: Governor
  private readonly options: FeedOptions
  private window: SampleWindow
  /** When the limit last changed. */
  private changedAt: number
  /** Calls that end later are counted. */
  private settledAt = -Infinity

  constructor(governor: Governor, options: FeedOptions, now: number) {
    this.governor = governor
    this.options = options
    this.window = openWindow(now)
    this.changedAt = now
  }

  /** Takes a call that ended; whether the algorithm was asked. */
  add(call: EndedCall): boolean {
    if (call.didDrop ? call.startedAt < this.changedAt : call.endedAt <= this.settledAt) return false
    this.window = addCall(this.window, call)
    const now = call.endedAt
    if (!isComplete(this.window, now, this.options)) return false
    const before = this.governor.state.limit
    const settle = this.options.settles ? settleMicros(this.window) : 0
    this.governor.update(sampleOf(this.window))
    if (this.governor.state.limit === before) this.window = openWindow(now)
    else {
      this.changedAt = now
      if (this.options.settles) this.settledAt = now + settle
      this.window = openWindow(now + settle)
    }
    return true
  }
}
