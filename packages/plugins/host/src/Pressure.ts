/**
 * How much of a capacity is handed out under pressure: a pure state machine, told
 * the share of time lost and how long since it was told last.
 *
 * Additive increase, multiplicative decrease (Chiu and Jain 1989): each reading
 * *over* a threshold multiplies the factor by `shrinkBy`; once no reading has been
 * over for the cool-down, *calm* readings let it grow, evenly by time.
 *
 * 1. `floor <= factor <= 1`.
 * 2. It falls only at a reading over a threshold, and then unless it is at the floor.
 * 3. It grows only at calm readings, the cool-down or more after the last one over,
 *    and by no more than `growthPerSecond` times the time that went by.
 * 4. Between calm and over it stays as it is: a share that dithers around either
 *    threshold moves it one way only. So two changes of direction, down and up
 *    again, are at least a cool-down apart.
 * 5. What cannot be read is neither over nor calm.
 */
import type { Extent, Kind, Shares } from "./Psi.ts"

/** A threshold of one figure. */
export interface Limit {
  readonly kind: Kind
  readonly extent: Extent
  /** A share above is pressure. */
  readonly over: number
  /** A share up to here is calm. Below `over`. */
  readonly calm: number
}

export interface Policy {
  readonly limits: ReadonlyArray<Limit>
  readonly shrinkBy: number
  readonly coolDownMicros: number
  readonly growthPerSecond: number
  readonly floor: number
}

/** The share of time lost by what one file tells of. */
export interface Reading extends Shares {
  readonly kind: Kind
  readonly path: string
}

/** A reading over a threshold. */
export interface Breach {
  readonly kind: Kind
  readonly extent: Extent
  readonly share: number
  readonly over: number
  readonly path: string
}

/**
 * `full`: all of it is handed out. `shrinking`: the last reading was over.
 * `growing`: the last one was calm and let it grow. `holding`: neither.
 */
export type Phase = "full" | "shrinking" | "holding" | "growing"

export interface State {
  /** The fraction of the capacity that is handed out. */
  readonly factor: number
  readonly phase: Phase
  /** Time since a reading was over; `Infinity` before the first. */
  readonly sinceOverMicros: number
  /** The last reading that was over, until all is handed out again. */
  readonly cause: Breach | undefined
}

export const initial: State = { factor: 1, phase: "full", sinceOverMicros: Infinity, cause: undefined }

type Zone = Breach | "between" | "calm"

/** Where the readings are: the worst that is over, measured by its threshold; calm only if all are. */
export const zoneOf = (limits: ReadonlyArray<Limit>, readings: ReadonlyArray<Reading>): Zone => {
  let worst: Breach | undefined
  let calm = true
  for (const limit of limits) {
    const own = readings.filter((reading) => reading.kind === limit.kind)
    if (own.length === 0) calm = false
    for (const reading of own) {
      const share = reading[limit.extent]
      // A kernel that does not measure it says nothing about it.
      if (share === undefined) continue
      if (share > limit.calm) calm = false
      if (share <= limit.over) continue
      if (worst === undefined || share * worst.over > worst.share * limit.over) {
        worst = { kind: limit.kind, extent: limit.extent, share, over: limit.over, path: reading.path }
      }
    }
  }
  return worst ?? (calm ? "calm" : "between")
}

export const step = (policy: Policy, state: State, readings: ReadonlyArray<Reading>, elapsedMicros: number): State => {
  const zone = zoneOf(policy.limits, readings)
  if (typeof zone === "object") {
    const factor = Math.max(policy.floor, state.factor * policy.shrinkBy)
    return { factor, phase: "shrinking", sinceOverMicros: 0, cause: zone }
  }
  const sinceOverMicros = state.sinceOverMicros + elapsedMicros
  if (state.factor === 1) return { factor: 1, phase: "full", sinceOverMicros, cause: undefined }
  if (zone === "between" || sinceOverMicros < policy.coolDownMicros)
    return { ...state, phase: "holding", sinceOverMicros }
  const factor = state.factor + (policy.growthPerSecond * elapsedMicros) / 1_000_000
  // Sums of sixtieths end a little off the whole.
  return factor > 1 - 1e-9
    ? { factor: 1, phase: "full", sinceOverMicros, cause: undefined }
    : { ...state, factor, phase: "growing", sinceOverMicros }
}

/**
 * What is handed out of a capacity: never above it, never below `min`, and never
 * nothing where there is something, or nobody could ever be served.
 */
export const capacityUnder = (capacity: number, factor: number, min: number): number =>
  Math.min(capacity, Math.max(min, 1, Math.floor(capacity * factor)))

const percent = (share: number): string => {
  const value = share * 100
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`
}

/** A breach for people: what was lost, the threshold, and who says so. */
export const formatBreach = ({ extent, kind, over, path, share }: Breach): string => {
  const who = extent === "some" ? "some task" : "every task"
  const what = { cpu: "a processor", memory: "memory", io: "input or output" }[kind]
  return `${kind} pressure: ${who} waited for ${what} ${percent(share)} of the time, over ${percent(over)} (${path})`
}
