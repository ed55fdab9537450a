/**
 * The independent check of an order and of backfill over one pool without a rate. It chooses who
 * is next by itself, and holds the Ledger to that:
 *
 * - `order`: only who is next starts; with backfill somebody else may who, by the
 *   estimates, ends before the next one can start or (`easy`) leaves it enough.
 * - `idle`: who is next and fits has started.
 * - `delay`: who is next starts no later than it could when it was chosen. Checked where
 *   no job of the workload runs longer than its estimate.
 */
import type { Policy } from "./policy.ts"
import type { Workload } from "./workload.ts"

export type Broken = (rule: "order" | "idle" | "delay", job: number, at: number, what: string) => void

const seconds = (micros: number): number => Math.max(micros / 1e6, 0.1)

/** What decides beside arrival: smaller is next. */
const scoresOf = (
  { order }: Policy,
  { amounts, estimate, origin, priority, submit }: Workload,
  job: number
): number => {
  const estimated = estimate[job] ?? 0
  if (order === "sjf") return estimated
  if (order === "priority") return -(priority[job] ?? 0)
  if (order !== "f1") return 0
  const submitted = (submit[job] ?? 0) + origin
  return Math.log10(seconds(estimated)) * (amounts[0]?.[job] ?? 0) + 870 * Math.log10(seconds(submitted))
}

/** Jobs by score, then by arrival: a binary heap. Who has started is left in it until it is on top. */
class Candidates {
  private readonly jobs: Array<number> = []
  private readonly score: Float64Array

  constructor(score: Float64Array) {
    this.score = score
  }

  push(job: number): void {
    const { jobs } = this
    let index = jobs.push(job) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.isBefore(jobs[parent]!, job)) break
      jobs[index] = jobs[parent]!
      index = parent
    }
    jobs[index] = job
  }

  first(isWaiting: (job: number) => boolean): number {
    while (this.jobs.length > 0 && !isWaiting(this.jobs[0]!)) this.pop()
    return this.jobs[0] ?? -1
  }

  private pop(): void {
    const { jobs } = this
    const last = jobs.pop()!
    const { length } = jobs
    if (length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && this.isBefore(jobs[child + 1]!, jobs[child]!)) child++
      if (this.isBefore(last, jobs[child]!)) break
      jobs[index] = jobs[child]!
      index = child
    }
    jobs[index] = last
  }

  private isBefore(a: number, b: number): boolean {
    const difference = this.score[a]! - this.score[b]!
    return difference < 0 || (difference === 0 && a < b)
  }
}

export class Heads {
  private readonly policy: Policy
  private readonly workload: Workload
  private readonly broken: Broken
  private readonly candidates: Candidates
  private readonly waits: Uint8Array
  /** Those that run, by expected end and then by arrival. */
  private readonly running: Array<number> = []
  private readonly expectedEnd: Float64Array
  private readonly truthful: boolean
  private free: number
  private head = -1
  /** When the head can start at the latest, by what ran when it was chosen. */
  private promise = Infinity

  constructor(workload: Workload, capacity: number, policy: Policy, broken: Broken) {
    this.policy = policy
    this.workload = workload
    this.broken = broken
    this.free = capacity
    this.waits = new Uint8Array(workload.size)
    this.expectedEnd = new Float64Array(workload.size)
    this.candidates = new Candidates(
      Float64Array.from({ length: workload.size }, (_, job) => scoresOf(policy, workload, job))
    )
    this.truthful = workload.run.every((run, job) => run <= (workload.estimate[job] ?? 0))
  }

  arrived(job: number, at: number): void {
    this.waits[job] = 1
    this.candidates.push(job)
    this.choose(at)
  }

  started(job: number, at: number): void {
    if (job === this.head) {
      if (this.truthful && at > this.promise)
        this.broken("delay", job, at, `was next, and could start at ${this.promise}`)
    } else if (this.policy.backfill === "none") {
      this.broken("order", job, at, `started before job ${this.head}, which is next`)
    } else this.checkPassed(job, at)
    this.waits[job] = 0
    this.free -= this.amount(job)
    this.expectedEnd[job] = at + Math.max(1, this.workload.estimate[job] ?? 0)
    const place = this.running.findIndex((other) => this.endsAfter(other, job))
    this.running.splice(place < 0 ? this.running.length : place, 0, job)
    if (job === this.head) this.head = -1
    this.choose(at)
  }

  finished(job: number): void {
    this.running.splice(this.running.indexOf(job), 1)
    this.free += this.amount(job)
  }

  /** All that happens at an instant so far has happened. */
  settled(at: number): void {
    this.choose(at)
    if (this.head >= 0 && this.amount(this.head) <= this.free)
      this.broken("idle", this.head, at, "is next and fits, but waits")
  }

  private choose(at: number): void {
    if (this.policy.committedHead && this.head >= 0) return
    const head = this.candidates.first((job) => this.waits[job] === 1)
    if (head === this.head) return
    this.head = head
    this.promise = head < 0 ? Infinity : this.shadowOf(head, at).at
  }

  /** When the head can start by the estimates, and what that leaves. */
  private shadowOf(head: number, now: number): { readonly at: number; readonly spare: number } {
    let left = this.free - this.amount(head)
    if (left >= 0) return { at: now, spare: left }
    for (const job of this.running) {
      left += this.amount(job)
      if (left >= 0) return { at: Math.max(now, this.expectedEnd[job]!), spare: left }
    }
    return { at: Infinity, spare: 0 }
  }

  private checkPassed(job: number, at: number): void {
    if (this.head < 0 || this.policy.backfill === "conservative") return
    const shadow = this.shadowOf(this.head, at)
    if (at + Math.max(1, this.workload.estimate[job] ?? 0) < shadow.at) return
    if (this.policy.backfill === "easy" && this.amount(job) <= shadow.spare) return
    this.broken("order", job, at, `started before job ${this.head}, which is next and is delayed by it`)
  }

  private amount(job: number): number {
    return this.workload.amounts[0]?.[job] ?? 0
  }

  private endsAfter(a: number, b: number): boolean {
    const difference = this.expectedEnd[a]! - this.expectedEnd[b]!
    return difference > 0 || (difference === 0 && a > b)
  }
}
