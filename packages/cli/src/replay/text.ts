/** The summary for a terminal. */
import { printable } from "../printable.ts"
import type { Distribution } from "./statistics.ts"
import type { Summary } from "./summary.ts"

const plain = new Intl.NumberFormat("en", {
  maximumSignificantDigits: 4,
  roundingPriority: "morePrecision",
  maximumFractionDigits: 2
})

export const formatNumber = (value: number | null): string => (value === null ? "–" : plain.format(value))

export const formatPercent = (value: number | null): string => (value === null ? "–" : `${(100 * value).toFixed(1)} %`)

const steps = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"]
] as const

export const formatSeconds = (value: number | null): string => {
  if (value === null) return "–"
  if (value === 0) return "0 s"
  if (value < 1) return value < 0.001 ? `${plain.format(value * 1e6)} µs` : `${plain.format(value * 1e3)} ms`
  const [size, unit] = steps.find(([size]) => value >= 2 * size) ?? [1, "s"]
  return `${plain.format(value / size)} ${unit}`
}

const spread = (name: string, values: Distribution, format: (value: number | null) => string): string => {
  const cells = [values.mean, values.p50, values.p90, values.p99, values.max].map(
    (value) => ` ${format(value).padStart(13)}`
  )
  return `${name.padEnd(18)}${cells.join("")}`
}

/** Who was next, and who could start before. */
export const policyText = ({ backfill, committedHead, halfLifeSeconds, order }: Summary): string => {
  const overtaking = (order === "sjf" || order === "f1") && !committedHead
  const halved = halfLifeSeconds === undefined ? order : `${order}, a half-life of ${halfLifeSeconds} s`
  const chosen = overtaking ? `${order} with overtaking` : halved
  return backfill.kind === "none" ? chosen : `${chosen}, backfill ${backfill.kind}`
}

const counted = (counts: Record<string, number>): string => {
  const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${formatNumber(count)}`)
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`
}

export const renderText = (summary: Summary): string => {
  const { fairness, malformed, skipped, window } = summary
  const lines = [
    `${printable(summary.file)}: rows ${window.from} to ${window.from + window.rows - 1}, ${policyText(summary)}`,
    "",
    `jobs              ${formatNumber(summary.jobs)} replayed`,
    `skipped           ${formatNumber(skipped.total)}${counted(skipped.byReason)}`,
    `malformed         ${formatNumber(malformed.total)}${counted(malformed.byReason)}`,
    `makespan          ${formatSeconds(summary.makespan)}`,
    "",
    `${"".padEnd(18)}${["mean", "p50", "p90", "p99", "max"].map((name) => name.padStart(14)).join("")}`,
    spread("wait", summary.wait, formatSeconds),
    spread("response", summary.response, formatSeconds),
    spread("bounded slowdown", summary.boundedSlowdown, formatNumber),
    "",
    ...summary.pools.map((pool) => {
      const capacity = pool.capacity === null ? "unlimited" : formatNumber(pool.capacity)
      const rate = pool.rate === null ? "" : ` at ${pool.rate}`
      const used = `utilization ${formatPercent(pool.utilization)} (to the last start ${formatPercent(pool.utilizationToLastStart)})`
      return `${pool.name.padEnd(18)}${capacity}${rate}, peak ${formatNumber(pool.peak)}, ${used}`
    }),
    `queue             mean ${formatNumber(summary.queue.mean)}, max ${formatNumber(summary.queue.max)}`,
    `fairness          Jain ${formatNumber(fairness.jain.boundedSlowdown)} by slowdown, ${formatNumber(fairness.jain.wait)} by wait, ${formatNumber(fairness.agents)} agents`,
    `violations        ${formatNumber(summary.violations)}`,
    `replayed in       ${formatNumber(summary.replay.milliseconds)} ms, ${formatNumber(summary.replay.events)} events`
  ]
  return lines.join("\n")
}
