/** One seeded run: commands in, events to the world and the checkers, every rule checked after each command. */
import {
  capture,
  detectionOff,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  Order,
  Replay,
  restore,
  type State
} from "../../src/Ledger.ts"
import { type Answer, type Checker, type Command, type Run, Violation } from "./checker.ts"
import { checkersFor } from "./checkers/index.ts"
import { World } from "./model.ts"
import type { ModelPolicy } from "./order.ts"
import type { Profile } from "./profile.ts"
import { Random } from "./random.ts"
import { Report } from "./report.ts"
import { type Planned, Workload } from "./workload.ts"

export interface Failure {
  readonly checker: string
  readonly message: string
  readonly profile: string
  readonly seed: number
  /** The command, counted from 1, after which it showed. */
  readonly step: number
  readonly command: string
}

export interface Result {
  readonly failure: Failure | undefined
  readonly steps: number
  /** Share of the live claims that waited, as a mean over the steps. */
  readonly waitingShare: number
  /** A digest of all events up to each step: equal runs have equal ones. */
  readonly digests: ReadonlyArray<number>
  /** When the Ledger had to be asked again, as each command was chosen. */
  readonly dues: ReadonlyArray<number>
  /** The whole state at the end, as JSON. */
  readonly state: string
}

/** The policy of the model, as the Ledger takes it. */
const orderOf = ({ bypass, committed, fair, halfLife, priority, size }: ModelPolicy): Order =>
  new Order({
    name: "drawn",
    fairShare: fair && { by: fair, halfLife },
    priority: priority && {
      inherits: priority.inherits,
      aging: priority.aging && { afterMicros: priority.aging.after, oneIn: priority.aging.oneIn }
    },
    size: size ? (request) => request.scheduling.expected || Infinity : undefined,
    committedHead: committed,
    bypass: bypass && { max: bypass.max, withinMicros: bypass.within, depth: bypass.depth }
  })

class Simulation {
  readonly run: Run
  private readonly options: LedgerOptions
  private readonly report: Report
  private readonly random: Random
  private readonly workload: Workload
  private readonly checkers: ReadonlyArray<Checker>
  private shares = 0
  private digest = 0
  private readonly digests: Array<number> = []
  private readonly dues: Array<number> = []
  /** The same run on one Ledger, where this one is on restored ones. */
  private readonly former: Result | undefined
  /** When to go on with a Ledger that was restored. Its own: everything else stays as it is. */
  private readonly restores: Random | undefined
  /** The last snapshot, and the events since. */
  private snapshot: string | undefined = undefined
  private since: Array<string> = []
  /** Events of the command that runs. */
  private heard = 0
  private planned: Command | undefined = undefined

  constructor(seed: number, { draw, ...kind }: Profile, report: Report, former: Result | undefined) {
    const profile = draw?.(new Random(seed + 4)) ?? kind
    this.former = former
    this.restores = former === undefined ? undefined : new Random(seed + 1)
    this.report = report
    this.random = new Random(seed)
    const policy = profile.policy?.(new Random(seed + 2))
    const order = policy && orderOf(policy)
    const preemption = profile.preemption(this.random)
    const backfill = profile.backfill?.(new Random(seed + 3))
    const deadlock = profile.detects ? profile.deadlock(this.random) : detectionOff
    const world = new World(policy, deadlock.avoids, profile.groups, backfill?.kind === "conservative")
    this.options = {
      order,
      deadlock,
      backfill,
      preemption,
      waitersMax: profile.waitersMax,
      waitersPerAgentMax: profile.waitersPerAgentMax,
      indexed: true,
      sink: (event) => this.hear(event)
    }
    this.run = {
      seed,
      order,
      backfill,
      ledger: new Ledger(this.options),
      world,
      deadlock,
      detects: profile.detects,
      grouped: profile.groups,
      preemption,
      waitersMax: profile.waitersMax,
      waitersPerAgentMax: profile.waitersPerAgentMax,
      step: 0,
      command: { name: "advance", at: 0 },
      settled: [],
      count: (key) => report.count(key)
    }
    this.workload = new Workload(this.random, profile, world)
    // On restored Ledgers the events have to be those of a run that was checked: that says it all.
    this.checkers = former !== undefined ? [] : checkersFor(this.run).map((make) => make(this.run))
  }

  steps(count: number): void {
    this.workload.define(this.run.ledger)
    while (this.run.step < count) {
      // Before a command is chosen, for it holds what it works on.
      if (this.restores?.chance(0.03) === true) this.restoreLedger()
      this.step(this.next())
    }
    this.end()
  }

  result(failure: Failure | undefined): Result {
    const steps = this.run.step
    return {
      failure,
      steps,
      waitingShare: steps === 0 ? 0 : this.shares / steps,
      digests: this.digests,
      dues: this.dues,
      state: JSON.stringify(capture(this.run.ledger.books))
    }
  }

