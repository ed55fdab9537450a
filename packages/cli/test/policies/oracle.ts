/**
 * What a batch scheduler would do with one pool, by brute force: at every single event
 * all that wait and all that run is looked at again. It shares no code with the Ledger
 * and keeps nothing between events but who waits, who runs and who was chosen.
 *
 * The conventions, which together give the published figures (see lublin.test.ts):
 * - Events come one at a time; at one instant arrivals come before completions, arrivals
 *   in the order of the file, completions in the order of arrival.
 * - The *head* is chosen (by the order, then by arrival) when there is none and somebody
 *   waits. With a committed head it stays the head until it starts; else it is chosen anew
 *   after every event. Head after head starts while it fits.
 * - The *shadow time* of a blocked head: the running jobs are gone through by expected end
 *   (then by arrival), until together with what is free they are enough. `spare` is what
 *   that leaves; jobs that end at the same instant, but after that, are not in it.
 * - Backfill looks at all others in order of arrival, whatever the order is. One that fits
 *   into what is free starts if it ends before the shadow time (not: at it) or, with
 *   `easy`, if it takes no more than `spare`, which is then less by as much.
 * - `conservative`: everybody is given the first start at which it fits beside all who
 *   run and all who were given theirs before it, for as long as it is expected to run. What
 *   is planned to start or to end at an instant does so after all that runs until then. Who arrives comes
 *   last; when a job has ended or started, everybody is given a start anew, earliest former start first (then
 *   by the order). So it is for everybody who arrives while nobody knows when somebody starts, and once more
 *   where that is not known any more of somebody. Once a start has passed, all are void, and the order alone says who comes first. That is looked at a microsecond later,
 *   whether anything happens then or not.
 * - All of it goes by the estimate; a job that runs longer than that is expected to end at
 *   any moment. How long it really runs is known to nobody before it ends.
 */
export interface OracleJob {
  /** Seconds, as the file has it. */
  readonly submit: number
  readonly run: number
  readonly estimate: number
  readonly processors: number
}

export type OracleOrder = "fcfs" | "sjf" | "f1"
export type OracleBackfill = "none" | "easy" | "shadow" | "conservative"

export interface OracleOptions {
  readonly order: OracleOrder
  readonly backfill: OracleBackfill
  /** Default true. */
  readonly committedHead?: boolean
}

/** A place in time: an instant, and after which end there. */
interface Position {
  readonly at: number
  readonly id: number
}

const first: Position = { at: -Infinity, id: 0 }

const byPosition = (a: Position, b: Position) => (a.at === b.at ? (a.id === b.id ? 0 : a.id - b.id) : a.at - b.at)

const atLeastATenth = (seconds: number) => Math.max(seconds, 0.1)

const scores: Record<OracleOrder, (job: OracleJob) => number> = {
  fcfs: () => 0,
  sjf: (job) => job.estimate,
  f1: (job) => Math.log10(atLeastATenth(job.estimate)) * job.processors + 870 * Math.log10(atLeastATenth(job.submit))
}

/** A second, in microseconds. */
const second = 1e6

