/**
 * Who of `up` starts, who is started again, and when all of it is over: a pure state
 * machine. It is told what happened and when, and answers what to do. Times are
 * milliseconds of one clock.
 *
 * 1. An instance starts once every agent that it is `after` has ended well, all its
 *    instances; where one of them ended otherwise, it is skipped.
 * 2. A run ends well with exit code 0. What ends otherwise is started again by its
 *    policy, after a delay that grows from restart to restart up to its maximum, and
 *    at most `max` times in a row; a run of `resetMillis` starts the row anew.
 * 3. What no restart can mend (a claim that can never be granted, a command that
 *    cannot be started) is not tried again.
 * 4. Services (`always`) are started again whatever their exit code. Once everybody
 *    else has ended they are told to end, and have ended well. Where there are only
 *    services they run until they are stopped.
 * 5. Stopped, by a person or by the first failure where the plan says so, nothing is
 *    started any more, whoever runs or waits is told to end, services last.
 * 6. Every instance ends once. It is over when all have.
 */
import { type Instance, isService, type Plan } from "./plan.ts"

/** How one attempt ended: the wait for its lease, and the run inside of it. */
export type Outcome =
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "Signalled"; readonly signal: string }
  /** It took longer than it may, and was ended. */
  | { readonly _tag: "TimedOut"; readonly afterMillis: number }
  /** The lease was not granted. `isFinal`: it never can be. */
  | { readonly _tag: "Refused"; readonly message: string; readonly isFinal: boolean }
  /** The lease was taken away, and the command was ended. */
  | { readonly _tag: "Revoked"; readonly message: string }
  /** The command could not be started. */
  | { readonly _tag: "NotStarted"; readonly message: string }
  /** It was told to end. */
  | { readonly _tag: "Stopped" }

export type Verdict = "done" | "failed" | "skipped" | "stopped"

export type Status =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Waiting"; readonly since: number }
  | { readonly _tag: "Running"; readonly since: number; readonly pid: number | undefined }
  | { readonly _tag: "Restarting"; readonly dueAt: number; readonly why: string }
  | { readonly _tag: "Ended"; readonly verdict: Verdict; readonly why: string | undefined }

/** The latest outcomes that are kept of each instance. */
export const outcomesKept = 20

export interface InstanceState {
  readonly instance: Instance
  readonly status: Status
  /** How often it was granted its lease. */
  readonly runs: number
  /** Restarts in all. */
  readonly restarts: number
  /** Restarts in a row, since a run that was long enough. */
  readonly row: number
  readonly waitedMillis: number
  readonly heldMillis: number
  /** Whether it was told to end, and has not yet. */
  readonly isEnding: boolean
  /** The latest, oldest first. */
  readonly outcomes: ReadonlyArray<Outcome>
}

export interface State {
  readonly plan: Plan
  readonly instances: ReadonlyMap<string, InstanceState>
  /** Why everything is told to end, once it is. */
  readonly stopping: string | undefined
}

export type Input =
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Granted"; readonly id: string }
  | { readonly _tag: "Started"; readonly id: string; readonly pid: number }
  | { readonly _tag: "Ended"; readonly id: string; readonly outcome: Outcome }
  /** Time went by. */
  | { readonly _tag: "Tick" }
  | { readonly _tag: "Stop"; readonly why: string }

export type Action =
  /** Ask for the lease, and run the command inside of it. */
  | { readonly _tag: "Start"; readonly id: string }
  /** End the command, or the wait, and tell it as `Ended`. */
  | { readonly _tag: "End"; readonly id: string }

export interface Step {
  readonly state: State
  readonly actions: ReadonlyArray<Action>
}

export const initial = (plan: Plan): State => ({
  plan,
  instances: new Map(
    plan.instances.map((instance) => [
      instance.id,
      {
        instance,
        status: { _tag: "Pending" },
        runs: 0,
        restarts: 0,
        row: 0,
        waitedMillis: 0,
        heldMillis: 0,
        isEnding: false,
        outcomes: []
      }
    ])
  ),
  stopping: undefined
})

export const isOver = (state: State): boolean =>
  [...state.instances.values()].every(({ status }) => status._tag === "Ended")

/** Whether everybody ended well. Asked once it is over. */
export const isWell = (state: State): boolean =>
  [...state.instances.values()].every(({ status }) => status._tag === "Ended" && status.verdict === "done")

