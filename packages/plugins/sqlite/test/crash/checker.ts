/**
 * Replays what a manager told before each of its deaths, and holds what it finds
 * afterwards against it: at least as new as told, nothing told is missing, and
 * nothing that was granted is granted twice. It shares no code with the manager.
 */
import { type Amounts, callsRate, capacities, type LeaseFigures, type Line, type PoolFigures } from "./lines.ts"

type Ask = Extract<Line, { readonly _: "ask" }>
type Recovered = Extract<Line, { readonly _: "recovered" }>

/** A lease as told; `returning` where its return was asked for, and may have happened. */
interface Held {
  readonly lease: LeaseFigures
  returning: boolean
}

/** Bounds of a count that only grows. */
interface Bounds {
  min: number
  max: number
}

const sameAmounts = (a: Amounts, b: Amounts): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((type) => (a[type] ?? 0) === (b[type] ?? 0))

/** The level of the rate of `calls`, bounded by what was told last. */
class Level {
  private low = 0
  private high = callsRate.burst
  private askedAt = 0
  /** Commands that may have been decided on before the level was read. */
  private before = new Set<number>()

  /** It was read between these two instants; `open` are the claims under way. */
  read(tokens: number, askedAt: number, open: Iterable<number>): void {
    this.low = tokens
    // Fractions of a token are not told.
    this.high = tokens + 1
    this.askedAt = askedAt
    this.before = new Set(open)
  }

  asked(calls: number): void {
    this.low -= calls
  }

  refused(calls: number): void {
    this.low += calls
  }

  granted(n: number, calls: number): void {
    if (!this.before.has(n)) this.high -= calls
  }

  highest(wall: number): number {
    // A wall of milliseconds, read twice.
    return Math.min(callsRate.burst, this.high + (callsRate.limit * (wall - this.askedAt + 2)) / 1_000)
  }

  get lowest(): number {
    return Math.max(0, this.low)
  }
}

export class Checker {
  readonly problems: Array<string> = []
  /** How often each kind of line was seen. */
  readonly seen = new Map<string, number>()
  private readonly losesLeases: boolean
  private readonly settings = new Map<string, Set<number | undefined>>()
  private readonly held = new Map<number, Held>()
  private readonly waiting = new Map<number, Ask>()
  /** Those that were told to be gone. */
  private readonly gone = new Set<number>()
  private open = new Map<number, Ask>()
  private readonly grants = new Map<string, Bounds>()
  private readonly figures = new Map<string, PoolFigures>()
  private readonly level = new Level()
  private readonly tokens = new Set<number>()
  private formerToken = 0
  private lastToken = 0
  private lastNote = 0
  private started = 0

  constructor(losesLeases: boolean) {
    this.losesLeases = losesLeases
    for (const type in capacities) {
      this.settings.set(type, new Set([capacities[type]!]))
      this.grants.set(type, { min: 0, max: 0 })
    }
  }

  /** What one life said, to its last whole line. */
  life(lines: ReadonlyArray<Line>): void {
    for (const line of lines) {
      const key = line._ === "ask" ? `ask ${line.what}` : line._
      this.seen.set(key, (this.seen.get(key) ?? 0) + 1)
      this.line(line)
    }
  }

  private problem(message: string): void {
    this.problems.push(`life ${this.started}: ${message}`)
  }

  private line(line: Line): void {
    switch (line._) {
      case "recovered":
        return this.recovered(line)
      case "ready":
        return
      case "ask":
        return this.ask(line)
      default: {
        const ask = this.open.get(line.n)
        if (ask === undefined) return this.problem(`an answer to ${line.n}, which was not asked`)
        if ("note" in line) this.lastNote = Math.max(this.lastNote, line.note)
        this.answer(ask, line)
      }
    }
  }

  private ask(ask: Ask): void {
    this.open.set(ask.n, ask)
    if (ask.what === "claim") this.level.asked(ask.claim["calls"] ?? 0)
    if (ask.what === "set") this.allowed(ask.key).add(ask.value)
    if (ask.what === "return") {
      const held = this.held.get(ask.id)
      if (held !== undefined) held.returning = true
    }
  }

  private answer(ask: Ask, line: Exclude<Line, { readonly _: "recovered" | "ready" | "ask" }>): void {
    if (line._ === "waits") {
      if (ask.what === "claim") this.waiting.set(line.id, ask)
      return
    }
    this.open.delete(ask.n)
    switch (line._) {
      case "refused":
        if (ask.what === "claim") this.level.refused(ask.claim["calls"] ?? 0)
        for (const [id, waiter] of this.waiting) if (waiter === ask) this.waiting.delete(id)
        return
      case "held":
        this.granted(ask, line.lease)
        return
      case "done":
        if (ask.what === "set") this.settings.set(ask.key, new Set([ask.value]))
        if (ask.what === "return") {
          this.held.delete(ask.id)
          this.gone.add(ask.id)
        }
        return
      case "figures":
        if (ask.what !== "read") return
        for (const pool of line.pools) this.told(pool)
        this.level.read(line.pools.find((pool) => pool.type === "calls")?.tokens ?? 0, ask.wall, this.open.keys())
        for (const other of this.open.values()) if (other.what === "claim") this.level.asked(other.claim["calls"] ?? 0)
    }
  }

