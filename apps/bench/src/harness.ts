/**
 * Measures two ways of doing one thing side by side.
 *
 * 1. A sample is long enough to time (about 20 ms), does all its work through
 *    public entry points, and asserts its visible effect: a side that skips work
 *    fails the run instead of winning it.
 * 2. Sides are sampled in interleaved rounds, each round in the next order, so
 *    that a slow phase of the machine meets all of them. Young garbage is collected
 *    before every sample, so that nobody pays for the side before.
 * 3. A ratio is taken within a round; what is reported is the median over rounds.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** What one sample took: for how many operations, and how long. */
export interface Timing {
  readonly operations: number
  readonly nanos: number
  /** What they added to the heap, where that is what is measured. */
  readonly bytes?: number
}

export interface Side {
  readonly name: string
  /** Does about so many operations. One that has a natural size of its own may do that many. */
  readonly sample: (operations: number) => Promise<Timing>
}

export interface Peer extends Side {
  /** The highest ratio of ours to this peer that is good enough; `null` where none is set. */
  readonly goal: number | null
}

/** Sides that do the same thing, ready to be sampled. */
export interface Prepared {
  readonly ours: Side
  readonly peers: ReadonlyArray<Peer>
  /** Asserts, outside of the timing, what the samples cannot see: that limits are kept. */
  readonly verify?: () => Promise<void>
  readonly close?: () => Promise<void>
}

export interface Size {
  /** How many times smaller than in a real run populations are, for tests of the benchmark itself. */
  readonly shrink: number
}

export interface BenchCase {
  readonly name: string
  /** What is measured and how, in a sentence or two. */
  readonly measures: string
  /** Whether it is left out of a quick run: it explains a result and is none. */
  readonly onlyFull?: boolean
  readonly prepare: (size: Size) => Promise<Prepared>
}

export interface Result {
  readonly case: string
  readonly peer: string
  /** Ours over the peer's: the median over rounds. */
  readonly ratio: number
  readonly goal: number | null
  readonly ns: { readonly ours: number; readonly peer: number }
  readonly rounds: number
  /** The quarter points of the ratio over rounds. */
  readonly spread: readonly [number, number]
  /** Where memory is measured: bytes of one. The ratio is of these. */
  readonly bytes?: { readonly ours: number; readonly peer: number }
}

export interface Plan extends Size {
  /** How long a case is sampled for, about; one with a goal for twice as long. */
  readonly caseMillis: number
  readonly roundsMin: number
  readonly roundsMax: number
  readonly sampleMillis: number
}

export const quickPlan: Plan = { shrink: 1, caseMillis: 900, roundsMin: 5, roundsMax: 31, sampleMillis: 20 }
/** For the rest of a quick run that is late: few rounds are told rather than a minute overrun. */
export const latePlan: Plan = { ...quickPlan, caseMillis: 200, roundsMin: 3 }
export const fullPlan: Plan = { shrink: 1, caseMillis: 10_000, roundsMin: 9, roundsMax: 101, sampleMillis: 50 }
/** For tests of the benchmark itself: everything runs once or twice, and small. */
export const smokePlan: Plan = { shrink: 100, caseMillis: 0, roundsMin: 2, roundsMax: 2, sampleMillis: 0 }

export const quantile = (values: ReadonlyArray<number>, at: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

const exposeCollector = (): ((type: "major" | "minor") => void) => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  if (typeof collect !== "function") throw new Error("this runtime has no way to collect garbage on demand")
  return (type) => {
    collect({ type })
  }
}

/**
 * Collects garbage now. A major collection on demand also makes the engine forget
 * what it has learnt about the code, and costs the next samples several times their
 * time; so it is for weighing alone, and what lies between samples is a minor one.
 */
export const collectGarbage = exposeCollector()

/** When timed stretches began and ended, by the microseconds of `process.hrtime`. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

let stretches: Array<Stretch> | undefined = undefined

/** Keeps a list of what is timed from now on: for a profile, which has to leave out the rest. */
export const recordStretches = (into: Array<Stretch> | undefined): void => {
  stretches = into
}

const micros = (): number => Number(process.hrtime.bigint() / 1_000n)