/** When to tick next; `Infinity` where nothing happens by itself. */
export const dueAt = (state: State): number =>
  Math.min(
    Infinity,
    ...[...state.instances.values()].map(({ status }) => (status._tag === "Restarting" ? status.dueAt : Infinity))
  )

/** An outcome in a few words. */
export const describe = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Exited":
      return `exit code ${outcome.code}`
    case "Signalled":
      return `signal ${outcome.signal}`
    case "TimedOut":
      return `took longer than ${outcome.afterMillis} ms`
    case "Refused":
    case "Revoked":
    case "NotStarted":
      return outcome.message
    case "Stopped":
      return "stopped"
  }
}

const endedWell = (outcome: Outcome): boolean => outcome._tag === "Exited" && outcome.code === 0

const canMend = (outcome: Outcome): boolean =>
  outcome._tag !== "NotStarted" && !(outcome._tag === "Refused" && outcome.isFinal)

const ended = (verdict: Verdict, why?: string): Status => ({ _tag: "Ended", verdict, why })

const isAlive = ({ status }: InstanceState): boolean => status._tag === "Waiting" || status._tag === "Running"

/** The delay before the next restart, after so many in a row. */
const delayMillis = ({ factor, initialMillis, maxMillis }: Instance["restart"], row: number): number =>
  Math.min(maxMillis, initialMillis * factor ** row)

/** One transition under way. */
class Transition {
  readonly instances: Map<string, InstanceState>
  readonly actions: Array<Action> = []
  readonly plan: Plan
  readonly now: number
  stopping: string | undefined

  constructor(state: State, now: number) {
    this.plan = state.plan
    this.instances = new Map(state.instances)
    this.stopping = state.stopping
    this.now = now
  }

  change(entry: InstanceState, change: Partial<InstanceState>): void {
    this.instances.set(entry.instance.id, { ...entry, ...change })
  }

  start(entry: InstanceState, change: Partial<InstanceState> = {}): void {
    this.change(entry, { ...change, status: { _tag: "Waiting", since: this.now } })
    this.actions.push({ _tag: "Start", id: entry.instance.id })
  }

  end(entry: InstanceState): void {
    if (!isAlive(entry) || entry.isEnding) return
    this.change(entry, { isEnding: true })
    this.actions.push({ _tag: "End", id: entry.instance.id })
  }

  /** Takes one alive, with the time up to now added to what it waited or held. */
  settle(entry: InstanceState, outcome: Outcome): InstanceState {
    const { status } = entry
    const since = status._tag === "Waiting" || status._tag === "Running" ? this.now - status.since : 0
    return {
      ...entry,
      isEnding: false,
      waitedMillis: entry.waitedMillis + (status._tag === "Waiting" ? since : 0),
      heldMillis: entry.heldMillis + (status._tag === "Running" ? since : 0),
      outcomes: [...entry.outcomes, outcome].slice(-outcomesKept)
    }
  }

  /** Rule 2 to 5, for one whose attempt is over. */
  onEnded(entry: InstanceState, outcome: Outcome): void {
    const { instance, status } = entry
    const settled = this.settle(entry, outcome)
    if (this.stopping !== undefined || this.servicesEnd()) {
      const isDone = endedWell(outcome) || (this.stopping === undefined && isService(instance))
      this.change(settled, {
        status: isDone
          ? ended("done", isService(instance) ? "ended with the others" : undefined)
          : ended("stopped", this.stopping)
      })
      return
    }
    const { restart } = instance
    const isDone = endedWell(outcome)
    const ranMillis = status._tag === "Running" ? this.now - status.since : 0
    const row = ranMillis >= restart.resetMillis ? 0 : settled.row
    const mayRestart = canMend(outcome) && row < restart.max && outcome._tag !== "Stopped"
    if (mayRestart && (restart.when === "always" || (restart.when === "on-failure" && !isDone))) {
      const due = this.now + delayMillis(restart, row)
      this.change(settled, { row: row + 1, status: { _tag: "Restarting", dueAt: due, why: describe(outcome) } })
      return
    }
    const tries = restart.when === "never" || row === 0 ? "" : `, after ${row} restart${row === 1 ? "" : "s"} in a row`
    this.change(settled, { status: isDone ? ended("done") : ended("failed", `${describe(outcome)}${tries}`) })
  }

