/** Runs the benchmarks: see `--help`. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { cases } from "./cases/index.ts"
import { type BenchCase, fullPlan, latePlan, measure, quickPlan, type Result } from "./harness.ts"
import { byPart, type Hot, profile } from "./profile.ts"
import { isMet, machine, page, percent, terminalTable } from "./report.ts"

const usage = `Usage: pnpm bench [options]

Measures the resource manager and its peers side by side, in interleaved rounds of
one process, in under a minute.

Options:
  --json          print one JSON array of { case, peer, ratio, goal, ns: { ours, peer }, ... }
  --case NAME     only this case, or those whose names begin so; may be given again
  --full          more and longer rounds: some minutes
  --write         write docs/benchmarks.md too, with a profile of each missed goal
  --profile CASE  print where the time of our side of a case goes, instead of measuring
  --list          print the names of the cases
  --help          print this

A ratio is ours over the peer's. Exit status: 0 if everything was measured, 1 if a side
did not do what it should, 2 if the arguments are wrong. A missed goal is a result, no error.
`

/** When a quick run is late, by the time since the process began: on a busy machine everything takes longer. */
const lateMillis = 32_000

class WrongArguments extends Error {}

const readArguments = () => {
  try {
    return parseArgs({
      options: {
        json: { type: "boolean", default: false },
        case: { type: "string", multiple: true, default: [] },
        full: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        profile: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false }
      }
    }).values
  } catch (error) {
    throw new WrongArguments(error instanceof Error ? error.message : String(error))
  }
}

const select = (name: string): ReadonlyArray<BenchCase> => {
  const exact = cases.filter((bench) => bench.name === name)
  const found = exact.length > 0 ? exact : cases.filter((bench) => bench.name.startsWith(name))
  if (found.length > 0) return found
  throw new WrongArguments(`no case is called ${name}; there are:\n${names()}`)
}

const names = (): string => cases.map((bench) => `  ${bench.name}`).join("\n")

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** On a terminal, tells what is running, beside whatever the output is. */
const progress = (line: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
}

const main = async (): Promise<void> => {
  const options = readArguments()
  if (options.help) return void process.stdout.write(usage)
  if (options.list) return say(names())
  const plan = options.full ? fullPlan : quickPlan

  if (options.profile !== undefined) {
    for (const bench of select(options.profile)) {
      const hot = await profile(bench, plan, 3_000)
      say(`${bench.name}: self time`)
      for (const { part, share } of byPart(hot)) say(`${percent(share).padStart(8)}  ${part}`)
      say("of which")
      for (const { share, where } of hot.slice(0, 30)) say(`${percent(share).padStart(8)}  ${where}`)
    }
    return
  }

  const chosen =
    options.case.length > 0
      ? [...new Set(options.case.flatMap(select))]
      : cases.filter((bench) => options.full || bench.onlyFull !== true)
  const results: Array<Result> = []
  for (const [index, bench] of chosen.entries()) {
    progress(`${index + 1}/${chosen.length} ${bench.name}`)
    results.push(...(await measure(bench, !options.full && performance.now() > lateMillis ? latePlan : plan)))
  }
  progress("")

  if (options.json) say(JSON.stringify(results, undefined, 2))
  else {
    for (const [what, value] of machine()) say(`${what}: ${value}`)
    say(`\n${terminalTable(results)}`)
  }

  if (options.write) {
    const hot = new Map<string, ReadonlyArray<Hot>>()
    const missed = new Set(results.filter((result) => isMet(result) === false).map((result) => result.case))
    for (const bench of chosen) {
      if (!missed.has(bench.name)) continue
      progress(`profile of ${bench.name}`)
      hot.set(bench.name, await profile(bench, plan, 3_000))
    }
    progress("")
    const file = join(import.meta.dirname, "../../../docs/benchmarks.md")
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(
      file,
      page({
        cases,
        results,
        hot,
        command: `pnpm bench ${options.full ? "--full " : ""}--write`
      })
    )
  }
}

try {
  await main()
} catch (error) {
  if (!(error instanceof WrongArguments)) throw error
  process.stderr.write(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}