/** Starts a watch that tells the nanoseconds since, when it is stopped. */
export const startWatch = (): (() => number) => {
  const from = stretches === undefined ? 0 : micros()
  const start = performance.now()
  return () => {
    const nanos = (performance.now() - start) * 1e6
    stretches?.push({ from, to: micros() })
    return nanos
  }
}

/** The heap that is in use, with nothing left to collect. */
export const bytesInUse = (): number => {
  // What finalizers let go of goes with the second.
  collectGarbage("major")
  collectGarbage("major")
  return process.memoryUsage().heapUsed
}

export class EffectMismatch extends Error {
  override readonly name = "EffectMismatch"
}

/** The visible effect of a side: where it is not what it should be, nothing is reported. */
export const assertEqual = (what: string, actual: number, expected: number): void => {
  if (actual !== expected) throw new EffectMismatch(`${what}: ${actual}, expected ${expected}`)
}

/** Grows the number of operations until a sample is long enough. Warms the side up on the way. */
const calibrate = async (side: Side, plan: Plan): Promise<number> => {
  const wanted = plan.sampleMillis * 1e6
  for (let operations = 16; ;) {
    const { nanos, operations: done } = await side.sample(operations)
    // The side has a size of its own, above what was asked for.
    if (nanos >= wanted || done > operations) return operations
    operations = Math.ceil(operations * Math.min(4, Math.max(1.3, (1.2 * wanted) / nanos)))
  }
}

interface Entry {
  readonly side: Side
  readonly operations: number
  /** By round, of one operation. */
  readonly nanos: Array<number>
  readonly bytes: Array<number>
}

const enter = async (side: Side, plan: Plan): Promise<Entry> => ({
  side,
  operations: await calibrate(side, plan),
  nanos: [],
  bytes: []
})

const take = async ({ bytes, nanos, operations, side }: Entry): Promise<void> => {
  collectGarbage("minor")
  const timing = await side.sample(operations)
  nanos.push(timing.nanos / timing.operations)
  if (timing.bytes !== undefined) bytes.push(timing.bytes / timing.operations)
}

const compare = (bench: BenchCase, peer: Peer, ours: Entry, theirs: Entry): Result => {
  const weighs = ours.bytes.length > 0
  const denominators = weighs ? theirs.bytes : theirs.nanos
  const ratios = (weighs ? ours.bytes : ours.nanos).map((own, round) => own / denominators[round]!)
  return {
    case: bench.name,
    peer: peer.name,
    ratio: median(ratios),
    goal: peer.goal,
    ns: { ours: median(ours.nanos), peer: median(theirs.nanos) },
    rounds: ratios.length,
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    ...(weighs ? { bytes: { ours: median(ours.bytes), peer: median(theirs.bytes) } } : {})
  }
}

/** Samples all sides of a case in interleaved rounds. */
export const measure = async (bench: BenchCase, plan: Plan): Promise<ReadonlyArray<Result>> => {
  const { close, ours, peers, verify } = await bench.prepare(plan)
  try {
    await verify?.()
    const own = await enter(ours, plan)
    const rivals: Array<{ readonly peer: Peer; readonly entry: Entry }> = []
    for (const peer of peers) rivals.push({ peer, entry: await enter(peer, plan) })
    const entries = [own, ...rivals.map(({ entry }) => entry)]
    const hasGoal = peers.some((peer) => peer.goal !== null)
    const endsAt = performance.now() + plan.caseMillis * (hasGoal ? 2 : 1)
    for (let round = 0; round < plan.roundsMax; round++) {
      if (round >= plan.roundsMin && performance.now() > endsAt) break
      for (let turn = 0; turn < entries.length; turn++) await take(entries[(round + turn) % entries.length]!)
    }
    return rivals.map(({ peer, entry }) => compare(bench, peer, own, entry))
  } finally {
    await close?.()
  }
}

/** Times a stretch of synchronous work. */
export const timed = (operations: number, work: () => void): Timing => {
  const elapsed = startWatch()
  work()
  return { operations, nanos: elapsed() }
}

/** Of something that takes as long as it takes, and is done once a sample however often it was asked for. */
export const once = async (operations: number, run: () => Promise<number>): Promise<Timing> => ({
  operations,
  nanos: (await run()) * operations
})