  private granted(ask: Ask, lease: LeaseFigures): void {
    if (ask.what !== "claim") return this.problem(`${ask.n} is no claim, and was granted`)
    if (!sameAmounts(ask.claim, lease.claim) || ask.agent !== lease.agent)
      this.problem(`${lease.id} holds something else`)
    this.waiting.delete(lease.id)
    this.hold(lease)
    this.level.granted(ask.n, lease.claim["calls"] ?? 0)
    for (const type in lease.claim) this.grants.get(type)!.min++
    for (const type in capacities) {
      let sum = 0
      for (const { lease: other, returning } of this.held.values()) if (!returning) sum += other.claim[type] ?? 0
      // No capacity was ever above this.
      if (sum > capacities[type]!) this.problem(`${sum} of ${type} is held at once`)
    }
  }

  private hold(lease: LeaseFigures): void {
    if (this.tokens.has(lease.token)) this.problem(`token ${lease.token} was given twice`)
    if (lease.token <= this.formerToken) this.problem(`token ${lease.token} is not above ${this.formerToken}`)
    this.tokens.add(lease.token)
    this.lastToken = Math.max(this.lastToken, lease.token)
    this.held.set(lease.id, { lease, returning: false })
  }

  private told(pool: PoolFigures): void {
    const before = this.figures.get(pool.type)
    this.figures.set(pool.type, pool)
    if (before === undefined) return
    if (pool.peak < before.peak) this.problem(`${pool.type}: the peak fell from ${before.peak} to ${pool.peak}`)
    if (pool.holds < before.holds) this.problem(`${pool.type}: ${before.holds} holds became ${pool.holds}`)
    for (const tag in before.failures) {
      const now = pool.failures[tag] ?? 0
      if (now < before.failures[tag]!) this.problem(`${pool.type}: ${before.failures[tag]} ${tag} became ${now}`)
    }
  }

  private allowed(key: string): Set<number | undefined> {
    const values = this.settings.get(key) ?? new Set([undefined])
    this.settings.set(key, values)
    return values
  }

  private recovered(found: Recovered): void {
    this.started++
    for (const [key, value] of [
      ...Object.entries(found.quotas),
      ...found.pools.map((pool) => [pool.type, pool.capacity] as const)
    ]) {
      const allowed = this.allowed(key)
      if (!allowed.has(value)) this.problem(`${key} is ${value}; as told it is ${[...allowed].join(" or ")}`)
      this.settings.set(key, new Set([value]))
    }
    this.recoveredLeases(found)
    this.recoveredFigures(found)
    this.recoveredNotes(found)
    this.formerToken = this.lastToken
    this.open = new Map()
    this.waiting.clear()
  }

  private recoveredLeases(found: Recovered): void {
    const leases = new Map(found.leases.map((lease) => [lease.id, lease]))
    if (this.losesLeases) {
      if (leases.size > 0) this.problem(`${leases.size} leases of the dead process are held`)
      this.held.clear()
    }
    for (const [id, { lease, returning }] of this.held) {
      const still = leases.get(id)
      if (still === undefined && !returning) this.problem(`lease ${id} was told, and is gone`)
      if (still !== undefined && (still.token !== lease.token || !sameAmounts(still.claim, lease.claim))) {
        this.problem(`lease ${id} is another one`)
      }
    }
    const underWay = [...this.open.values()].filter((ask) => ask.what === "claim")
    for (const lease of leases.values()) {
      if (this.held.has(lease.id)) continue
      if (this.gone.has(lease.id)) this.problem(`lease ${lease.id} was told to be back, and is held`)
      const at = underWay.findIndex((ask) => ask.agent === lease.agent && sameAmounts(ask.claim, lease.claim))
      if (at < 0) this.problem(`nobody asked for lease ${lease.id} of ${lease.agent}`)
      else underWay.splice(at, 1)
      for (const type in lease.claim) this.grants.get(type)!.min++
      this.hold(lease)
    }
    for (const [id, held] of this.held) {
      if (leases.has(id)) held.returning = false
      else this.held.delete(id)
    }
    if (found.waiters.length > this.open.size)
      this.problem(`${found.waiters.length} wait, of ${this.open.size} who asked`)
  }

  private recoveredFigures(found: Recovered): void {
    const underWay = [...this.open.values()].flatMap((ask) => (ask.what === "claim" ? [ask.claim] : []))
    for (const pool of found.pools) {
      const { type } = pool
      const bounds = this.grants.get(type)!
      const most = bounds.min + underWay.filter((claim) => type in claim).length
      if (pool.acquisitions < bounds.min || pool.acquisitions > most) {
        this.problem(`${type}: ${pool.acquisitions} grants; as told ${bounds.min} to ${most}`)
      }
      bounds.min = pool.acquisitions
      const held = [...this.held.values()].reduce((sum, { lease }) => sum + (lease.claim[type] ?? 0), 0)
      if (pool.inUse !== held) this.problem(`${type}: ${pool.inUse} in use, but leases hold ${held}`)
      this.told(pool)
    }
    const tokens = found.pools.find((pool) => pool.type === "calls")?.tokens ?? Number.NaN
    if (!(tokens <= this.level.highest(found.wall))) {
      this.problem(`${tokens} tokens; as told there are at most ${this.level.highest(found.wall)}`)
    }
    if (!(tokens >= this.level.lowest))
      this.problem(`${tokens} tokens; as told there are at least ${this.level.lowest}`)
    this.level.read(tokens, found.wall, [])
  }

  private recoveredNotes({ noted: { last, since } }: Recovered): void {
    since.forEach((number, at) => {
      if (number !== last + at + 1) this.problem(`note ${last + at + 1} is missing: there is ${number}`)
    })
    const newest = last + since.length
    if (newest < this.lastNote) this.problem(`note ${this.lastNote} was told, and the last one is ${newest}`)
    this.lastNote = newest
  }
}
