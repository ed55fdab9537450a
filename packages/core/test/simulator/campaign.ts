/** Many seeds, one summary: what every way of running the simulator shares. */
import { firstDifference } from "./checkers/replay.ts"
import type { Profile } from "./profile.ts"
import { mixed } from "./mixed.ts"
import { profiles } from "./profiles.ts"
import { Report } from "./report.ts"
import { type Failure, type Result, simulate } from "./simulation.ts"

export interface Job {
  readonly seed: number
  readonly profile: string
}

/** Plain data, so that it can come from another thread. */
export interface Summary {
  readonly seeds: number
  readonly steps: number
  /** Seeds in which at least `waitingShareMin` of the live claims waited. */
  readonly crowded: number
  readonly counts: ReadonlyArray<readonly [string, number]>
  readonly failures: ReadonlyArray<Failure>
}

export const waitingShareMin = 0.3

/**
 * Of so many seeds in a row each kind of run has one, and the rest are mixed: all kinds but that
 * are looked at for their own rules, which needs few.
 */
const round = 112

/** The size that runs before a merge: three rounds, with more than a million commands of mixed runs. */
export const seedsDefault = 3 * round
export const stepsDefault = 4000

export const profileOf = (name: string): Profile => {
  const profile = profiles.find((candidate) => candidate.name === name)
  if (profile === undefined) {
    throw new Error(`no profile ${name}; there are ${profiles.map((candidate) => candidate.name).join(", ")}`)
  }
  return profile
}

const kindAt = (seed: number): string => {
  const place = seed % round
  const every = Math.floor(round / profiles.length)
  const special = place % every === 0 ? profiles[place / every] : undefined
  return (special ?? mixed).name
}

/** Seeds in a row; without a profile each seed has its own, by its place in the round. */
export const jobs = (firstSeed: number, seeds: number, profile?: string): ReadonlyArray<Job> =>
  Array.from({ length: seeds }, (_, index) => {
    const seed = firstSeed + index
    return { seed, profile: profile ?? kindAt(seed) }
  })

/** One seed in four runs again on restored Ledgers, which have to decide the same. */
const isRestored = (seed: number): boolean => Math.floor(seed / round + seed) % 4 === 0

const simulateTwice = (seed: number, profile: Profile, steps: number, report: Report): Result => {
  const result = simulate(seed, profile, steps, report)
  if (result.failure !== undefined || !isRestored(seed)) return result
  const again = new Report()
  const restored = simulate(seed, profile, steps, again, result)
  for (const key of ["snapshot continued", "snapshot and events continued"]) {
    report.count(key, again.counts.get(key) ?? 0)
  }
  const step = restored.digests.findIndex((digest, index) => digest !== result.digests[index])
  const where = { profile: profile.name, seed }
  if (step >= 0) {
    const message = "on restored Ledgers its events are others"
    return { ...result, failure: { ...where, checker: "snapshot", message, step: step + 1, command: "a restored one" } }
  }
  const failure = restored.failure
  if (failure !== undefined) {
    return { ...result, failure: { ...failure, message: `on restored Ledgers: ${failure.message}` } }
  }
  if (restored.state === result.state) return result
  const message = `on restored Ledgers, ${firstDifference(JSON.parse(result.state), JSON.parse(restored.state), "state")}`
  return { ...result, failure: { ...where, checker: "snapshot", message, step: result.steps, command: "the last" } }
}

export const runJobs = (todo: ReadonlyArray<Job>, steps: number, failuresMax = 10): Summary => {
  const report = new Report()
  const failures: Array<Failure> = []
  let ran = 0
  let crowded = 0
  for (const { profile, seed } of todo) {
    const result = simulateTwice(seed, profileOf(profile), steps, report)
    ran += result.steps
    if (result.waitingShare >= waitingShareMin) crowded++
    report.count(`profile: ${profile}`)
    if (result.failure !== undefined) failures.push(result.failure)
    if (failures.length >= failuresMax) break
  }
  return { seeds: todo.length, steps: ran, crowded, counts: [...report.counts], failures }
}

export const merge = (summaries: ReadonlyArray<Summary>): Summary => {
  const report = new Report()
  for (const summary of summaries) report.add(summary.counts)
  const sum = (of: (summary: Summary) => number) => summaries.reduce((total, summary) => total + of(summary), 0)
  return {
    seeds: sum((summary) => summary.seeds),
    steps: sum((summary) => summary.steps),
    crowded: sum((summary) => summary.crowded),
    counts: [...report.counts],
    failures: summaries.flatMap((summary) => summary.failures)
  }
}

/** How to see a failure again. */
export const replayCommand = ({ profile, seed, step }: Failure): string =>
  `pnpm simulate --profile ${profile} --seed ${seed} --seeds 1 --steps ${step}`

export const describeFailure = (failure: Failure): string =>
  `${failure.checker}: ${failure.message}\n  after step ${failure.step} (${failure.command}) of seed ${failure.seed}, ` +
  `profile ${failure.profile}\n  ${replayCommand(failure)}`

/** What is wrong with a run; `mixed` where it ran all profiles, so that nothing may be rare. */
export const complaints = (summary: Summary, mixed: boolean): ReadonlyArray<string> => {
  const report = new Report()
  report.add(summary.counts)
  // A seed that breaks ends early: what it did not get to says nothing.
  const whole = mixed && summary.failures.length === 0
  const rare = whole ? report.tooRare(summary.steps, summary.seeds) : []
  const idle =
    whole && summary.crowded * 2 <= summary.seeds
      ? [`only ${summary.crowded} of ${summary.seeds} seeds kept ${waitingShareMin * 100} % of the claims waiting`]
      : []
  return [...summary.failures.map(describeFailure), ...rare.map((line) => `too rare: ${line}`), ...idle]
}

export const describe = (summary: Summary): string => {
  const report = new Report()
  report.add(summary.counts)
  return (
    `${summary.steps} steps over ${summary.seeds} seeds; ${summary.crowded} seeds kept at least ` +
    `${waitingShareMin * 100} % of the live claims waiting\n${report.toString()}`
  )
}
