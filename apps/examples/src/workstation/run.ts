/** The whole job: scan, work, cross, and the figures. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import { workAll } from "./agents.ts"
import { Checker } from "./checker.ts"
import { cross } from "./crossing.ts"
import { type Mode, type Screen, show } from "./display.ts"
import type { RegistryRefused } from "./errors.ts"
import { type CapacityChange, layer, manifestLock, poolsOf, quotas, threadsMax, totalsLock } from "./machine.ts"
import { checkManifest, writeManifest } from "./manifest.ts"
import { makeProgress, note, type Progress, secondsOf } from "./progress.ts"
import { type RegistryLimits, serve } from "./registry.ts"
import { scan, type Scan, type SourceFile } from "./scan.ts"
import { type Summary, summarize } from "./summary.ts"
import { makeThreads } from "./threads.ts"

export interface RunOptions {
  readonly directory: string
  readonly agents: number
  readonly level: number
  /** Requests a second that the registry allows. */
  readonly rate: number
  readonly seed: number
  /** Where the digests go, in the format of sha256sum. */
  readonly manifest: string | undefined
  readonly mode: Mode
  readonly stream: Screen
}

/** mulberry32: a small generator whose order can be had again. */
const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Large and small files mixed, the same way for the same seed (Fisher and Yates). */
export const shuffle = (files: ReadonlyArray<SourceFile>, seed: number): ReadonlyArray<SourceFile> => {
  const shuffled = [...files]
  const next = random(seed)
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(next() * (last + 1))
    const file = shuffled[last]!
    shuffled[last] = shuffled[other]!
    shuffled[other] = file
  }
  return shuffled
}

const namesOf = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `agent-${String(index + 1).padStart(2, "0")}`)

/** What is right in the end whatever the files are. */
const expect = (checker: Checker, what: string, holds: boolean): void => {
  if (!holds) checker.violations.push(what)
}

interface Parts {
  readonly options: RunOptions
  readonly limits: RegistryLimits
  readonly found: Scan
  readonly progress: Progress
  readonly checker: Checker
}

const job = Effect.fnUntraced(function* ({ checker, found, limits, options, progress }: Parts) {
  const manager = yield* ResourceManager
  const { post, registry } = yield* serve(limits)
  const threads = yield* makeThreads(threadsMax)
  const names = [...progress.agents.keys()]
  for (const agent of names) {
    for (const [type, quota] of Object.entries(quotas)) yield* manager.setQuota(agent, type, quota)
  }
  const refused: Array<RegistryRefused> = []
  const shop = { threads, post, checker, progress, level: options.level, refused }
  const first = names[0]!
  const [, noted] = yield* Effect.all(
    [workAll(shop, shuffle(found.files, options.seed)), cross(checker, progress, [first, names[1] ?? first])],
    { concurrency: "unbounded" }
  ).pipe(
    // The table goes before anything is said about the end.
    (work) => Effect.scoped(Effect.andThen(show(options.mode, options.stream, progress), work))
  )

  const seconds = secondsOf(progress)
  const pools = yield* manager.pools
  const agents = yield* manager.agents
  checker.expectNothingInUse()
  for (const pool of pools) {
    expect(checker, `${pool.resourceType}: the manager still counts ${pool.inUse} in use`, pool.inUse === 0)
  }
  const counts = registry.counts()
  checker.atMost("requests open at the registry", counts.openPeak, limits.connections)
  for (const { message, path } of refused) checker.violations.push(`the registry refused ${path}: ${message}`)
  expect(
    checker,
    `${registry.entries.size} digests stored of ${progress.files}`,
    registry.entries.size === progress.files
  )
  expect(checker, `${noted} notes made, expected 2`, noted === 2)
  expect(
    checker,
    "the crossing was not detected once, and retried",
    progress.deadlocks.length === 1 && progress.deadlocks[0]!.retried
  )
  // The figures of the work are not lost with the list.
  const manifestProblem =
    options.manifest === undefined
      ? undefined
      : yield* Effect.match(writeManifest(options.manifest, registry.entries), {
          onFailure: ({ message }) => message,
          onSuccess: () => undefined
        })
  return summarize({
    directory: options.directory,
    threads: threadsMax,
    seconds,
    scan: found,
    progress,
    checker,
    pools,
    agents,
    registry: { ...counts, stored: registry.entries.size },
    manifestProblem
  })
}, Effect.scoped)

/** Says after an interruption what had been done, and that all is back. */
const farewell = ({ checker, progress }: Parts) =>
  Effect.sync(() => {
    const left = Object.entries(checker.inUse()).map(([type, amount]) => `${amount} of ${type}`)
    const back = left.length === 0 ? "everything was given back" : `still in use: ${left.join(", ")}`
    process.stderr.write(`interrupted after ${progress.files} of ${progress.filesTotal} files; ${back}\n`)
  })

export const run = Effect.fnUntraced(function* (options: RunOptions) {
  if (options.manifest !== undefined) yield* checkManifest(options.manifest)
  const found = yield* scan(options.directory)
  const limits: RegistryLimits = { rate: options.rate, burst: 4, connections: 4 }
  const progress = makeProgress(namesOf(options.agents), found.files.length)
  const capacities = Object.entries(poolsOf(limits)).map(([type, { capacity }]) => [type, capacity] as const)
  const checker = new Checker(Object.fromEntries(capacities), {
    ...quotas,
    [manifestLock.name]: 1,
    [totalsLock.name]: 1
  })
  const onChange = (change: CapacityChange) => {
    checker.capacityChanged(change.resourceType, change.to)
    progress.capacityChanges.push({ ...change, seconds: secondsOf(progress) })
    note(progress, `${change.resourceType}: capacity ${change.from} → ${change.to}`)
  }
  const parts: Parts = { options, limits, found, progress, checker }
  return yield* job(parts).pipe(
    Effect.provide(layer(limits, onChange)),
    Effect.onInterrupt(() => farewell(parts))
  )
})

/** What the process ends with. */
export const exitCodes = {
  ok: 0,
  /** A rule was broken, or a defect of the program. */
  violations: 1,
  /** A flag or argument is missing, unknown, or not among the allowed values, or the manifest cannot be written. */
  usage: 2,
  /** A file could not be read, or the manifest not written in the end; all others are done. */
  input: 3,
  /** Stopped by a signal. */
  interrupted: 130
} as const

export const exitCodeOf = (summary: Summary): number => {
  if (summary.violations.length > 0) return exitCodes.violations
  return summary.skipped.unreadable.length > 0 || summary.manifestProblem !== undefined ? exitCodes.input : exitCodes.ok
}
