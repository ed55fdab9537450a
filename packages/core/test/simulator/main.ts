/** The command that runs the simulator: see `--help`. */
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import { complaints, describe, jobs, merge, profileOf, seedsDefault, stepsDefault, type Summary } from "./campaign.ts"
import { profiles } from "./profiles.ts"

const help = `Drives the Ledger with seeded random schedules and checks every rule after each step.

  pnpm simulate [options]

  --seeds N      how many seeds (${seedsDefault})
  --steps N      commands in each (${stepsDefault})
  --seed S       the first seed (1)
  --profile P    one kind of run only: ${profiles.map((profile) => profile.name).join(", ")}
  --failures N   stop a thread after so many broken seeds (10)
  --workers N    threads (as many as there are cores)
  --json         print the summary as one JSON object
  --help         print this

Prints how often each command, answer, outcome and policy occurred. Fails where a rule is
broken (with the command that shows it again), where something occurs too rarely to mean
anything, and where fewer than half of the seeds keep 30 % of the claims waiting.
`

class UsageError extends Error {}

const readNumber = (name: string, text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name} is a whole number from 1, not ${text}`)
  return value
}

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string", default: String(seedsDefault) },
        steps: { type: "string", default: String(stepsDefault) },
        seed: { type: "string", default: "1" },
        profile: { type: "string" },
        failures: { type: "string", default: "10" },
        workers: { type: "string", default: String(availableParallelism()) },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false }
      }
    })
    if (values.profile !== undefined) profileOf(values.profile)
    return {
      ...values,
      seeds: readNumber("seeds", values.seeds),
      steps: readNumber("steps", values.steps),
      seed: readNumber("seed", values.seed),
      failures: readNumber("failures", values.failures),
      workers: readNumber("workers", values.workers)
    }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const run = async (): Promise<number> => {
  const options = readOptions()
  if (options.help) {
    process.stdout.write(help)
    return 0
  }
  const todo = jobs(options.seed, options.seeds, options.profile)
  const started = performance.now()
  const threads = Math.min(options.workers, todo.length)
  const summaries = await Promise.all(
    Array.from({ length: threads }, async (_, thread): Promise<Summary> => {
      const own = todo.filter((_job, index) => index % threads === thread)
      const worker = new Worker(new URL("worker.ts", import.meta.url), {
        workerData: { jobs: own, steps: options.steps, failuresMax: options.failures },
        // Many times what a seed needs: a Ledger that grows without end is told soon.
        resourceLimits: { maxOldGenerationSizeMb: 1024 }
      })
      const [summary]: ReadonlyArray<Summary> = await once(worker, "message")
      return summary!
    })
  )
  const summary = merge(summaries)
  const seconds = (performance.now() - started) / 1000
  const wrong = complaints(summary, options.profile === undefined && options.seeds >= 100)
  if (options.json) process.stdout.write(`${JSON.stringify({ ...summary, seconds, complaints: wrong })}\n`)
  else {
    const pace = Math.round(summary.steps / seconds)
    process.stdout.write(`${describe(summary)}\n${pace} steps a second, all rules checked, on ${threads} threads\n`)
    for (const line of wrong) process.stderr.write(`\n${line}\n`)
    if (wrong.length === 0) process.stdout.write("no rule broken\n")
  }
  return wrong.length === 0 ? 0 : 1
}

try {
  process.exitCode = await run()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${help}`)
  process.exitCode = 2
}
