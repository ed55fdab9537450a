/**
 * The report: a page of its own (no script, no request to anywhere, light and dark)
 * with the figures as tables and use, queue and waits as plots; or only the plots,
 * as one picture.
 */
import { type Chart, chartHeight, chartWidth, plainUnit, renderChart, timeTicks, timeUnitOf } from "./chart.ts"
import { chartStyle, darkPalette, escapeMarkup, palette } from "./markup.ts"
import { type PoolSpec, unlimited } from "./pools.ts"
import type { Distribution } from "./statistics.ts"
import type { JobFigures, Summary } from "./summary.ts"
import { formatNumber, formatPercent, formatSeconds, policyText } from "./text.ts"
import type { TimelineView } from "./timeline.ts"

export interface ReportInput {
  readonly pools: ReadonlyArray<PoolSpec>
  readonly timeline: TimelineView | undefined
  readonly figures: JobFigures
  readonly summary: Summary
}

/** Rows of the table that says what the plots show. */
const slicesMax = 24

const overTime = (timeline: TimelineView) => {
  const seconds = timeline.endMicros / 1e6
  return { cells: timeline.endMicros / timeline.cellMicros, xMax: seconds, xTicks: timeTicks(seconds) }
}

const percentiles = Array.from({ length: 101 }, (_, percent) => percent)

const chartsOf = ({ figures, pools, summary, timeline }: ReportInput): ReadonlyArray<Chart> => {
  const charts: Array<Chart> = []
  const [queue, ...uses] = timeline?.series ?? []
  if (timeline !== undefined && queue !== undefined) {
    for (const [index, use] of uses.entries()) {
      const pool = pools[index]
      const figures = summary.pools[index]
      if (pool === undefined || figures === undefined) continue
      const limit = pool.capacity === unlimited ? undefined : pool.capacity
      const of = limit === undefined ? "" : ` of ${formatNumber(limit)} (dashed)`
      const description = `Utilization ${formatPercent(figures.utilization)}, at most ${formatNumber(figures.peak)}${of} in use.`
      const title = `${pool.name} in use: mean, and peak as a thin line`
      charts.push({
        kind: "use",
        title,
        description,
        values: use.means,
        peaks: use.peaks,
        limit,
        yUnit: plainUnit,
        ...overTime(timeline)
      })
    }
    charts.push({
      kind: "queue",
      title: "Jobs waiting: mean, and peak as a thin line",
      description: `Mean ${formatNumber(summary.queue.mean)}, at most ${formatNumber(summary.queue.max)} jobs.`,
      values: queue.means,
      peaks: queue.peaks,
      limit: undefined,
      yUnit: plainUnit,
      ...overTime(timeline)
    })
  }
  const sorted = figures.wait.toSorted()
  charts.push({
    kind: "wait",
    title: "Wait by percentile of the jobs",
    description: `Half of the jobs wait at most ${formatSeconds(summary.wait.p50)}, 99 % at most ${formatSeconds(summary.wait.p99)}.`,
    values: percentiles
      .slice(1)
      .map((percent) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0),
    peaks: undefined,
    limit: undefined,
    cells: 100,
    xMax: 100,
    xTicks: percentiles.filter((percent) => percent % 10 === 0).map((at) => ({ at, label: `${at} %` })),
    yUnit: timeUnitOf(summary.wait.max ?? 0)
  })
  return charts
}

const svgOf = (chart: Chart, index: number): string =>
  `<svg class="chart" viewBox="0 0 ${chartWidth} ${chartHeight}" role="img" aria-labelledby="t${index} d${index}">
<title id="t${index}">${escapeMarkup(chart.title)}</title><desc id="d${index}">${escapeMarkup(chart.description)}</desc>
${renderChart(chart)}
</svg>`

const row = (head: string, cells: ReadonlyArray<string>): string =>
  `<tr><th scope="row">${escapeMarkup(head)}</th>${cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join("")}</tr>`

