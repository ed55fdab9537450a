/** What a replay says: one JSON object, and the source of the text and the report. Times are seconds. */
import type { Format } from "./load.ts"
import { type PoolSpec, unlimited } from "./pools.ts"
import type { Rule } from "./audit.ts"
import type { Policy } from "./policy.ts"
import type { BackfillName, OrderName } from "./policyNames.ts"
import type { Outcome } from "./simulation.ts"
import { type Distribution, distributionOf, jainIndexOf, sumOf } from "./statistics.ts"
import type { MalformedLine, Workload } from "./workload.ts"

export interface PoolSummary {
  readonly name: string
  /** `null` where unlimited. */
  readonly capacity: number | null
  readonly rate: string | null
  /** Units times seconds, over all jobs. */
  readonly work: number
  readonly peak: number
  readonly utilization: number | null
  readonly utilizationToLastStart: number | null
}

export interface AgentSummary {
  readonly agent: string
  readonly jobs: number
  /** In the first pool. */
  readonly work: number
  readonly waitMean: number
  readonly boundedSlowdownMean: number
}

export interface Summary {
  readonly file: string
  readonly format: Format
  readonly order: OrderName
  /** Whether who is chosen next stays next. */
  readonly committedHead: boolean
  /** Only where what was granted counts by one. */
  readonly halfLifeSeconds?: number
  readonly backfill: { readonly kind: BackfillName; readonly depth: number }
  readonly window: { readonly from: number; readonly rows: number; readonly requested: number | null }
  readonly jobs: number
  readonly skipped: { readonly total: number; readonly byReason: Record<string, number> }
  readonly malformed: {
    readonly total: number
    readonly byReason: Record<string, number>
    readonly lines: ReadonlyArray<MalformedLine>
  }
  readonly boundedSlowdown: Distribution
  readonly wait: Distribution
  readonly response: Distribution
  /** Of the first pool, from the first submit to the last end. */
  readonly utilization: number | null
  readonly utilizationToLastStart: number | null
  /** From the first submit to the last end. */
  readonly makespan: number
  readonly lastStart: number
  readonly queue: { readonly mean: number | null; readonly max: number }
  readonly pools: ReadonlyArray<PoolSummary>
  readonly fairness: {
    readonly agents: number
    /** Jain's index over the agents' means. */
    readonly jain: { readonly wait: number | null; readonly boundedSlowdown: number | null }
    /** Those with the most work first. */
    readonly largest: ReadonlyArray<AgentSummary>
  }
  readonly violations: number
  readonly violationsByRule: Record<Rule, number>
  readonly replay: { readonly events: number; readonly milliseconds: number }
}

/** The shortest run that a slowdown is divided by, in seconds: shorter jobs would drown the mean. */
export const slowdownBound = 10

const agentsShownMax = 100

export interface SummaryInput {
  readonly file: string
  readonly format: Format
  readonly policy: Policy
  readonly from: number
  readonly requested: number | undefined
  readonly pools: ReadonlyArray<PoolSpec>
  readonly workload: Workload
  readonly outcome: Outcome
  readonly milliseconds: number
}

const seconds = (micros: number): number => micros / 1e6

const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null)

export const boundedSlowdownOf = (wait: number, run: number): number =>
  Math.max(1, (wait + run) / Math.max(run, slowdownBound))

/** By job, in seconds. */
export interface JobFigures {
  readonly wait: Float64Array
  readonly response: Float64Array
  readonly boundedSlowdown: Float64Array
}

export const jobFiguresOf = (workload: Workload, startedAt: Float64Array): JobFigures => {
  const { run, size, submit } = workload
  const wait = new Float64Array(size)
  const response = new Float64Array(size)
  const boundedSlowdown = new Float64Array(size)
  for (let job = 0; job < size; job++) {
    const waited = seconds((startedAt[job] ?? 0) - (submit[job] ?? 0))
    const ran = seconds(run[job] ?? 0)
    wait[job] = waited
    response[job] = waited + ran
    boundedSlowdown[job] = boundedSlowdownOf(waited, ran)
  }
  return { wait, response, boundedSlowdown }
}

