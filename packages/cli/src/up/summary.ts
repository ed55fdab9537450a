/** What became of a plan: figures by agent and by pool, for programs and people. */
import type { PoolStatistics } from "@resource-manager/core/Statistics"
import * as Schema from "effect/Schema"
import type { UpAgent, UpState, UpView } from "../render/up.ts"
import * as supervision from "./supervision.ts"
import type { InstanceState, Outcome, State } from "./supervision.ts"

const AgentSummary = Schema.Struct({
  /** The name in the file; `name/2` where there are several. */
  id: Schema.String,
  /** Who was charged. */
  agent: Schema.String,
  command: Schema.String,
  claim: Schema.Record(Schema.String, Schema.Number),
  verdict: Schema.Literals(["done", "failed", "skipped", "stopped"]),
  /** Absent where it just ended well. */
  why: Schema.optionalKey(Schema.String),
  /** How often it was granted its lease and started. */
  runs: Schema.Number,
  restarts: Schema.Number,
  /** How the latest attempts ended, oldest first: an exit code, the name of a signal, or why there was none. */
  exits: Schema.Array(Schema.Union([Schema.Number, Schema.String])),
  waitedMillis: Schema.Number,
  heldMillis: Schema.Number
})

const PoolSummary = Schema.Struct({
  resourceType: Schema.String,
  capacity: Schema.Number,
  /** The most that was in use at once. */
  peak: Schema.Number,
  meanInUse: Schema.Number,
  acquisitions: Schema.Number,
  /** How long granted claims had waited. */
  waits: Schema.Struct({
    count: Schema.Number,
    mean: Schema.Number,
    p50: Schema.Number,
    p90: Schema.Number,
    max: Schema.Number
  })
})

/** Durations are in milliseconds. */
export const UpSummary = Schema.Struct({
  title: Schema.String,
  /** Whether every agent ended well. */
  ok: Schema.Boolean,
  /** Why everything was told to end, where it was. */
  stopped: Schema.optionalKey(Schema.String),
  wallMillis: Schema.Number,
  /** What all agents waited for their leases, together. */
  waitedMillis: Schema.Number,
  heldMillis: Schema.Number,
  agents: Schema.Array(AgentSummary),
  pools: Schema.Array(PoolSummary)
})
export type UpSummary = typeof UpSummary.Type

const exitOf = (outcome: Outcome): number | string => {
  switch (outcome._tag) {
    case "Exited":
      return outcome.code
    case "Signalled":
      return outcome.signal
    case "TimedOut":
      return "timeout"
    case "Refused":
      return "refused"
    case "Revoked":
      return "revoked"
    case "NotStarted":
      return "not started"
    case "Stopped":
      return "stopped"
  }
}

const endOf = ({
  status
}: InstanceState): { readonly verdict: supervision.Verdict; readonly why: string | undefined } =>
  status._tag === "Ended" ? status : { verdict: "stopped", why: "not over yet" }

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

/** Times to the microsecond: what is beyond is noise. */
const rounded = (millis: number): number => Math.round(millis * 1_000) / 1_000

/** `pools` as they are in the end. */
export const summaryOf = (state: State, pools: ReadonlyArray<PoolStatistics>, wallMillis: number): UpSummary => {
  const entries = [...state.instances.values()]
  return {
    title: state.plan.title,
    ok: supervision.isWell(state),
    ...(state.stopping === undefined ? {} : { stopped: state.stopping }),
    wallMillis: rounded(wallMillis),
    waitedMillis: rounded(sum(entries.map((entry) => entry.waitedMillis))),
    heldMillis: rounded(sum(entries.map((entry) => entry.heldMillis))),
    agents: entries.map((entry) => {
      const { verdict, why } = endOf(entry)
      return {
        id: entry.instance.id,
        agent: entry.instance.agent,
        command: entry.instance.shown,
        claim: entry.instance.claim,
        verdict,
        ...(why === undefined ? {} : { why }),
        runs: entry.runs,
        restarts: entry.restarts,
        exits: entry.outcomes.map(exitOf),
        waitedMillis: rounded(entry.waitedMillis),
        heldMillis: rounded(entry.heldMillis)
      }
    }),
    pools: pools.map(({ acquisitions, capacity, meanInUse, peak, resourceType, waits }) => ({
      resourceType,
      capacity,
      peak,
      meanInUse,
      acquisitions,
      waits: { count: waits.count, mean: waits.mean, p50: waits.p50, p90: waits.p90, max: waits.max }
    }))
  }
}

/** Why an instance waits, in a few words. */
export type Why = (entry: InstanceState) => string

const verdictStates: Readonly<Record<supervision.Verdict, (why: string) => UpState>> = {
  done: () => ({ _tag: "Done" }),
  failed: (why) => ({ _tag: "Failed", why }),
  skipped: (why) => ({ _tag: "Skipped", why }),
  stopped: (why) => ({ _tag: "Stopped", why })
}

const upStateOf = (entry: InstanceState, now: number, why: Why): UpState => {
  const { instance, isEnding, status } = entry
  switch (status._tag) {
    case "Pending":
      return { _tag: "Pending", after: instance.after }
    case "Waiting":
      return { _tag: "Waiting", sinceMillis: now - status.since, why: isEnding ? "is told to end" : why(entry) }
    case "Running":
      return { _tag: "Running", sinceMillis: now - status.since, pid: status.pid, isEnding }
    case "Restarting":
      return { _tag: "Restarting", inMillis: Math.max(0, status.dueAt - now), why: status.why }
    case "Ended":
      return verdictStates[status.verdict](status.why ?? "")
  }
}

/** The same for people, while it goes on and when it is over. `now` is by the clock of the state. */
export const agentsOf = (state: State, now: number, why: Why): ReadonlyArray<UpAgent> =>
  [...state.instances.values()].map((entry) => {
    const { heldMillis, instance, outcomes, runs, status, waitedMillis } = entry
    const since = status._tag === "Waiting" || status._tag === "Running" ? now - status.since : 0
    return {
      agent: instance.id,
      command: instance.shown,
      claim: instance.claim,
      state: upStateOf(entry, now, why),
      runs,
      waitedMillis: waitedMillis + (status._tag === "Waiting" ? since : 0),
      ranMillis: heldMillis + (status._tag === "Running" ? since : 0),
      exits: outcomes.map((outcome) => String(exitOf(outcome)))
    }
  })

export const viewOf = (
  state: State,
  pools: ReadonlyArray<PoolStatistics>,
  times: { readonly now: number; readonly beganAt: number },
  why: Why
): UpView => ({
  title: state.plan.title,
  stopping: state.stopping,
  elapsedMillis: times.now - times.beganAt,
  pools,
  agents: agentsOf(state, times.now, why)
})
