/**
 * A backend of known capacity, and clients that always have one more call to make:
 * a deterministic queueing model in virtual time.
 *
 * The backend serves `servers` calls at once, each for `serviceMicros` give or take
 * `noise`, and lets others queue first come, first served, up to `queueMax`; what comes
 * on top is refused. So with `n` calls in flight the latency is the service time up to
 * `n = servers`, and grows in proportion above: the capacity that a limit should find
 * is `servers`. A call that took `timeoutMicros` is given up by its client, and the
 * backend finishes it all the same.
 */
import { type EndedCall, LimitFeed } from "../../src/internal/limitFeed.ts"
import type { Policy } from "../../src/LimitPolicy.ts"
import { Random } from "../simulator/random.ts"
import { Agenda } from "./Agenda.ts"

/** The backend from an instant on. */
export interface Phase {
  readonly fromMicros: number
  readonly servers: number
  readonly serviceMicros: number
}

export interface Scenario {
  readonly phases: ReadonlyArray<Phase>
  readonly endMicros: number
  /** Calls that may queue. Default without bound. */
  readonly queueMax?: number
  /** A call is given up after this. Never unless given. */
  readonly timeoutMicros?: number
  /** How service times spread: a factor of mean 1. Default none. */
  readonly noise?: (random: Random) => number
  /** Calls that the clients would have in flight. Default without bound. */
  readonly demand?: number
  readonly seed?: number
}

/** The limit at the end of one round trip at the base latency of its phase. */
export interface Point {
  readonly atMicros: number
  /** The phase's round trips so far. */
  readonly roundTrip: number
  readonly phase: number
  readonly servers: number
  readonly limit: number
  readonly inFlight: number
  /** Of the calls that ended since the point before. */
  readonly meanMicros: number
  readonly served: number
  readonly dropped: number
}

interface Call {
  readonly startedAt: number
  readonly inFlight: number
  /** Whether its client still waits. */
  awaited: boolean
}

/** How service times may spread. */
export const uniform = (spread: number) => (random: Random) => 1 - spread + 2 * spread * (random.next() / 0x1_0000_0000)
export const exponential = (random: Random) => -Math.log(1 - random.next() / 0x1_0000_0000)

export const feedDefaults = { samplesMin: 10, samplesMax: 1_000, windowMicros: 10_000 }

/** How long the backend takes to say no. */
const refusalMicros = 1_000

class Simulation {
  readonly points: Array<Point> = []
  private readonly scenario: Scenario
  private readonly feed: LimitFeed
  private readonly agenda = new Agenda()
  private readonly random: Random
  private readonly queue: Array<Call> = []
  private phase: Phase
  private now = 0
  private busy = 0
  private inFlight = 0
  private served = 0
  private dropped = 0
  private latencies = 0
  private ended = 0

  constructor(policy: Policy, scenario: Scenario) {
    this.scenario = scenario
    this.phase = scenario.phases[0]!
    this.random = new Random(scenario.seed ?? 1)
    this.feed = new LimitFeed(policy.begin(scenario.seed ?? 1), { ...feedDefaults, settles: policy.comparesLatency }, 0)
  }

  run(): ReadonlyArray<Point> {
    this.scenario.phases.forEach((phase, index) => {
      this.agenda.at(phase.fromMicros, () => {
        this.phase = phase
        this.serve()
      })
      const until = this.scenario.phases[index + 1]?.fromMicros ?? this.scenario.endMicros
      for (let trip = 1; phase.fromMicros + trip * phase.serviceMicros <= until; trip++) {
        this.agenda.at(phase.fromMicros + trip * phase.serviceMicros, () => this.look(index, trip))
      }
    })
    this.start()
    for (let next = this.agenda.take(); next !== undefined; next = this.agenda.take()) {
      if (next.at > this.scenario.endMicros) break
      this.now = next.at
      next.run()
      this.start()
    }
    return this.points
  }

  /** The clients let out as many calls as the limit allows. */
  private start(): void {
    const most = Math.min(this.feed.governor.state.limit, this.scenario.demand ?? Infinity)
    while (this.inFlight < most) {
      this.inFlight++
      const call: Call = { startedAt: this.now, inFlight: this.inFlight, awaited: true }
      if (this.queue.length >= (this.scenario.queueMax ?? Infinity) && this.busy >= this.phase.servers) {
        this.agenda.at(this.now + refusalMicros, () => this.answer(call, true))
        continue
      }
      if (this.scenario.timeoutMicros !== undefined) {
        this.agenda.at(this.now + this.scenario.timeoutMicros, () => this.answer(call, true))
      }
      this.queue.push(call)
      this.serve()
    }
  }

  private serve(): void {
    while (this.busy < this.phase.servers) {
      const call = this.queue.shift()
      if (call === undefined) return
      this.busy++
      const factor = this.scenario.noise?.(this.random) ?? 1
      this.agenda.at(this.now + Math.max(1, Math.round(this.phase.serviceMicros * factor)), () => {
        this.busy--
        this.answer(call, false)
        this.serve()
      })
    }
  }

  private answer(call: Call, didDrop: boolean): void {
    if (!call.awaited) return
    call.awaited = false
    this.inFlight--
    const ended: EndedCall = {
      startedAt: call.startedAt,
      endedAt: this.now,
      inFlight: call.inFlight,
      calls: call.inFlight,
      didDrop
    }
    if (didDrop) this.dropped++
    else this.served++
    this.ended++
    this.latencies += ended.endedAt - ended.startedAt
    this.feed.add(ended)
  }

  private look(phase: number, roundTrip: number): void {
    this.points.push({
      atMicros: this.now,
      roundTrip,
      phase,
      servers: this.phase.servers,
      limit: this.feed.governor.state.limit,
      inFlight: this.inFlight,
      meanMicros: this.ended === 0 ? 0 : this.latencies / this.ended,
      served: this.served,
      dropped: this.dropped
    })
    this.served = 0
    this.dropped = 0
    this.latencies = 0
    this.ended = 0
  }
}

/** Runs a policy against the backend: the same scenario gives the same points on every machine. */
export const simulate = (policy: Policy, scenario: Scenario): ReadonlyArray<Point> =>
  new Simulation(policy, scenario).run()