  /**
   * What is done next. A Ledger may ask to be woken where nothing comes of it, and a restored one need not
   * for the same: so the instants are those of the run before.
   */
  private next(): Planned {
    const { ledger } = this.run
    const dueAt = this.former?.dues[this.dues.length] ?? ledger.nextDueAt
    this.dues.push(dueAt)
    return this.workload.next(ledger, dueAt)
  }

  private step(planned: Planned): void {
    const { ledger, world } = this.run
    this.run.step++
    this.planned = planned.command
    world.asking = planned.asking ?? { parent: undefined, grows: undefined }
    // Half of the commands find the state up to date, so that their outcome can be
    // foretold; the others have to bring it up to date themselves.
    if (this.random.chance(0.5)) {
      this.command({ name: "advance", at: planned.command.at }, () => (ledger.advance(planned.command.at), undefined))
      this.run.command = planned.command
      for (const checker of this.checkers) checker.beforeCommand?.()
    }
    this.workload.answered(this.command(planned.command, planned.run))
    this.report.count(`command: ${planned.command.name}`)
    const live = world.waiters.length + world.leases.length
    if (live > 0) this.shares += world.waiters.length / live
    this.digests.push(this.digest)
  }

  /**
   * Goes on with a Ledger as a new process would: from the last snapshot and the
   * events since, or from a snapshot of this moment; through JSON. What the callers
   * hold in hand is found by id.
   */
  private restoreLedger(): void {
    const { ledger } = this.run
    if (this.snapshot === undefined || this.restores?.chance(0.5) === true) {
      this.snapshot = JSON.stringify(capture(ledger.books))
      this.since = []
    }
    const state: State = JSON.parse(this.snapshot)
    const replay = new Replay(restore(state))
    for (const event of this.since) replay.apply(JSON.parse(event))
    const books = replay.finish(ledger.now)
    this.run.ledger = new Ledger({ ...this.options, books })
    this.workload.restored(books)
    this.report.count(this.since.length === 0 ? "snapshot continued" : "snapshot and events continued")
  }

  private command(command: Command, run: Planned["run"]): Answer {
    const { ledger, world } = this.run
    this.run.command = command
    world.command++
    this.heard = 0
    const answer = run(ledger)
    this.run.settled = ledger.settled.splice(0)
    // Nothing happened in the mere passing of time: nothing new to check.
    if (this.heard === 0 && command !== this.planned) return answer
    if (typeof answer === "object")
      this.report.count(`answer: ${"status" in answer ? answer.status : "_tag" in answer ? answer._tag : "reserved"}`)
    for (const checker of this.checkers) checker.afterCommand?.(answer)
    return answer
  }

  private hear(event: LedgerEvent): void {
    this.heard++
    for (const checker of this.checkers) checker.onEvent?.(event)
    this.run.world.apply(event)
    this.workload.heard(event)
    this.report.event(event)
    const text = JSON.stringify(event)
    if (this.restores !== undefined) this.since.push(text)
    for (let i = 0; i < text.length; i++) this.digest = (Math.imul(this.digest, 31) + text.charCodeAt(i)) | 0
  }

  /** Stops the manager and takes back what is left, by its callers or by force. */
  private end(): void {
    const { ledger, world } = this.run
    const at = ledger.now
    const end = (name: "stop" | "revokeAll", run: Planned["run"]) => {
      this.step({ command: { name, at }, run })
    }
    end("stop", () => (ledger.stop(at), undefined))
    for (let i = 0; i < 3; i++) this.step(this.next())
    for (const lease of world.leases.filter((_, index) => index % 2 === 0)) {
      const handle = this.workload.handles.get(lease.id)
      if (handle === undefined) continue
      this.step({ command: { name: "release", returns: handle.id, at }, run: () => ledger.release(handle, at) })
    }
    end("revokeAll", () => (ledger.revokeAll(at), undefined))
    for (const checker of this.checkers) checker.atEnd?.()
  }
}

/**
 * Runs one seed. A broken rule is in the result; so is a defect of the Ledger.
 * `former`: the same run once more, on Ledgers that are restored from their own state again and again.
 */
export const simulate = (seed: number, profile: Profile, steps: number, report: Report, former?: Result): Result => {
  const simulation = new Simulation(seed, profile, report, former)
  try {
    simulation.steps(steps)
    return simulation.result(undefined)
  } catch (error) {
    return simulation.result({
      checker: error instanceof Violation ? error.checker : "defects",
      message:
        error instanceof Violation ? error.message : error instanceof Error ? String(error.stack) : String(error),
      profile: profile.name,
      seed,
      step: simulation.run.step,
      command: simulation.run.command.name
    })
  }
}
