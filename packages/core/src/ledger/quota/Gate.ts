/**
 * Where the claims of one tree of groups wait for quota. A claim waits first for its
 * quota, at all levels together, and joins the queues of its pools once it has it: so
 * who is over a quota idles no pool.
 *
 * **Rule.** Who waits is looked at in order: claims inside a lease, then those that ask
 * for no more than is their group's own, then the others; each by arrival. One that some
 * level refuses closes that level, and those below it on its way, to all that come later:
 * it is not overtaken there. Levels above stay open, and what it needs of its other types
 * is kept for it, for the first of each line alone: one group's queue idles nobody's quota.
 *
 * **Rule.** A claim inside a lease waits for what is held, never for order: it may have
 * quota that is kept for waiters outside. So no lease waits for a wait that waits for it;
 * who lost their quota by that waits for it again when they would be granted.
 *
 * A line is what one group waits for of one set of types (an agent with quotas of its own
 * has its own line): only its first is looked at. O(lines of the tree) where somebody waits
 * and use falls; nothing where nobody does.
 */
import type { Part, Request } from "../Request.ts"
import { leasesAround } from "../Request.ts"
import type { Timers } from "../Timers.ts"
import type { Level } from "./Level.ts"
import {
  type Basis,
  closeUpTo,
  hasQuota,
  isEntitled,
  isOwnFlat,
  type Obstacle,
  obstacleOf,
  reserve,
  type Step
} from "./obstacles.ts"

/** A claim that waits for quota. Its own list node. */
export class Parked {
  readonly request: Request
  readonly line: Line
  previous: Parked | undefined = undefined
  next: Parked | undefined = undefined

  constructor(request: Request, line: Line) {
    this.request = request
    this.line = line
  }
}

export class Line {
  readonly key: string
  first: Parked | undefined = undefined
  last: Parked | undefined = undefined

  constructor(key: string) {
    this.key = key
  }

  /** By arrival. One that waits again is older than most. */
  add(parked: Parked): void {
    let after = this.last
    if (after !== undefined && after.request.id > parked.request.id) {
      let before = this.first
      while (before !== undefined && before.request.id < parked.request.id) before = before.next
      after = before?.previous
    }
    const next = after === undefined ? this.first : after.next
    parked.previous = after
    parked.next = next
    if (after === undefined) this.first = parked
    else after.next = parked
    if (next === undefined) this.last = parked
    else next.previous = parked
  }

  remove({ next, previous }: Parked): void {
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
  }
}

const isNested = (request: Request): boolean => leasesAround(request).length > 0

const lineKey = (request: Request): string => {
  // One inside a lease goes by itself: it is not kept by order.
  if (isNested(request)) return `l${request.id}`
  const { agent } = request
  const types = request.parts.map((part) => part.pool.index).toSorted((a, b) => a - b)
  const own = agent.group === undefined || request.parts.some((part) => isOwnFlat(part.account))
  return `${own ? "a" : "g"}${types.join()} ${own ? agent.id : agent.group!.id}`
}

/** Lower goes first. */
const classOf = (request: Request, now: number): number => (isNested(request) ? 0 : isEntitled(request, now) ? 1 : 2)

interface Head {
  readonly request: Request
  readonly next: Parked | undefined
  readonly rank: number
}

const inTurn = (a: Head, b: Head): number => a.rank - b.rank || a.request.id - b.request.id

const headOf = (parked: Parked, now: number): Head => ({
  request: parked.request,
  next: parked.next,
  rank: classOf(parked.request, now)
})

/** One look at all that wait, in order. */
export class Scan {
  readonly closed = new Set<Step>()
  private readonly kept: Array<Part> = []
  private readonly now: number

  constructor(now: number) {
    this.now = now
  }

  /** What keeps a claim from passing now. Where something does, nobody later passes it there. */
  look(request: Request, nested: boolean): ReadonlyArray<Obstacle> {
    const basis: Basis = nested ? "held" : "used"
    const obstacles: Array<Obstacle> = []
    const passing: Array<Part> = []
    for (const part of request.parts) {
      const obstacle = obstacleOf(part, basis, this.now, nested ? undefined : this.closed)
      if (obstacle === undefined) passing.push(part)
      else obstacles.push(obstacle)
    }
    if (obstacles.length === 0) return obstacles
    for (const obstacle of obstacles) closeUpTo(obstacle, this.closed)
    for (const part of passing) this.keep(part)
    return obstacles
  }

  /** One has its quota from now on, as far as this look goes. */
  pass(request: Request): void {
    for (const part of request.parts) this.keep(part)
  }

  private keep(part: Part): void {
    reserve(part, 1)
    part.account.parked -= part.amount
    this.kept.push(part)
  }

  /** What was kept only for this look is free again. */
  end(): void {
    for (const part of this.kept) {
      reserve(part, -1)
      part.account.parked += part.amount
    }
  }
}

export class Gate {
  readonly lines = new Map<string, Line>()
  /** Where it is listed while somebody waits: those of trees are. */
  private readonly busy: Set<Gate> | undefined
  /** How many wait. */
  waiting = 0
  /** Whether somebody may pass since it was looked at last. */
  dirty = false
  private timed: Array<Level> = []
  private readonly instants = new Map<Level, number>()

