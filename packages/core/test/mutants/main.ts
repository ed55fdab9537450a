/**
 * Breaks one rule at a time and expects the simulator to notice: what no mutant
 * breaks undetected is really checked. Each mutant is a copy of the Ledger with
 * one change, in a directory of its own; nothing in the tree changes but
 * `docs/design/mutants.md`. See `--help`.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Summary } from "../simulator/campaign.ts"
import { mutants } from "./all.ts"
import { type Mutant, patched, sources } from "./mutant.ts"

const help = `Breaks one rule of the Ledger at a time; fails unless a checker of the simulator catches each.

  pnpm mutants [options]

  --only TEXT    mutants whose name contains it; writes no table
  --seeds N      seeds tried before a mutant counts as survived (96)
  --steps N      commands in each (1500)
  --help         print this
`

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    seeds: { type: "string", default: "96" },
    steps: { type: "string", default: "1500" },
    help: { type: "boolean", default: false }
  }
})

const core = join(sources, "../..")

interface Verdict {
  readonly mutant: Mutant
  readonly failure: Summary["failures"][number] | undefined
}

/** The kind of run in which the rules of a policy matter most: tried where a run of all kinds shows nothing. */
const profileFor = ({ file }: Mutant): string | undefined => {
  if (file.startsWith("preemption/")) return "preempting"
  if (file.startsWith("plan/")) return "backfilled"
  return file.startsWith("quota/") ? "groups" : undefined
}

const simulate = (directory: string, profile?: string): Promise<Summary> =>
  new Promise((resolve, reject) => {
    const script = join(directory, "test/simulator/main.ts")
    const args = [
      script,
      "--json",
      "--workers",
      "1",
      "--failures",
      "1",
      "--seeds",
      options.seeds,
      "--steps",
      options.steps,
      ...(profile === undefined ? [] : ["--profile", profile])
    ]
    // A mutant that never ends is a fault of the mutant: it would hide which checker sees it.
    execFile(process.execPath, args, { timeout: 300_000, maxBuffer: 2 ** 26 }, (error, stdout) => {
      if (stdout.length === 0) reject(error ?? new Error("the simulator said nothing"))
      else resolve(JSON.parse(stdout))
    })
  })

const judge = async (mutant: Mutant, root: string): Promise<Verdict> => {
  const directory = join(root, mutant.name.replaceAll(/\W+/g, "-"))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }')
  for (const path of ["src/ledger", "src/Ledger.ts", "test/simulator"]) {
    cpSync(join(core, path), join(directory, path), { recursive: true })
  }
  writeFileSync(join(directory, "src/ledger", mutant.file), patched(mutant))
  let summary = await simulate(directory)
  const profile = profileFor(mutant)
  if (summary.failures.length === 0 && profile !== undefined) summary = await simulate(directory, profile)
  rmSync(directory, { recursive: true })
  return { mutant, failure: summary.failures[0] }
}

const judgeAll = async (todo: ReadonlyArray<Mutant>): Promise<ReadonlyArray<Verdict>> => {
  for (const mutant of todo) patched(mutant)
  const root = mkdtempSync(join(tmpdir(), "ledger-mutants-"))
  const verdicts: Array<Verdict> = []
  const queue = [...todo]
  const worker = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await judge(mutant, root)
      verdicts.push(verdict)
      const caught = verdict.failure === undefined ? "SURVIVED" : `caught by ${verdict.failure.checker}`
      process.stdout.write(`${mutant.file.padEnd(16)} ${mutant.name.padEnd(40)} ${caught}\n`)
    }
  }
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, worker))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return todo.map((mutant) => verdicts.find((verdict) => verdict.mutant === mutant)!)
}

const table = (verdicts: ReadonlyArray<Verdict>): string => {
  const rows = verdicts.map(({ failure, mutant }) => {
    const where = failure === undefined ? "" : `${failure.profile} ${failure.seed}, step ${failure.step}`
    return `| ${mutant.name} | ${mutant.rule} | \`${mutant.file}\` | ${failure?.checker ?? "**survived**"} | ${where} |`
  })
  const caught = verdicts.filter((verdict) => verdict.failure !== undefined).length
  return `# Mutants

Each row breaks one rule of the Ledger by a small change of its source, and names the checker of
the [simulator](simulation.md) that noticed first, and where: profile and seed, and the command
after which it showed. Written by \`pnpm mutants\`, which fails if one survives; ${caught} of
${verdicts.length} were caught.

| mutant | rule broken | file | caught by | seed |
|---|---|---|---|---|
${rows.join("\n")}
`
}

const main = async (): Promise<number> => {
  if (options.help) {
    process.stdout.write(help)
    return 0
  }
  const { only } = options
  const todo = only === undefined ? mutants : mutants.filter((mutant) => mutant.name.includes(only))
  if (todo.length === 0) throw new Error(`no mutant is called ${only}`)
  const verdicts = await judgeAll(todo)
  const survivors = verdicts.filter((verdict) => verdict.failure === undefined)
  if (only === undefined) {
    const docs = join(core, "../../docs/design")
    mkdirSync(docs, { recursive: true })
    writeFileSync(join(docs, "mutants.md"), table(verdicts))
  }
  process.stdout.write(`${verdicts.length - survivors.length} of ${verdicts.length} mutants caught\n`)
  for (const { mutant } of survivors) process.stderr.write(`survived: ${mutant.name} (${mutant.rule})\n`)
  return survivors.length === 0 ? 0 : 1
}

process.exitCode = await main()