const table = (caption: string, heads: ReadonlyArray<string>, rows: ReadonlyArray<string>): string =>
  `<div class="wide"><table><caption>${escapeMarkup(caption)}</caption>
<thead><tr>${heads.map((head) => `<th scope="col">${escapeMarkup(head)}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>`

const spread = (head: string, values: Distribution, format: (value: number | null) => string): string =>
  row(head, [values.mean, values.p50, values.p90, values.p95, values.p99, values.max].map(format))

const countsOf = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([reason, count]) => `${reason} ${formatNumber(count)}`)
    .join(", ") || "none"

const slicesTable = ({ pools, timeline }: ReportInput): string => {
  if (timeline === undefined) return ""
  const [queue, ...uses] = timeline.series
  const cells = queue?.means.length ?? 0
  const every = Math.max(1, Math.ceil(cells / slicesMax))
  const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length)
  const rows: Array<string> = []
  for (let cell = 0; cell < cells; cell += every) {
    const slice = (values: ReadonlyArray<number> = []) => formatNumber(mean(values.slice(cell, cell + every)))
    rows.push(
      row(formatSeconds((cell * timeline.cellMicros) / 1e6), [
        ...uses.map((use) => slice(use.means)),
        slice(queue?.means)
      ])
    )
  }
  const heads = ["from", ...pools.map((pool) => `${pool.name} in use`), "jobs waiting"]
  return `<details><summary>The plots as a table</summary>${table("Means over time", heads, rows)}</details>`
}

const tablesOf = ({ summary }: ReportInput): ReadonlyArray<string> => [
  table(
    "Jobs",
    ["", "mean", "p50", "p90", "p95", "p99", "max"],
    [
      spread("wait", summary.wait, formatSeconds),
      spread("response", summary.response, formatSeconds),
      spread("bounded slowdown", summary.boundedSlowdown, formatNumber)
    ]
  ),
  table(
    "Pools",
    ["", "capacity", "rate", "peak", "utilization", "to the last start"],
    summary.pools.map((pool) =>
      row(pool.name, [
        pool.capacity === null ? "unlimited" : formatNumber(pool.capacity),
        pool.rate ?? "none",
        formatNumber(pool.peak),
        formatPercent(pool.utilization),
        formatPercent(pool.utilizationToLastStart)
      ])
    )
  ),
  table(
    `Agents with the most work (${summary.fairness.agents} in all; Jain's index ` +
      `${formatNumber(summary.fairness.jain.boundedSlowdown)} by slowdown, ${formatNumber(summary.fairness.jain.wait)} by wait)`,
    ["agent", "jobs", "work (unit seconds)", "mean wait", "mean bounded slowdown"],
    summary.fairness.largest
      .slice(0, 20)
      .map((agent) =>
        row(agent.agent, [
          formatNumber(agent.jobs),
          formatNumber(agent.work),
          formatSeconds(agent.waitMean),
          formatNumber(agent.boundedSlowdownMean)
        ])
      )
  )
]

const pageStyle = `
  :root { color-scheme: light dark; ${palette} }
  @media (prefers-color-scheme: dark) { :root { ${darkPalette} } }
  body { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; background: var(--surface); color: var(--text);
    font: 16px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
  .chart { width: 100%; height: auto; display: block; margin: 1rem 0; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; margin: 1.5rem 0; font-variant-numeric: tabular-nums; }
  caption { text-align: left; font-weight: 600; padding-bottom: 0.25rem; }
  th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; border-bottom: 1px solid var(--grid); font-weight: 400; }
  th:first-child { text-align: left; }
  thead th { color: var(--muted); }
  ${chartStyle}`

export const renderReport = (input: ReportInput): string => {
  const { summary } = input
  const { malformed, skipped, window } = summary
  const title = `Replay of ${summary.file}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title>
<style>${pageStyle}
</style>
</head>
<body>
<main>
<h1>${escapeMarkup(title)}</h1>
<p>Rows ${window.from} to ${window.from + window.rows - 1}, order ${escapeMarkup(policyText(summary))}:
${formatNumber(summary.jobs)} jobs in ${formatSeconds(summary.makespan)} of virtual time.
Skipped: ${escapeMarkup(countsOf(skipped.byReason))}. Malformed lines: ${escapeMarkup(countsOf(malformed.byReason))}.
Violations of the manager's rules: ${summary.violations}.</p>
${chartsOf(input).map(svgOf).join("\n")}
${tablesOf(input).join("\n")}
${slicesTable(input)}
</main>
</body>
</html>
`
}

export const renderPicture = (input: ReportInput): string => {
  const charts = chartsOf(input)
  const height = charts.length * chartHeight
  const stacked = charts.map(
    (chart, index) => `<g transform="translate(0 ${index * chartHeight})">${renderChart(chart)}</g>`
  )
  const description = charts.map((chart) => `${chart.title}. ${chart.description}`).join(" ")
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${chartWidth} ${height}" width="${chartWidth}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${escapeMarkup(`Replay of ${input.summary.file}`)}</title><desc id="d">${escapeMarkup(description)}</desc>
<style>svg { ${palette} } @media (prefers-color-scheme: dark) { svg { ${darkPalette} } }${chartStyle}
</style>
<rect width="100%" height="100%" fill="var(--surface)"/>
${stacked.join("\n")}
</svg>
`
}
