/**
 * Draws the simulation: `npx -y pnpm@12 exec node packages/plugins/host/test/picture.ts`
 * writes docs/images/pressure.svg and prints the figures of docs/pressure.md.
 */
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { figuresOf, intruder, processors, type Sample, seconds, simulate, type Simulated } from "./simulation.ts"

export const pictureFile = join(import.meta.dirname, "../../../../docs/images/pressure.svg")

const width = 960
const plot = { left: 64, width: 872, height: 150 } as const

const x = (second: number) => Math.round((plot.width * second * 10) / seconds) / 10
const yOf = (max: number) => (value: number) => Math.round((plot.height - (plot.height * value) / max) * 10) / 10

/** Values as steps, each a second wide. */
const steps = (samples: ReadonlyArray<Sample>, value: (sample: Sample) => number, max: number): string => {
  const y = yOf(max)
  let path = ""
  let last: number | undefined
  for (const sample of samples) {
    const level = y(value(sample))
    if (level !== last) path += path === "" ? `M0 ${level}` : `H${x(sample.second)}V${level}`
    last = level
  }
  return `${path}H${plot.width}`
}

interface Chart {
  readonly title: string
  readonly max: number
  readonly ticks: ReadonlyArray<readonly [value: number, label: string]>
  readonly lines: ReadonlyArray<string>
}

const chart = ({ lines, max, ticks, title }: Chart, top: number): string => {
  const y = yOf(max)
  return [
    `<g transform="translate(${plot.left} ${top})">`,
    `<rect class="intruder" x="${x(intruder.from)}" y="0" width="${x(intruder.until) - x(intruder.from)}" height="${plot.height}"/>`,
    `<text class="title" x="0" y="-14">${title}</text>`,
    ...ticks.map(
      ([value, label]) =>
        `<path class="grid" d="M0 ${y(value)}H${plot.width}"/><text x="-8" y="${y(value)}" dy="4" text-anchor="end">${label}</text>`
    ),
    ...Array.from({ length: seconds / 60 + 1 }, (_, minute) => minute * 60).map(
      (second) => `<text x="${x(second)}" y="${plot.height + 20}" text-anchor="middle">${second} s</text>`
    ),
    ...lines,
    "</g>"
  ].join("\n")
}

const area = (kind: string, path: string) =>
  `<path class="${kind} area" d="${path}V${plot.height}H0Z"/><path class="${kind} line" d="${path}"/>`

const label = (kind: string, second: number, y: number, text: string) =>
  `<text class="${kind} label" x="${x(second)}" y="${y}">${text}</text>`

/** The picture of the runs with pressure and without. */
export const draw = (on: Simulated, off: Simulated): string => {
  const y = yOf(1)
  const cores = chart(
    {
      title: `processors handed out of ${processors}`,
      max: processors,
      ticks: [0, 4, 8, 12, 16].map((value) => [value, String(value)]),
      lines: [
        area(
          "use",
          steps(on.samples, (sample) => sample.inUse, processors)
        ),
        `<path class="limit" d="${steps(on.samples, (sample) => sample.capacity, processors)}"/>`,
        label("use", 122, yOf(processors)(4), "in use"),
        label("muted", 182, yOf(processors)(6.4), "for new leases (dashed)"),
        label("muted", intruder.from + 24, 14, `${intruder.threads} threads that lease nothing`)
      ]
    },
    34
  )
  const lost = chart(
    {
      title: "time in which some task waited for a processor",
      max: 1,
      ticks: [0, 0.25, 0.5, 0.75, 1].map((value) => [value, `${value * 100} %`]),
      lines: [
        `<path class="without line" d="${steps(off.samples, (sample) => sample.lost, 1)}"/>`,
        area(
          "lost",
          steps(on.samples, (sample) => sample.lost, 1)
        ),
        `<path class="limit" d="M0 ${y(0.5)}H${plot.width}"/><path class="limit" d="M0 ${y(0.25)}H${plot.width}"/>`,
        label("muted", 4, y(0.5) - 6, "over: shrinks"),
        label("muted", 4, y(0.25) + 16, "calm: may grow"),
        label("without", 122, y(0.75) - 6, "without pressure"),
        label("lost", 122, y(0.31) - 6, "with pressure")
      ]
    },
    264
  )
  const { least, lostPercent, secondsOver } = figuresOf(on)
  const description =
    `From second ${intruder.from} to ${intruder.until} somebody keeps ${intruder.threads} more threads busy. ` +
    `The processors for new leases fall from ${processors} to ${least} and come back; more than half of the time is lost in ${secondsOver} seconds, ` +
    `${lostPercent} % in the mean, and 75 % all along without.`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 460" width="${width}" height="460" role="img" aria-labelledby="t d">
<title id="t">A workstation under pressure</title><desc id="d">${description}</desc>
<style>svg { --surface: #ffffff; --text: #1f2430; --muted: #596170; --grid: #e3e6ea; --use: #2a6fbb; --lost: #b1520d; --without: #5b4fb3; }
  @media (prefers-color-scheme: dark) { svg { --surface: #14171c; --text: #e6e8eb; --muted: #a2a9b4; --grid: #2c323b; --use: #6aa8ee; --lost: #f0975a; --without: #a99cf2; } }
  text { font: 12px system-ui, sans-serif; fill: var(--muted); }
  text.title { font-size: 14px; font-weight: 600; fill: var(--text); }
  .grid { stroke: var(--grid); fill: none; } .intruder { fill: var(--muted); fill-opacity: 0.1; }
  .limit { stroke: var(--muted); stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; }
  .use { --ink: var(--use); } .lost { --ink: var(--lost); } .without { --ink: var(--without); } .muted { --ink: var(--muted); }
  .area { fill: var(--ink); fill-opacity: 0.3; stroke: none; } .line { stroke: var(--ink); stroke-width: 1.5; fill: none; }
  text.label { fill: var(--ink); }
</style>
<rect width="100%" height="100%" fill="var(--surface)"/>
${cores}
${lost}
</svg>
`
}

/** The table of the page. */
export const table = (on: Simulated, off: Simulated): string => {
  const rows: ReadonlyArray<readonly [string, (figures: ReturnType<typeof figuresOf>) => string]> = [
    ["time lost while it lasts, in the mean", ({ lostPercent }) => `${lostPercent} %`],
    ["speed of its threads, of that alone", ({ speedPercent }) => `${speedPercent} %`],
    ["seconds in which more than half was lost", ({ secondsOver }) => String(secondsOver)],
    [
      "seconds to the least capacity",
      ({ least, untilLeast }) => (least < processors ? `${untilLeast} (${least} processors)` : "-")
    ],
    [
      "seconds after it until all is handed out",
      ({ least, untilWhole }) => (least < processors ? String(untilWhole) : "-")
    ],
    ["falls after a rise", ({ relapses }) => String(relapses)],
    ["jobs done in all", ({ jobsDone }) => String(jobsDone)]
  ]
  const lines = rows.map(([title, of]) => `| ${title} | ${of(figuresOf(off))} | ${of(figuresOf(on))} |`)
  return ["| | without | with pressure |", "|---|---|---|", ...lines].join("\n")
}

if (process.argv[1] === import.meta.filename) {
  const [on, off] = await Effect.runPromise(Effect.all([simulate(true), simulate(false)]))
  writeFileSync(pictureFile, draw(on, off))
  process.stdout.write(`${table(on, off)}\n`)
}
