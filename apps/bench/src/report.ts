/** Results for people: on a terminal, and as the page in `docs`. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os"
import { styleText } from "node:util"
import type { BenchCase, Result } from "./harness.ts"
import { byPart, type Hot } from "./profile.ts"

/** Whether a result is as good as its goal; `undefined` where none is set. */
export const isMet = ({ goal, ratio }: Result): boolean | undefined => (goal === null ? undefined : ratio <= goal)

const number = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(3)).toString()

const nanos = (value: number): string =>
  value >= 1e6 ? `${number(value / 1e6)} ms` : value >= 1e4 ? `${number(value / 1e3)} µs` : `${number(value)} ns`

const amounts = ({ bytes, ns }: Result): readonly [string, string] =>
  bytes === undefined
    ? [nanos(ns.ours), nanos(ns.peer)]
    : [`${number(bytes.ours)} B, ${nanos(ns.ours)}`, `${number(bytes.peer)} B, ${nanos(ns.peer)}`]

const ratioOf = ({ ratio, spread }: Result): string => `${number(ratio)} (${number(spread[0])} to ${number(spread[1])})`

const row = (result: Result): ReadonlyArray<string> => [
  result.case,
  result.peer,
  ...amounts(result),
  ratioOf(result),
  result.goal === null ? "" : `<= ${result.goal}`
]

const columns = ["case", "peer", "ours", "theirs", "ratio (quartiles)", "goal"]

export const terminalTable = (results: ReadonlyArray<Result>): string => {
  const rows = [columns, ...results.map(row)]
  const widths = columns.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  const lines = rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column]!)).join("  "))
  return lines
    .map((line, index) => {
      const met = index === 0 ? undefined : isMet(results[index - 1]!)
      if (met === undefined) return line.trimEnd()
      return styleText(met ? "green" : "red", `${line}  ${met ? "met" : "missed"}`, { stream: process.stdout })
    })
    .join("\n")
}

export const machine = (): ReadonlyArray<readonly [string, string]> => [
  ["processor", `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores`],
  ["memory", `${number(totalmem() / 2 ** 30)} GiB`],
  ["system", `${type()} ${release()}, ${process.arch}`],
  ["Node", `${process.versions.node} (V8 ${process.versions.v8})`],
  ["load", `${number(loadavg()[0] ?? 0)} on average in the last minute, of which a run alone is about 1`],
  ["date", new Date().toISOString().slice(0, 10)]
]

const cell = (text: string): string => text.replaceAll("|", "\\|")

const tableRow = (cells: ReadonlyArray<string>): string => `| ${cells.map(cell).join(" | ")} |`

const verdict = (result: Result): string => {
  const met = isMet(result)
  return met === undefined ? "" : met ? "🟢 met" : "🔴 missed"
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const missedSection = (results: ReadonlyArray<Result>, hot: ReadonlyMap<string, ReadonlyArray<Hot>>): string => {
  const missed = results.filter((result) => isMet(result) === false)
  if (missed.length === 0) return "Every goal is met.\n"
  const names = [...new Set(missed.map((result) => result.case))]
  return names
    .map((name) => {
      const rows = missed.filter((result) => result.case === name)
      const against = rows.map((result) => `${number(result.ratio)} of ${result.peer}, goal ${result.goal}`).join("; ")
      const profile = hot.get(name) ?? []
      const top = profile.slice(0, 12)
      const parts = byPart(profile).filter(({ share }) => share >= 0.01)
      return [
        `### ${name}`,
        "",
        `${against}.`,
        "",
        `Self time by part: ${parts.map(({ part, share }) => `${part} ${percent(share)}`).join(", ")}.`,
        "",
        "| self time | function |",
        "| ---: | --- |",
        ...top.map(({ share, where }) => tableRow([percent(share), `\`${where}\``])),
        ""
      ].join("\n")
    })
    .join("\n")
}

export const page = (input: {
  readonly cases: ReadonlyArray<BenchCase>
  readonly results: ReadonlyArray<Result>
  readonly hot: ReadonlyMap<string, ReadonlyArray<Hot>>
  readonly command: string
}): string => {
  const { cases, command, hot, results } = input
  const measured = new Set(results.map((result) => result.case))
  return `# Benchmarks

This page is written by \`${command}\`. \`pnpm bench\` prints a shorter run as a table in under a
minute, \`pnpm bench --full\` takes some minutes, \`pnpm bench --help\` tells the rest.

${machine()
  .map(([what, value]) => `- ${what}: ${value}`)
  .join("\n")}

## How it is measured

- All sides of a case run in one process, in interleaved rounds: each round takes one sample of each
  side, in a changing order. A ratio is ours over theirs **within a round**; the table has the median over
  the rounds with the quartiles, and the median of each side's time for one operation. The daemon of remote
  leases is a process of its own, and answers both sides on one socket.
- Ours is what every program runs: the public entry points, a quota for every agent, a rate on every pool,
  statistics and deadlock detection on, the clock that \`TestClock\` replaces. There is no mode that skips a rule.
- Each peer is driven as its documentation shows. Every sample asserts its visible effect (all bodies ran, nobody
  ran while the pool was held), and before a case is timed, bodies that suspend check that as many as fit, and
  never more, run at once. A side that skips work fails the run.
- Every operation has a closure and a claim of its own, and at least 16 agents take turns.
- Each side is warmed up and its sample sized to be long enough; young garbage is collected before each sample.
- A goal that is missed stays red. What costs it follows the table.

## Results

${tableRow([...columns, ""])}
| --- | --- | ---: | ---: | ---: | --- | --- |
${results.map((result) => tableRow([...row(result), verdict(result)])).join("\n")}

## Where a goal is missed

${missedSection(results, hot)}
## The cases

${cases
  .filter((bench) => measured.has(bench.name))
  .map((bench) => `- **${bench.name}**: ${bench.measures}`)
  .join("\n")}
`
}
