/** One thread's share of a run. */
import { parentPort, workerData } from "node:worker_threads"
import { type Job, runJobs } from "./campaign.ts"

interface Share {
  readonly jobs: ReadonlyArray<Job>
  readonly steps: number
  readonly failuresMax: number
}

const { failuresMax, jobs, steps }: Share = workerData
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of this process has no origin
parentPort?.postMessage(runJobs(jobs, steps, failuresMax))