  constructor(busy?: Set<Gate>) {
    this.busy = busy
  }

  park(request: Request): Parked {
    const key = lineKey(request)
    let line = this.lines.get(key)
    if (line === undefined) {
      line = new Line(key)
      this.lines.set(key, line)
    }
    const parked = new Parked(request, line)
    line.add(parked)
    if (this.waiting++ === 0) this.busy?.add(this)
    return parked
  }

  unpark(parked: Parked): void {
    parked.line.remove(parked)
    if (parked.line.first === undefined) this.lines.delete(parked.line.key)
    if (--this.waiting === 0) this.busy?.delete(this)
  }

  /** The id of who has waited longest. O(lines). */
  get oldest(): number {
    let oldest = Infinity
    for (const { first } of this.lines.values()) oldest = Math.min(oldest, first!.request.id)
    return oldest
  }

  /** Everybody, line by line. */
  *requests(): Generator<Request, void> {
    for (const line of this.lines.values()) {
      for (let parked = line.first; parked !== undefined; parked = parked.next) yield parked.request
    }
  }

  /**
   * Lets everybody pass who can: `admit` takes one out of the gate, and gives it its
   * quota. Arms the instants at which tokens alone let the next one pass.
   */
  open(now: number, timers: Timers, admit: (request: Request) => void): void {
    this.dirty = false
    this.disarm(timers)
    // Tokens are kept for whom it lets pass: the instants are those of a look that lets nobody.
    let before: number
    do {
      before = this.waiting
      this.look(now, admit)
    } while (this.waiting < before && this.instants.size > 0)
    for (const [level, at] of this.instants) {
      timers.set(level, at)
      this.timed.push(level)
    }
  }

  private look(now: number, admit: (request: Request) => void): void {
    this.instants.clear()
    const scan = new Scan(now)
    this.walk(now, (request, nested) => {
      const obstacles = scan.look(request, nested)
      for (const obstacle of obstacles) this.note(obstacle, nested)
      if (obstacles.length > 0) return false
      admit(request)
      return true
    })
    scan.end()
  }

  /** All that wait, in order: who is behind another in its line only once `passes` said that of that one. */
  walk(now: number, passes: (request: Request, nested: boolean) => boolean): void {
    const heads = Array.from(this.lines.values(), (line) => headOf(line.first!, now))
      .toSorted(inTurn)
      .toReversed()
    for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
      const { next, rank, request } = head
      if (passes(request, rank === 0) && next !== undefined) insert(heads, headOf(next, now))
    }
  }

  /** When tokens alone let one pass. The first of a level is the first in order there. */
  private note({ level, limit, part }: Obstacle, nested: boolean): void {
    if (limit !== "rate" || level?.bucket === undefined || this.instants.has(level)) return
    const kept = nested ? 0 : level.tokensWaiting
    this.instants.set(level, level.bucket.readyAt(kept + level.costOf(part.amount)))
  }

  /** Whether somebody waits for tokens. */
  get armed(): boolean {
    return this.timed.length > 0
  }

  /** Nobody waits for tokens of any level. */
  disarm(timers: Timers): void {
    if (this.timed.length === 0) return
    // One that is another tree's now is armed by that one's gate.
    for (const level of this.timed) if (level.group.gate === this) timers.clear(level)
    this.timed = []
  }

  /** What keeps a claim that arrives from its quota, behind those that wait before it. */
  obstacles(request: Request, now: number): ReadonlyArray<Obstacle> {
    const rank = isEntitled(request, now) ? 1 : 2
    const scan = new Scan(now)
    // It has no id yet: within its rank it is last.
    const ahead = Array.from(this.lines.values(), (line) => headOf(line.first!, now))
      .filter((head) => head.rank <= rank)
      .toSorted(inTurn)
    for (const head of ahead) scan.look(head.request, head.rank === 0)
    const obstacles = scan.look(request, false)
    scan.end()
    return obstacles
  }
}

/** Into heads in order, the next to be looked at last. */
const insert = (heads: Array<Head>, head: Head): void => {
  let at = heads.length
  while (at > 0 && inTurn(heads[at - 1]!, head) < 0) at--
  heads.splice(at, 0, head)
}

const behindLine = ({ parts }: Request): Obstacle => {
  const part = parts[0]!
  return { part, level: part.account.level, limit: "order", wanted: part.amount, entitled: false }
}

const obstaclesOf = (request: Request, basis: Basis, now: number): ReadonlyArray<Obstacle> =>
  hasQuota(request, basis, now) ? none : request.parts.flatMap((part) => obstacleOf(part, basis, now) ?? [])

/**
 * What keeps a claim that arrives from its quota now; nothing where it can have it. One
 * that does not wait for quota is told of all that is spoken for, wherever it is made.
 */
export const obstaclesNow = (request: Request, waits: boolean, now: number): ReadonlyArray<Obstacle> => {
  if (waits && isNested(request)) return obstaclesOf(request, "held", now)
  const { gate } = request.agent
  // Only the first of a line is looked at: who comes behind it has nothing to be asked.
  if (waits && gate?.lines.has(lineKey(request)) === true) return [behindLine(request)]
  return gate !== undefined && gate.waiting > 0 ? gate.obstacles(request, now) : obstaclesOf(request, "used", now)
}

const none: ReadonlyArray<Obstacle> = []
