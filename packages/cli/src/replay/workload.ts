/**
 * A workload: what arrives when, asks for how much, and runs for how long. Held as
 * columns, because a million jobs as objects are slow to make and to walk.
 *
 * A *row* is a data line of the file: one that is not blank, a comment or a
 * header. A window is `jobs` rows from row `from` (zero-based, in file order).
 * Rows that are malformed or skipped keep their place: they are counted and not
 * replaced, so a window always means the same lines.
 */
import { agentIdLengthMax, timeMicrosMax } from "./limits.ts"
import type { PoolSpec } from "./pools.ts"

export type SkipReason = "submitUnknown" | "runBelowZero" | "amountBelowOne" | "amountOverCapacity" | "amountOverBurst"

export type MalformedReason =
  | "fieldCount"
  | "notANumber"
  | "notWhole"
  | "outOfRange"
  | "notATime"
  | "lineTooLong"
  | "csv"

export interface MalformedLine {
  readonly line: number
  readonly reason: MalformedReason
  readonly problem: string
}

export interface Window {
  readonly from: number
  /** How many rows; `undefined` is all that there are. */
  readonly jobs: number | undefined
}

/** Times are whole microseconds after the first submit; jobs are in the order in which they arrive. */
export interface Workload {
  readonly size: number
  readonly submit: ReadonlyArray<number>
  readonly run: ReadonlyArray<number>
  /** What the job's owner said it would run. */
  readonly estimate: ReadonlyArray<number>
  /** Higher goes first, where the order is by priority. */
  readonly priority: ReadonlyArray<number>
  /** The first submit, as the file has it: all times are after that. */
  readonly origin: number
  /** For each pool, in the order of the pools, the amount of each job. */
  readonly amounts: ReadonlyArray<ReadonlyArray<number>>
  readonly agents: ReadonlyArray<string>
  /** Of each job, the index of its agent. */
  readonly agentOf: ReadonlyArray<number>
  /** Rows in the window. */
  readonly rows: number
  readonly skipped: ReadonlyMap<SkipReason, number>
  readonly malformed: Malformed
}

export interface Malformed {
  readonly total: number
  readonly byReason: ReadonlyMap<MalformedReason, number>
  /** The first of them. */
  readonly lines: ReadonlyArray<MalformedLine>
}

/** How many malformed lines are kept to be shown. */
export const malformedShownMax = 20

const count = <K>(counts: Map<K, number>, key: K): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** What a reader fills in for each row; one object is reused for all of them. Times are microseconds. */
export interface Row {
  /** `NaN` where unknown. */
  submit: number
  run: number
  /** The run time where below 0. */
  estimate: number
  /** 0 where missing. */
  priority?: number
  agent: string
  readonly amounts: Array<number>
}

/** In the order in which they are told of: an estimate may be a copy of the run time. */
const timeNames = ["submit", "run", "estimate"] as const

export type TimeName = (typeof timeNames)[number]

export class WorkloadBuilder {
  /** Data lines seen, those before the window included. */
  rows = 0
  readonly pools: ReadonlyArray<PoolSpec>
  private readonly window: Window
  private readonly end: number
  private readonly columns: Columns
  private readonly agentIndex = new Map<string, number>()
  private readonly skipped = new Map<SkipReason, number>()
  private readonly malformedByReason = new Map<MalformedReason, number>()
  private readonly malformedLines: Array<MalformedLine> = []
  private malformedTotal = 0

  constructor(pools: ReadonlyArray<PoolSpec>, window: Window) {
    this.pools = pools
    this.window = window
    this.end = window.jobs === undefined ? Infinity : window.from + window.jobs
    this.columns = { submit: [], run: [], estimate: [], priority: [], amounts: pools.map(() => []), agentOf: [] }
  }

  /** Whether the window is complete: nothing more has to be read. */
  get full(): boolean {
    return this.rows >= this.end
  }

  get malformed(): Malformed {
    return { total: this.malformedTotal, byReason: this.malformedByReason, lines: this.malformedLines }
  }

