/**
 * A Ledger with groups under random commands, and every rule of quotas checked after
 * each by sums over the events: no code is shared with it but its commands.
 */
import { isDeepStrictEqual } from "node:util"
import {
  type Books,
  capture,
  type ClaimOptions,
  failRequester,
  Ledger,
  type LedgerEvent,
  type Pool,
  Replay,
  type Request,
  restore
} from "../../src/Ledger.ts"
import { firstDifference } from "../simulator/checkers/replay.ts"
import { Random } from "../simulator/random.ts"
import { type ModelClaim, Tree } from "./tree.ts"

export interface Counts {
  readonly [what: string]: number
}

const groupNames = ["org", "a", "b", "a1", "a2", "other"]
const agentNames = ["x", "y", "z", "u", "v"]

export class Walk {
  readonly tree = new Tree()
  readonly counts = new Map<string, number>()
  private readonly random: Random
  private ledger: Ledger
  private readonly events: Array<LedgerEvent> = []
  private readonly handles = new Map<number, Request>()
  private readonly types: ReadonlyArray<string>
  private readonly rated: boolean
  private at = 0

  constructor(seed: number, rated: boolean) {
    this.random = new Random(seed)
    this.rated = rated
    this.ledger = this.open(undefined)
    this.types = Array.from({ length: this.random.between(1, 3) }, (_, index) => `type-${index}`)
    for (const type of this.types) this.ledger.definePool(type, { capacity: this.random.between(5, 18) }, 0)
    for (let i = 0; i < 6; i++) this.setGroup()
    for (const agent of agentNames) this.assign(agent)
  }

