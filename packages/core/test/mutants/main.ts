/**
 * Breaks one rule at a time and expects the simulator to notice: what no mutant
 * breaks undetected is really checked. Each mutant is a copy of the Ledger with
 * one change, in a directory of its own; nothing in the tree changes but
 * `docs/design/mutants.md` and `witnesses.json`, the runs to try first the next
 * time. See `--help`.
 */
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Summary } from "../simulator/campaign.ts"
import { mutants } from "./all.ts"
import { type Mutant, patched, sources } from "./mutant.ts"

const help = `Breaks one rule of the Ledger at a time; fails unless a checker of the simulator catches each.

  pnpm mutants [options]

  --only TEXT    mutants whose name contains it; writes no files
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

/** Where a mutant was caught: the run to try first the next time. */
interface Witness {
  readonly checker: string
  readonly profile: string
  readonly seed: number
  readonly step: number
}

type Witnesses = Readonly<Record<string, Witness>>

interface Verdict {
  readonly mutant: Mutant
  readonly witness: Witness | undefined
}

const witnessesFile = join(import.meta.dirname, "witnesses.json")
const witnesses: Witnesses = existsSync(witnessesFile) ? JSON.parse(readFileSync(witnessesFile, "utf8")) : {}

/** The kind of run in which the rules of a policy matter most: tried where a run of all kinds shows nothing. */
const profileFor = ({ file, name, rule }: Mutant): string | undefined => {
  if (file.startsWith("order/") && rule.includes("quota")) return "groups, ordered"
  if (rule.includes("wait for quota")) return "groups"
  if (name.startsWith("what lingers")) return "lingering"
  if (file === "preemption/Reclaimer.ts" || file === "quota/reclaim.ts") return "reclaiming"
  if (/^(reservations\/(Page|Stay|Calendar|Reservations)|preemption\/windows|Endings|Arrivals)/.test(file))
    return "windows"
  if (/^preemption\/(banker|declared|safety)/.test(file) || rule.includes("maximum")) return "avoiding"
  if (name.startsWith("who must not") || name.startsWith("safe ")) return "avoiding"
  if (file.startsWith("preemption/")) return "preempting"
  if (/^plan\/(Conservative|transitions)/.test(file) || rule.includes("told")) return "conservative"
  if (file.startsWith("plan/")) return "backfilled"
  if (file === "order/priority.ts") return "ordered, nested"
  if (/^order\/(rescue|passing)/.test(file)) return "ordered"
  if (file.startsWith("order/")) return "shared"
  if (["Availability.ts", "orderedReduction.ts", "reservations/standing.ts"].includes(file)) return "reserved, nested"
  if (file.startsWith("reservations/") || file === "Settling.ts") return "reserved"
  if (file === "Bucket.ts") return "bytes"
  if (file === "Ledger.ts" && rule.includes("promise")) return "reserved, nested"
  return file.startsWith("quota/") ? "groups" : undefined
}

const node = (args: ReadonlyArray<string>): Promise<{ readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    // A mutant that never ends is a fault of the mutant: it would hide which checker sees it.
    const options = { timeout: 300_000, maxBuffer: 2 ** 26 }
    execFile(process.execPath, [...args], options, (_error, stdout, stderr) => resolve({ stdout, stderr }))
  })

const simulate = async (directory: string, ...more: ReadonlyArray<string>): Promise<Witness | undefined> => {
  const script = join(directory, "test/simulator/main.ts")
  const { stderr, stdout } = await node([script, "--json", "--workers", "1", "--failures", "1", ...more])
  if (stdout.length > 0) {
    const { failures }: Summary = JSON.parse(stdout)
    const failure = failures[0]
    if (failure === undefined) return undefined
    const { checker, profile, seed, step } = failure
    return { checker, profile, seed, step }
  }
  // A Ledger that grows without end shows in every run, if without a checker's name.
  if (stderr.includes("ERR_WORKER_OUT_OF_MEMORY")) return { checker: "memory", profile: "", seed: 0, step: 0 }
  throw new Error(`the simulator said nothing but ${stderr}`)
}

/** The run that caught it the last time, which takes a second; else many. */
const search = async (mutant: Mutant, directory: string): Promise<Witness | undefined> => {
  const last = witnesses[mutant.name]
  if (last !== undefined && last.seed > 0) {
    const { profile, seed, step } = last
    const again = ["--profile", profile, "--seed", String(seed), "--seeds", "1", "--steps", String(step)]
    const found = await simulate(directory, ...again)
    if (found !== undefined) return found
  }
  const many = ["--seeds", options.seeds, "--steps", options.steps]
  const found = await simulate(directory, ...many)
  const profile = profileFor(mutant)
  return found ?? (profile === undefined ? undefined : simulate(directory, ...many, "--profile", profile))
}

const judge = async (mutant: Mutant, root: string): Promise<Verdict> => {
  const directory = join(root, mutant.name.replaceAll(/\W+/g, "-"))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }')
  for (const path of ["src/ledger", "src/Ledger.ts", "test/simulator"]) {
    cpSync(join(core, path), join(directory, path), { recursive: true })
  }
  writeFileSync(join(directory, "src/ledger", mutant.file), patched(mutant))
  const witness = await search(mutant, directory)
  rmSync(directory, { recursive: true })
  return { mutant, witness }
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
      const caught = verdict.witness === undefined ? "SURVIVED" : `caught by ${verdict.witness.checker}`
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
  const rows = verdicts.map(({ mutant, witness }) => {
    const where =
      witness === undefined || witness.seed === 0 ? "" : `${witness.profile} ${witness.seed}, step ${witness.step}`
    return `| ${mutant.name} | ${mutant.rule} | \`${mutant.file}\` | ${witness?.checker ?? "**survived**"} | ${where} |`
  })
  const caught = verdicts.filter((verdict) => verdict.witness !== undefined).length
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
  const survivors = verdicts.filter((verdict) => verdict.witness === undefined)
  if (only === undefined) {
    const docs = join(core, "../../docs/design")
    mkdirSync(docs, { recursive: true })
    writeFileSync(join(docs, "mutants.md"), table(verdicts))
    const caught = verdicts.flatMap(({ mutant, witness }) => (witness === undefined ? [] : [[mutant.name, witness]]))
    writeFileSync(witnessesFile, `${JSON.stringify(Object.fromEntries(caught), null, 2)}\n`)
  }
  process.stdout.write(`${verdicts.length - survivors.length} of ${verdicts.length} mutants caught\n`)
  for (const { mutant } of survivors) process.stderr.write(`survived: ${mutant.name} (${mutant.rule})\n`)
  return survivors.length === 0 ? 0 : 1
}

process.exitCode = await main()
