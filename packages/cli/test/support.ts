/** Small generated workloads, readers without files, and the real binary as a child process. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { PoolSpec } from "../src/replay/pools.ts"
import type { RowReader } from "../src/replay/reader.ts"
import { SwfReader } from "../src/replay/swf.ts"
import type { Row, Window, Workload } from "../src/replay/workload.ts"
import { WorkloadBuilder } from "../src/replay/workload.ts"

/** mulberry32: the same numbers from the same seed, everywhere. From 0 to below 1. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export const intFrom = (random: () => number, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1))

export interface SwfJob {
  readonly submit: number | string
  readonly run: number | string
  readonly allocated: number | string
  readonly requested?: number
  readonly estimate?: number
  readonly user?: number
}

export const swfLine = (id: number, job: SwfJob): string =>
  [id, job.submit, -1, job.run, job.allocated, -1, -1, job.requested ?? -1, job.estimate ?? -1, -1, 1]
    .concat([job.user ?? -1, -1, -1, -1, -1, -1, -1])
    .join(" ")

export const swfText = (jobs: ReadonlyArray<SwfJob>): string =>
  jobs.map((job, index) => `${swfLine(index + 1, job)}\n`).join("")

/** A machine of 64 processors, a day with a busy afternoon, seven users. */
export const generatedJobs = (seed: number, count: number): ReadonlyArray<SwfJob> => {
  const random = randomFrom(seed)
  let submit = 0
  return Array.from({ length: count }, () => {
    const busy = submit % 86_400 > 43_200 ? 0.75 : 2.4
    submit += Math.round(-Math.log(1 - random()) * 120 * busy)
    const allocated = Math.min(64, 2 ** intFrom(random, 0, 6))
    const run = Math.round(-Math.log(1 - random()) * 400)
    return { submit, run, allocated, user: intFrom(random, 1, 7) }
  })
}

export const processors = (capacity: number): ReadonlyArray<PoolSpec> => [
  { name: "processors", capacity, rate: undefined }
]

export const everything: Window = { from: 0, jobs: undefined }

const encoder = new TextEncoder()

/** Feeds text in chunks of `chunkBytes`, as a file may come. */
export const feed = <R extends RowReader>(reader: R, text: string, chunkBytes = 1 << 16): R => {
  const bytes = encoder.encode(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.slice(at, at + chunkBytes))
  reader.end()
  return reader
}

export const readSwf = (
  text: string,
  options: { readonly capacity?: number; readonly window?: Window; readonly chunkBytes?: number } = {}
): Workload => {
  const window = options.window ?? everything
  const reader = new SwfReader({ file: "test.swf", pools: processors(options.capacity ?? 1000), window })
  return builtBy(feed(reader, text, options.chunkBytes))
}

export const builtBy = (reader: RowReader): Workload => {
  if (reader.failure !== undefined) throw reader.failure
  if (reader.builder === undefined) throw new Error("no row was seen")
  return reader.builder.build()
}

/** Without a file format in between. */
export const workloadOf = (pools: ReadonlyArray<PoolSpec>, rows: ReadonlyArray<Row>): Workload => {
  const builder = new WorkloadBuilder(pools, everything)
  rows.forEach((row, index) => builder.add(index + 1, row, (time) => `${time} is`))
  return builder.build()
}

export const sourceOfBinary = join(import.meta.dirname, "../src/bin.ts")

/** The bundle that `globalSetup.ts` made for the tests; the source where there are no tests. */
export const bin = process.env["RESOURCE_MANAGER_TEST_BINARY"] ?? sourceOfBinary

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const runCli = (...args: ReadonlyArray<string>): CliRun => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" }
  })
  return { code: status, stdout, stderr }
}

const directory = mkdtempSync(join(tmpdir(), "resource-manager-cli-"))

export const temporaryFile = (name: string, content?: string | Uint8Array): string => {
  const file = join(directory, name)
  if (content !== undefined) writeFileSync(file, content)
  return file
}