  private open(books: Books | undefined): Ledger {
    return new Ledger({ deadlock: failRequester, indexed: true, books, sink: (event) => this.hear(event) })
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  private hear(event: LedgerEvent): void {
    if (event._tag === "Granted" || event._tag === "GrantedAtOnce") this.checkGrant(event)
    this.tree.apply(event)
    this.events.push(event)
    this.count(event._tag === "Left" || event._tag === "Refused" ? `${event._tag} ${event.reason}` : event._tag)
    if (event._tag === "Queued" && event.parked === true) this.count("parked")
  }

  /** What is granted never takes what holds over any limit, but for what a cut left. */
  private checkGrant(event: Extract<LedgerEvent, { readonly _tag: "Granted" | "GrantedAtOnce" }>): void {
    const next: ModelClaim =
      event._tag === "Granted"
        ? this.tree.claims.get(event.id)!
        : {
            id: event.id,
            agent: event.agent,
            amounts: new Map(Object.entries(event.claim)),
            parent: event.parent,
            grows: event.grows,
            onQuota: undefined,
            status: "held"
          }
    if (!this.tree.allows(this.tree.having("held"), next)) throw new Error(`${next.id} was granted over a limit`)
  }

  step(): void {
    const { random } = this
    if (random.chance(0.5)) this.at += random.between(1, 300)
    this.command()
    for (const request of this.ledger.settled.splice(0)) if (request.status !== "held") this.handles.delete(request.id)
    this.checkState()
    if (random.chance(0.02)) this.checkCopies()
    if (random.chance(0.02)) this.checkDrains()
    if (random.chance(0.01)) this.restart()
  }

  private command(): void {
    const { ledger, random } = this
    const leases = this.tree.having("held")
    const waiters = this.tree.having("waiting", "parked")
    const busy = leases.length + waiters.length
    const kind = random.int(100)
    if (kind < (busy > 14 ? 20 : 45)) this.claim()
    else if (kind < 75) {
      const handle = this.handle(random.pick(leases))
      if (handle !== undefined) ledger.release(handle, this.at)
    } else if (kind < 80) {
      const handle = this.handle(random.pick(waiters))
      if (handle !== undefined) ledger.abandon(handle, this.at)
    } else if (kind < 83) {
      const lease = random.pick(leases)
      const handle = this.handle(lease)
      const [type, amount] = random.pick([...(lease?.amounts ?? [])]) ?? []
      if (handle !== undefined && type !== undefined)
        ledger.shrink(handle, { [type]: random.between(1, amount!) }, this.at)
    } else if (kind < 86) this.grow(random.pick(leases))
    else if (kind < 90) this.setGroup()
    else if (kind < 92) this.assign(random.pick(agentNames)!)
    else if (kind < 94) {
      const quota = random.chance(0.5) ? Infinity : random.between(0, 15)
      ledger.setQuota(random.pick(agentNames)!, random.pick(this.types)!, quota, this.at)
    } else if (kind < 96) {
      const pool = this.pool(random.pick(this.types)!)
      ledger.setCapacity(pool, random.between(4, 18), this.at)
    } else if (kind < 97) {
      const name = random.pick(groupNames)!
      if (ledger.removeGroup(name, this.at) === undefined) this.count("removed")
    } else {
      if (random.chance(0.5) && ledger.nextDueAt < Infinity) this.at = Math.max(this.at, ledger.nextDueAt)
      ledger.advance(this.at)
    }
  }

  private pool(type: string): Pool {
    return this.ledger.books.pools.get(type)!
  }

  private handle(claim: ModelClaim | undefined): Request | undefined {
    return claim === undefined ? undefined : this.ledger.books.index!.get(claim.id)
  }

  private amounts(): Record<string, number> {
    const claim: Record<string, number> = {}
    for (let i = this.random.chance(0.6) ? 1 : 2; i > 0; i--) {
      claim[this.random.pick(this.types)!] = this.random.between(1, this.random.chance(0.15) ? 12 : 5)
    }
    return claim
  }

  private claim(): void {
    const { ledger, random, tree } = this
    const agent = random.pick(agentNames)!
    const amounts = this.amounts()
    const parent = random.chance(0.35) ? this.handle(random.pick(tree.having("held"))) : undefined
    const onQuota = random.chance(0.3) ? (random.chance(0.5) ? "wait" : "fail") : undefined
    const options: ClaimOptions = {
      parent,
      wait: random.chance(0.9),
      deadline: random.chance(0.1) ? this.at + random.between(0, 2_000) : undefined,
      ttl: random.chance(0.05) ? random.between(1, 2_000) : 0,
      scheduling: onQuota === undefined ? undefined : { expected: 0, preemptible: false, onQuota }
    }
    ledger.advance(this.at)
    const candidate: ModelClaim = {
      id: Infinity,
      agent,
      amounts: new Map(Object.entries(amounts)),
      parent: parent?.id,
      grows: undefined,
      onQuota,
      status: "waiting"
    }
    const allowed = tree.allows(tree.having("held", "waiting"), candidate)
    const anyParked = tree.having("parked").length > 0
    const answer = ledger.claim(agent, amounts, this.at, options)
    if ("status" in answer) return
    if (answer._tag === "QuotaExceeded") {
      this.count(`refused by ${answer.level?.limit ?? "own"} ${answer.reason}`)
      // Where nobody waits for quota, and no rate is in it, only the limits refuse.
      const flat = answer.level === undefined
      if (!flat && !anyParked && answer.level?.limit !== "rate" && allowed) {
        throw new Error(`${JSON.stringify(answer)}, but it is within all limits`)
      }
    }
  }

  private grow(lease: ModelClaim | undefined): void {
    const handle = this.handle(lease)
    if (handle === undefined) return
    const answer = this.ledger.grow(handle, this.amounts(), this.at)
    if ("status" in answer && answer.status === "held") this.ledger.keep(answer, this.at)
  }

  private setGroup(): void {
    const { random } = this
    const id = random.pick(groupNames)!
    const known = [...this.tree.groups.keys()]
    const parent = random.chance(0.75) ? random.pick(known) : undefined
    const some = (chance: number, most: number): number | undefined =>
      random.chance(chance) ? random.between(0, most) : undefined
    const limits = Object.fromEntries(
      this.types.flatMap((type) =>
        random.chance(0.75)
          ? [
              [
                type,
                {
                  nominal: some(0.8, 12),
                  borrowingLimit: some(0.3, 8),
                  lendingLimit: some(0.4, 8),
                  max: some(0.15, 16),
                  leases: some(0.1, 5),
                  rate:
                    this.rated && random.chance(0.3)
                      ? {
                          limit: random.between(1, 9),
                          intervalMicros: random.between(10, 2_000),
                          burst: random.chance(0.5) ? undefined : random.between(1, 12),
                          per: random.chance(0.5) ? ("unit" as const) : ("request" as const)
                        }
                      : undefined
                }
              ] as const
            ]
          : []
      )
    )
    const onQuota = random.chance(0.6) ? "wait" : random.chance(0.5) ? "fail" : undefined
    const refusal = this.ledger.setGroup(id, { parent, onQuota, limits }, this.at)
    if (refusal !== undefined) this.count(`group refused: ${"field" in refusal ? refusal.field : refusal._tag}`)
    for (const [group, { parent: above }] of this.tree.groups) {
      let at = above
      for (let depth = 0; at !== undefined; depth++) {
        if (depth > 10) throw new Error(`${group} is below itself`)
        at = this.tree.group(at).parent
      }
    }
  }

  private assign(agent: string): void {
    const { random } = this
    const group = random.chance(0.85) ? random.pick([...this.tree.groups.keys()]) : undefined
    const onQuota = random.chance(0.2) ? "wait" : undefined
    this.ledger.assign(agent, { group, onQuota }, this.at)
  }

  /** The levels say what the sums say, and nobody waits for quota who could have it. */
  private checkState(): void {
    const { books } = this.ledger
    const held = this.tree.having("held")
    const having = this.tree.having("held", "waiting")
    for (const group of books.groups.byId.values()) {
      for (const [pool, level] of group.levels) {
        const use = this.tree.inUseBelow(group.id, pool.type, held)
        const waiting = this.tree.inUseBelow(group.id, pool.type, this.tree.having("waiting"))
        const told = [level.inUse, level.leases, level.amountWaiting, level.countWaiting]
        const expected = [use.amount, use.leases, waiting.amount, waiting.leases]
        if (!isDeepStrictEqual(told, expected)) {
          throw new Error(`${group.id} ${pool.type}: ${told.join()}, not ${expected.join()}`)
        }
      }
    }
    let first = true
    for (const claim of this.tree.having("parked")) {
      const nested = this.tree.around(claim).length > 0
      const can = this.tree.allows(nested ? held : having, claim)
      // One outside a lease may be behind another; one inside waits for nobody's turn.
      if (can && nested && !this.rated) throw new Error(`${claim.id} waits for quota that is there`)
      first = false
    }
    if (!first && !this.rated && this.tree.having("parked").every((claim) => this.tree.allows(having, claim))) {
      throw new Error("all who wait for quota could have it")
    }
  }

  /** The state through a replay of all events, and through a snapshot. */
  private checkCopies(): void {
    const expected: unknown = JSON.parse(JSON.stringify(capture(this.ledger.books)))
    const same = (name: string, books: Books): void => {
      const actual: unknown = JSON.parse(JSON.stringify(capture(books)))
      if (!isDeepStrictEqual(actual, expected)) {
        throw new Error(`${name}: ${firstDifference(expected, actual, "state")}`)
      }
      const [a, b] = [this.ledger.nextDueAt, books.timers.nextAt()]
      if (a !== b) throw new Error(`${name}: due at ${b}, not ${a}`)
      this.count(name)
    }
    const replay = new Replay()
    for (const event of this.events) replay.apply(JSON.parse(JSON.stringify(event)))
    same("replayed", replay.finish(this.ledger.now))
    same("restored", restore(JSON.parse(JSON.stringify(expected))))
  }

  /** Goes on from a snapshot. */
  private restart(): void {
    this.ledger = this.open(restore(JSON.parse(JSON.stringify(capture(this.ledger.books)))))
    this.count("went on")
  }

  /** If every lease without waits inside comes back, sooner or later everybody is served. */
  private checkDrains(): void {
    const books = restore(JSON.parse(JSON.stringify(capture(this.ledger.books))))
    const copy = new Ledger({ books, indexed: true })
    let now = copy.now
    for (let round = 0; copy.books.waiting > 0; round++) {
      const free = [...books.index!.values()].filter(
        (request) => request.status === "held" && request.grows === undefined && (request.waitsInside?.size ?? 0) === 0
      )
      for (const lease of free) copy.release(lease, now)
      const growths = [...books.index!.values()].filter((request) => request.grows !== undefined)
      for (const growth of growths) copy.keep(growth, now)
      if (free.length === 0) {
        if (copy.nextDueAt === Infinity) {
          const state = [...books.index!.values()].map((r) => ({
            id: r.id,
            agent: r.agent.id,
            group: r.agent.group?.path.join("/"),
            status: r.status,
            parked: r.quota?.parked !== undefined,
            place: r.place,
            shortIn: r.shortIn,
            exempt: r.exempt,
            claim: r.parts
              .map(
                (p) =>
                  `${p.pool.type} ${p.amount} of ${p.pool.capacity}/${p.pool.inUse}/${p.pool.earmarked} own ${p.account.quota}/${p.account.held}`
              )
              .join(),
            parent: r.parent?.id,
            grows: r.grows?.id
          }))
          throw new Error(`${copy.books.waiting} wait for ever ${JSON.stringify(state, null, 1)}`)
        }
        now = copy.nextDueAt
        copy.advance(now)
      }
      if (round > 5_000) throw new Error(`${copy.books.waiting} still wait after ${round} rounds`)
    }
    this.count("drained")
  }
}
