/**
 * One plot as an SVG fragment. Values come as equally wide cells from the left to
 * the right; each is drawn as a step, so that nothing is shown between values that
 * was not there.
 */
import { escapeMarkup } from "./markup.ts"

export const chartWidth = 960
export const chartHeight = 230

const margin = { top: 34, right: 24, bottom: 34, left: 64 }
const plotWidth = chartWidth - margin.left - margin.right
const plotHeight = chartHeight - margin.top - margin.bottom

export interface Chart {
  readonly kind: "use" | "queue" | "wait"
  readonly title: string
  /** What it shows in words and figures, for those who do not see it. */
  readonly description: string
  readonly values: ReadonlyArray<number>
  /** Drawn as a thin line above the values. */
  readonly peaks: ReadonlyArray<number> | undefined
  /** The last cell may end beyond the plot: how many cells the plot is wide. */
  readonly cells: number
  /** Drawn as a dashed line. */
  readonly limit: number | undefined
  /** What the right edge stands for, and how a place on the axis is written. */
  readonly xMax: number
  readonly xTicks: ReadonlyArray<{ readonly at: number; readonly label: string }>
  readonly yUnit: Unit
}

export interface Unit {
  readonly size: number
  readonly name: string
}

/** Values that are counted. */
export const plainUnit: Unit = { size: 1, name: "" }

/** Round steps, about `count` of them, from 0 to at least `max`. */
export const niceTicks = (max: number, count: number): ReadonlyArray<number> => {
  if (!(max > 0)) return [0]
  const rough = max / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10)
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, index) => index * step)
}

const timeUnits = [
  { size: 86_400, name: "d" },
  { size: 3_600, name: "h" },
  { size: 60, name: "min" },
  { size: 1, name: "s" },
  { size: 0.001, name: "ms" }
] as const

/** The largest unit of which so many seconds are at least two. */
export const timeUnitOf = (seconds: number): Unit =>
  timeUnits.find(({ size }) => seconds >= 2 * size) ?? { size: 1e-6, name: "µs" }

export const timeTicks = (seconds: number): Chart["xTicks"] => {
  const unit = timeUnitOf(seconds)
  return niceTicks(seconds / unit.size, 8)
    .filter((at) => at * unit.size <= seconds)
    .map((at) => ({ at: at * unit.size, label: `${Number(at.toPrecision(6))} ${unit.name}` }))
}

const round = (value: number): string => String(Math.round(value * 10) / 10)

const stepsOf = (values: ReadonlyArray<number>, cells: number, top: number): string => {
  const x = (cell: number) => round(Math.min(plotWidth, (plotWidth * cell) / cells))
  const y = (value: number) => round(plotHeight - (top > 0 ? (plotHeight * value) / top : 0))
  let path = ""
  let last = ""
  for (let cell = 0; cell < values.length; cell++) {
    const level = y(values[cell] ?? 0)
    // Cells of one level are one step: most of a page is such steps otherwise.
    if (level !== last) path += `${path === "" ? `M0 ${level}` : `H${x(cell)}V${level}`}`
    last = level
  }
  return `${path}H${x(values.length)}`
}

export const renderChart = (chart: Chart): string => {
  const { cells, limit, peaks, values } = chart
  const highest = (peaks ?? values).reduce((a, b) => Math.max(a, b), limit ?? 0)
  const { size, name } = chart.yUnit
  const ticks = niceTicks(highest / size, 4).map((at) => ({
    at: at * size,
    label: `${Number(at.toPrecision(6)).toLocaleString("en")} ${name}`.trimEnd()
  }))
  const top = ticks.at(-1)?.at ?? 0
  const y = (value: number) => round(plotHeight - (top > 0 ? (plotHeight * value) / top : 0))
  const x = (value: number) => round(chart.xMax > 0 ? (plotWidth * value) / chart.xMax : 0)
  const steps = stepsOf(values, cells, top)
  const lines = [
    `<text class="title" x="0" y="-14">${escapeMarkup(chart.title)}</text>`,
    ...ticks.map(
      ({ at, label }) =>
        `<path class="grid" d="M0 ${y(at)}H${plotWidth}"/><text x="-8" y="${y(at)}" dy="4" text-anchor="end">${label}</text>`
    ),
    ...chart.xTicks.map(
      ({ at, label }) => `<text x="${x(at)}" y="${plotHeight + 20}" text-anchor="middle">${escapeMarkup(label)}</text>`
    )
  ]
  if (values.length > 0) {
    lines.push(`<path class="area" d="${steps}V${plotHeight}H0Z"/>`)
    if (peaks !== undefined) lines.push(`<path class="peak" d="${stepsOf(peaks, cells, top)}"/>`)
    lines.push(`<path class="line" d="${steps}"/>`)
  }
  if (limit !== undefined) lines.push(`<path class="limit" d="M0 ${y(limit)}H${plotWidth}"/>`)
  return `<g class="${chart.kind}" transform="translate(${margin.left} ${margin.top})">\n${lines.join("\n")}\n</g>`
}
