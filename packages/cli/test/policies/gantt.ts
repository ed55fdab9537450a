/**
 * Draws the picture in docs/policies/backfill.md from real replays through the Ledger:
 * `npx -y pnpm@12 exec node packages/cli/test/policies/gantt.ts`.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { chartStyle, darkPalette, palette } from "../../src/replay/markup.ts"
import { plainPolicy } from "../../src/replay/policy.ts"
import type { BackfillName } from "../../src/replay/policyNames.ts"
import { Simulation } from "../../src/replay/simulation.ts"
import { processors, readSwf, swfText } from "../support.ts"

const capacity = 8

/** Minutes, and processors: a large job comes second, when it does not fit, and small ones come behind it. */
const jobs = [
  { submit: 0, run: 6, allocated: 5 },
  { submit: 1, run: 4, allocated: 6 },
  { submit: 1, run: 3, allocated: 7 },
  { submit: 2, run: 3, allocated: 1 },
  { submit: 2, run: 9, allocated: 2 },
  { submit: 3, run: 2, allocated: 1 },
  { submit: 4, run: 5, allocated: 3 },
  { submit: 6, run: 2, allocated: 2 }
]

const minute = 60

const startsOf = (backfill: BackfillName): ReadonlyArray<number> => {
  const text = swfText(
    jobs.map(({ allocated, run, submit }) => ({ submit: submit * minute, run: run * minute, allocated }))
  )
  const workload = readSwf(text, { capacity })
  const simulation = new Simulation(workload, processors(capacity), {
    timeline: false,
    policy: { ...plainPolicy, backfill }
  })
  while (simulation.step(1000)) {
    // The next events.
  }
  return Array.from(simulation.finish().startedAt, (at) => at / 1e6 / minute)
}

interface Bar {
  readonly job: number
  readonly from: number
  readonly until: number
  readonly lane: number
  readonly lanes: number
}

/** Which processors each job has: the lowest that are free when it starts, next to each other where they can be. */
const barsOf = (starts: ReadonlyArray<number>): ReadonlyArray<Bar> => {
  const freeAt = Array.from({ length: capacity }, () => 0)
  const bars: Array<Bar> = []
  for (const job of jobs.map((_, job) => job).toSorted((a, b) => starts[a]! - starts[b]! || a - b)) {
    const from = starts[job]!
    const { allocated, run } = jobs[job]!
    const lanes = freeAt.flatMap((at, lane) => (at <= from ? [lane] : [])).slice(0, allocated)
    for (const lane of lanes) {
      freeAt[lane] = from + run
      const above = bars.at(-1)
      if (above !== undefined && above.job === job && above.lane + above.lanes === lane)
        bars[bars.length - 1] = { ...above, lanes: above.lanes + 1 }
      else bars.push({ job, from, until: from + run, lane, lanes: 1 })
    }
  }
  return bars
}

const width = 720
const left = 16
const laneHeight = 13
const panelHeight = capacity * laneHeight + 58
const kinds: ReadonlyArray<readonly [BackfillName, string]> = [
  ["none", "first come, first served"],
  ["shadow", "backfill shadow"],
  ["easy", "backfill easy"],
  ["conservative", "backfill conservative"]
]

const panel = ([kind, title]: (typeof kinds)[number], index: number, minutes: number): string => {
  const top = 8 + index * panelHeight
  const starts = startsOf(kind)
  const scale = (width - 2 * left) / minutes
  const x = (at: number) => left + at * scale
  const ends = Math.max(...starts.map((at, job) => at + jobs[job]!.run))
  const waited = starts.reduce((sum, at, job) => sum + at - jobs[job]!.submit, 0) / jobs.length
  const bars = barsOf(starts).map(({ from, job, lane, lanes, until }) => {
    const y = top + 24 + lane * laneHeight
    const tone = job === 1 ? "queue" : "use"
    return (
      `<g class="${tone}"><rect x="${x(from) + 1}" y="${y + 1}" width="${(until - from) * scale - 2}" ` +
      `height="${lanes * laneHeight - 2}" rx="2" style="fill: var(--ink); fill-opacity: 0.25; stroke: var(--ink)"/></g>` +
      `<text x="${(x(from) + x(until)) / 2}" y="${y + (lanes * laneHeight) / 2 + 4}" text-anchor="middle">${job + 1}</text>`
    )
  })
  const bottom = top + 24 + capacity * laneHeight
  const ticks = Array.from({ length: Math.floor(minutes / 5) + 1 }, (_, tick) => 5 * tick)
  return [
    `<text class="title" x="${left}" y="${top + 14}">${title}: mean wait ${waited.toFixed(1)} min, done after ${ends} min</text>`,
    `<rect class="grid" x="${left}" y="${top + 24}" width="${minutes * scale}" height="${capacity * laneHeight}"/>`,
    ...bars,
    ...ticks.map((at) => `<text x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${at}</text>`)
  ].join("\n")
}

const minutes = Math.ceil(Math.max(...startsOf("none").map((at, job) => at + jobs[job]!.run)) / 5) * 5
const height = kinds.length * panelHeight + 8
const picture = `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Eight jobs on eight processors, first come first served and with three kinds of backfill">
<style>
svg { ${palette} background: var(--surface); }
@media (prefers-color-scheme: dark) { svg { ${darkPalette} } }
${chartStyle}
</style>
${kinds.map((kind, index) => panel(kind, index, minutes)).join("\n")}
</svg>
`
writeFileSync(join(import.meta.dirname, "../../../../docs/images/backfill.svg"), picture)