  /** Whether everybody but the services has ended, and there is somebody but them. */
  servicesEnd(): boolean {
    const others = [...this.instances.values()].filter(({ instance }) => !isService(instance))
    return others.length > 0 && others.every(({ status }) => status._tag === "Ended")
  }

  private verdictOf(name: string): Verdict | "running" {
    const all = [...this.instances.values()].filter(({ instance }) => instance.name === name)
    const bad = all.find(({ status }) => status._tag === "Ended" && status.verdict !== "done")
    if (bad !== undefined) return "failed"
    return all.every(({ status }) => status._tag === "Ended") ? "done" : "running"
  }

  /** Skips, starts and ends whoever is to be now. */
  advance(): void {
    // Who is skipped first, until nobody is any more: only then is it known who is left to start for.
    while ([...this.instances.values()].some((entry) => this.skip(entry)));
    const failed = [...this.instances.values()].find(
      ({ status }) => status._tag === "Ended" && status.verdict === "failed"
    )
    if (failed !== undefined && this.plan.onFailure === "stop") this.stop(`${failed.instance.id} failed`)
    for (const entry of this.instances.values()) {
      if (this.stopping === undefined) this.proceed(entry)
      else this.abandon(entry)
    }
    if (this.stopping === undefined ? this.servicesEnd() : this.othersEnded()) this.endServices()
  }

  private skip(entry: InstanceState): boolean {
    if (entry.status._tag !== "Pending") return false
    const bad = entry.instance.after.find((name) => this.verdictOf(name) === "failed")
    if (bad === undefined) return false
    this.change(entry, { status: ended("skipped", `${bad} did not end well`) })
    return true
  }

  /** A pending one starts, one that is due starts again; no service for whom nobody is left. */
  private proceed(entry: InstanceState): void {
    const { instance, status } = entry
    if (isService(instance) && this.servicesEnd()) return
    if (status._tag === "Restarting" && status.dueAt <= this.now) {
      this.start(entry, { restarts: entry.restarts + 1 })
    }
    if (status._tag === "Pending" && instance.after.every((name) => this.verdictOf(name) === "done")) this.start(entry)
  }

  /** Nothing is started any more. */
  private abandon(entry: InstanceState): void {
    if (entry.status._tag !== "Pending" && entry.status._tag !== "Restarting") return
    this.change(entry, { status: ended("stopped", this.stopping) })
  }

  stop(why: string): void {
    if (this.stopping !== undefined) return
    this.stopping = why
    for (const entry of this.instances.values()) {
      if (!isService(entry.instance)) this.end(entry)
    }
  }

  private othersEnded(): boolean {
    return [...this.instances.values()].every(({ instance, status }) => isService(instance) || status._tag === "Ended")
  }

  private endServices(): void {
    for (const entry of this.instances.values()) {
      if (!isService(entry.instance)) continue
      if (isAlive(entry)) this.end(entry)
      else if (entry.status._tag !== "Ended") {
        this.change(entry, {
          status: this.stopping === undefined ? ended("done", "ended with the others") : ended("stopped", this.stopping)
        })
      }
    }
  }
}

/** The next state, and what to do. An input about one that has ended, or that is not there, changes nothing. */
export const step = (state: State, input: Input, now: number): Step => {
  const transition = new Transition(state, now)
  const entry = "id" in input ? transition.instances.get(input.id) : undefined
  switch (input._tag) {
    case "Granted":
      if (entry?.status._tag === "Waiting") {
        transition.change(entry, {
          runs: entry.runs + 1,
          waitedMillis: entry.waitedMillis + now - entry.status.since,
          status: { _tag: "Running", since: now, pid: undefined }
        })
      }
      break
    case "Started":
      if (entry?.status._tag === "Running") {
        transition.change(entry, { status: { ...entry.status, pid: input.pid } })
      }
      break
    case "Ended":
      if (entry !== undefined && isAlive(entry)) transition.onEnded(entry, input.outcome)
      break
    case "Stop":
      transition.stop(input.why)
      break
    case "Begin":
    case "Tick":
      break
  }
  transition.advance()
  return {
    state: { plan: state.plan, instances: transition.instances, stopping: transition.stopping },
    actions: transition.actions
  }
}