  addMalformed(line: number, reason: MalformedReason, problem: string): void {
    this.rows++
    this.malformedTotal++
    count(this.malformedByReason, reason)
    if (this.malformedLines.length < malformedShownMax) this.malformedLines.push({ line, reason, problem })
  }

  /**
   * `written` says, for a message, what a time is called and how it is written in the file.
   * Tells whether the row was well-formed.
   */
  add(line: number, row: Row, written: (time: TimeName) => string): boolean {
    const beyond = timeNames.find((time) => Math.abs(row[time]) > timeMicrosMax)
    if (beyond !== undefined) {
      this.addMalformed(line, "outOfRange", `${written(beyond)} beyond ${timeMicrosMax / 1e6} s`)
      return false
    }
    if (row.agent.length > agentIdLengthMax) {
      this.addMalformed(line, "outOfRange", `the agent's name has more than ${agentIdLengthMax} characters`)
      return false
    }
    const index = this.rows++
    if (index < this.window.from || index >= this.end) return true
    const reason = this.reasonToSkip(row)
    if (reason !== undefined) {
      count(this.skipped, reason)
      return true
    }
    const { agentOf, amounts, estimate, priority, run, submit } = this.columns
    submit.push(row.submit)
    run.push(row.run)
    estimate.push(row.estimate < 0 ? row.run : row.estimate)
    priority.push(row.priority ?? 0)
    for (let i = 0; i < amounts.length; i++) amounts[i]?.push(row.amounts[i] ?? 0)
    let agent = this.agentIndex.get(row.agent)
    if (agent === undefined) this.agentIndex.set(row.agent, (agent = this.agentIndex.size))
    agentOf.push(agent)
    return true
  }

  build(): Workload {
    const sorted = inArrivalOrder(this.columns)
    const first = sorted.submit[0] ?? 0
    return {
      ...sorted,
      size: sorted.submit.length,
      submit: sorted.submit.map((at) => at - first),
      origin: first,
      agents: [...this.agentIndex.keys()],
      rows: Math.max(0, Math.min(this.rows, this.end) - this.window.from),
      skipped: this.skipped,
      malformed: this.malformed
    }
  }

  private reasonToSkip(row: Row): SkipReason | undefined {
    if (Number.isNaN(row.submit)) return "submitUnknown"
    if (row.run < 0) return "runBelowZero"
    let asked = 0
    for (const amount of row.amounts) {
      if (amount < 0) return "amountBelowOne"
      if (amount > 0) asked++
    }
    if (asked === 0) return "amountBelowOne"
    for (let i = 0; i < this.pools.length; i++) {
      const pool = this.pools[i]
      const amount = row.amounts[i] ?? 0
      if (pool === undefined) continue
      if (amount > pool.capacity) return "amountOverCapacity"
      if (pool.rate !== undefined && amount > pool.rate.burst) return "amountOverBurst"
    }
    return undefined
  }
}

interface Columns {
  readonly submit: Array<number>
  readonly run: Array<number>
  readonly estimate: Array<number>
  readonly priority: Array<number>
  readonly amounts: ReadonlyArray<Array<number>>
  readonly agentOf: Array<number>
}

/** Sorted by submit; rows of one instant keep the order of the file. */
const inArrivalOrder = (columns: Columns): Columns => {
  const { submit } = columns
  let sorted = true
  for (let i = 1; i < submit.length; i++) sorted &&= (submit[i - 1] ?? 0) <= (submit[i] ?? 0)
  if (sorted) return columns
  const order = submit.map((_, index) => index).toSorted((a, b) => (submit[a] ?? 0) - (submit[b] ?? 0))
  const permuted = (column: ReadonlyArray<number>) => order.map((index) => column[index] ?? 0)
  return {
    submit: permuted(submit),
    run: permuted(columns.run),
    estimate: permuted(columns.estimate),
    priority: permuted(columns.priority),
    amounts: columns.amounts.map(permuted),
    agentOf: permuted(columns.agentOf)
  }
}