/** When each job starts, in whole microseconds. */
export const oracleStarts = (
  given: ReadonlyArray<OracleJob>,
  capacity: number,
  { backfill, committedHead = true, order }: OracleOptions
): ReadonlyArray<number> => {
  const score = given.map(scores[order])
  const jobs = given.map(({ estimate, processors, run, submit }) => ({
    submit: submit * second,
    run: run * second,
    // Of no time at all is not unknown.
    estimate: Math.max(1, estimate * second),
    processors
  }))
  const starts = jobs.map(() => Number.NaN)
  let waiting: Array<number> = []
  let running: Array<number> = []
  let arrived = 0
  let head: number | undefined
  let now = 0
  const endOf = (job: number) => starts[job]! + jobs[job]!.run
  const expectedEndOf = (job: number) => Math.max(now, starts[job]! + jobs[job]!.estimate)
  const free = () => capacity - running.reduce((sum, job) => sum + jobs[job]!.processors, 0)
  const fits = (job: number) => jobs[job]!.processors <= free()
  const start = (job: number) => {
    starts[job] = now
    waiting = waiting.filter((other) => other !== job)
    running.push(job)
  }
  const shadowOf = (job: number) => {
    let left = free()
    for (const other of running.toSorted(
      (a, b) => starts[a]! + jobs[a]!.estimate - starts[b]! - jobs[b]!.estimate || a - b
    )) {
      left += jobs[other]!.processors
      if (left >= jobs[job]!.processors) return { at: expectedEndOf(other), spare: left - jobs[job]!.processors }
    }
    throw new Error(`job ${job} never fits`)
  }
  /** Conservative: when each waiting job is to start; `now` and not running is as soon as the next job ends. */
  let promises = new Map<number, number>()
  const better = (a: number, b: number) => score[a]! - score[b]! || a - b
  const give = (job: number, taken: Array<{ from: Position; until: number; amount: number }>): boolean => {
    const { estimate, processors } = jobs[job]!
    const ends = running.map((other) => ({ at: starts[other]! + jobs[other]!.estimate, id: other }))
    const planned = taken.flatMap(({ from, until }) => [from, { at: until, id: Infinity }])
    const positions = [first, ...ends, ...planned].toSorted(byPosition)
    const freeAt = (position: Position) =>
      capacity -
      running
        .filter((_, index) => byPosition(position, ends[index]!) < 0)
        .reduce((sum, other) => sum + jobs[other]!.processors, 0) -
      taken
        .filter(
          ({ from, until }) => byPosition(from, position) <= 0 && byPosition(position, { at: until, id: Infinity }) < 0
        )
        .reduce((sum, { amount }) => sum + amount, 0)
    const from = positions.find((start) => {
      const until = Math.max(now, start.at) + estimate
      return positions.every(
        (position) => byPosition(position, start) < 0 || position.at > until || freeAt(position) >= processors
      )
    })
    if (from === undefined) throw new Error(`job ${job} never fits`)
    // Behind all that ends at that instant, unless it starts at once or nobody knows when.
    const place = from.at < now ? from : { at: from.at, id: Infinity }
    taken.push({ from: place, until: Math.max(now, from.at) + estimate, amount: processors })
    guessed ||= from !== first && from.at < now
    promises.set(job, from === first ? now : guessed ? Infinity : from.at)
    return from === first
  }
  /** Whether somebody in the plan waits for a job that should have ended: later starts are guesses, not promises. */
  let guessed = false
  let plan: Array<{ from: Position; until: number; amount: number }> | undefined
  const conserve = (newcomer: number | undefined) => {
    let again = false
    for (;;) {
      const told = promises
      let begin: ReadonlyArray<number>
      if (newcomer !== undefined && plan !== undefined && !guessed) begin = give(newcomer, plan) ? [newcomer] : []
      else {
        const former = promises
        const isVoid = waiting.some((job) => (former.get(job) ?? Infinity) < now)
        const formerly = (job: number) => (isVoid ? Infinity : (former.get(job) ?? Infinity))
        promises = new Map()
        guessed = false
        const taken: NonNullable<typeof plan> = []
        plan = taken
        begin = waiting
          .toSorted((a, b) => (formerly(a) === formerly(b) ? better(a, b) : formerly(a) - formerly(b)))
          .filter((job) => give(job, taken))
      }
      newcomer = undefined
      if (begin.length === 0) {
        const isLost = waiting.some((job) => (told.get(job) ?? Infinity) < Infinity && promises.get(job) === Infinity)
        if (!isLost || again) return
      }
      again = begin.length === 0
      for (const job of begin) start(job)
      plan = undefined
    }
  }
  const settle = () => {
    while (waiting.length > 0) {
      if (head === undefined || !committedHead) head = waiting.toSorted((a, b) => score[a]! - score[b]! || a - b)[0]!
      if (!fits(head)) break
      start(head)
      head = undefined
    }
    if (head === undefined || backfill === "none") return
    const shadow = shadowOf(head)
    let spare = backfill === "easy" ? shadow.spare : 0
    for (const job of waiting.toSorted((a, b) => a - b)) {
      if (job === head || !fits(job)) continue
      const { estimate, processors } = jobs[job]!
      if (now + estimate < shadow.at) start(job)
      else if (processors <= spare) {
        spare -= processors
        start(job)
      }
    }
  }
  for (;;) {
    const arrival = jobs[arrived]?.submit ?? Infinity
    const next = running.toSorted((a, b) => endOf(a) - endOf(b) || a - b)[0]
    const end = next === undefined ? Infinity : endOf(next)
    if (arrival === Infinity && end === Infinity) return starts
    const passes = Math.min(...waiting.map((job) => promises.get(job) ?? Infinity)) + 1
    now = Math.min(arrival, end, passes)
    if (now === passes) {
      plan = undefined
      conserve(undefined)
      continue
    }
    const newcomer = arrival <= end ? arrived++ : undefined
    if (newcomer !== undefined) waiting.push(newcomer)
    else running = running.filter((job) => job !== next)
    if (backfill !== "conservative") settle()
    else {
      if (newcomer === undefined) plan = undefined
      conserve(newcomer)
    }
  }
}

/** Of one window: average bounded slowdown, and utilization to the last start. */
export const figuresOf = (jobs: ReadonlyArray<OracleJob>, starts: ReadonlyArray<number>, capacity: number) => {
  let slowdowns = 0
  let work = 0
  for (const [index, job] of jobs.entries()) {
    slowdowns += Math.max(1, (starts[index]! / second - job.submit + job.run) / Math.max(job.run, 10))
    work += job.run * job.processors
  }
  const first = jobs[0]?.submit ?? 0
  return {
    boundedSlowdown: slowdowns / jobs.length,
    utilization: work / (capacity * (Math.max(...starts) / second - first))
  }
}