const workOf = (workload: Workload, pool: number): Float64Array =>
  Float64Array.from(workload.run, (run, job) => seconds(run) * (workload.amounts[pool]?.[job] ?? 0))

const poolSummary = (pool: PoolSpec, index: number, { outcome, workload }: SummaryInput): PoolSummary => {
  const work = sumOf(workOf(workload, index))
  const { capacity } = pool
  return {
    name: pool.name,
    capacity: capacity === unlimited ? null : capacity,
    rate: pool.rate?.text ?? null,
    work,
    peak: outcome.poolPeaks[index] ?? 0,
    utilization: capacity === unlimited ? null : ratio(work, capacity * seconds(outcome.lastEnd)),
    utilizationToLastStart: capacity === unlimited ? null : ratio(work, capacity * seconds(outcome.lastStart))
  }
}

const agentSummaries = (workload: Workload, figures: JobFigures): ReadonlyArray<AgentSummary> => {
  const sums = workload.agents.map(() => ({ jobs: 0, work: 0, wait: 0, slowdown: 0 }))
  const work = workOf(workload, 0)
  for (let job = 0; job < workload.size; job++) {
    const sum = sums[workload.agentOf[job] ?? -1]
    if (sum === undefined) continue
    sum.jobs++
    sum.work += work[job] ?? 0
    sum.wait += figures.wait[job] ?? 0
    sum.slowdown += figures.boundedSlowdown[job] ?? 0
  }
  return sums.map((sum, index) => ({
    agent: workload.agents[index] ?? "",
    jobs: sum.jobs,
    work: sum.work,
    waitMean: sum.wait / sum.jobs,
    boundedSlowdownMean: sum.slowdown / sum.jobs
  }))
}

export const summarize = (input: SummaryInput, figures: JobFigures): Summary => {
  const { outcome, policy, workload } = input
  const pools = input.pools.map((pool, index) => poolSummary(pool, index, input))
  const agents = agentSummaries(workload, figures)
  const makespan = seconds(outcome.lastEnd)
  const skipped = [...workload.skipped.values()].reduce((sum, count) => sum + count, 0)
  return {
    file: input.file,
    format: input.format,
    order: policy.order,
    committedHead: policy.committedHead,
    ...(policy.halfLifeMicros === undefined ? {} : { halfLifeSeconds: policy.halfLifeMicros / 1_000_000 }),
    backfill: { kind: policy.backfill, depth: policy.depth },
    window: { from: input.from, rows: workload.rows, requested: input.requested ?? null },
    jobs: workload.size,
    skipped: { total: skipped, byReason: Object.fromEntries(workload.skipped) },
    malformed: {
      total: workload.malformed.total,
      byReason: Object.fromEntries(workload.malformed.byReason),
      lines: workload.malformed.lines
    },
    boundedSlowdown: distributionOf(figures.boundedSlowdown),
    wait: distributionOf(figures.wait),
    response: distributionOf(figures.response),
    utilization: pools[0]?.utilization ?? null,
    utilizationToLastStart: pools[0]?.utilizationToLastStart ?? null,
    makespan,
    lastStart: seconds(outcome.lastStart),
    queue: { mean: ratio(sumOf(figures.wait), makespan), max: outcome.queuePeak },
    pools,
    fairness: {
      agents: agents.length,
      jain: {
        wait: jainIndexOf(agents.map((agent) => agent.waitMean)),
        boundedSlowdown: jainIndexOf(agents.map((agent) => agent.boundedSlowdownMean))
      },
      largest: agents.toSorted((a, b) => b.work - a.work).slice(0, agentsShownMax)
    },
    violations: outcome.audit.total,
    violationsByRule: outcome.audit.counts,
    replay: { events: outcome.events, milliseconds: Math.round(input.milliseconds) }
  }
}
