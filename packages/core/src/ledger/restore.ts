/**
 * Books from a state that was captured. What follows from the rest is computed, so
 * that no sum can disagree with what it sums; what names something that is not
 * there, or breaks an invariant, is an error: such a state was never captured.
 */
import { Agent } from "./Agent.ts"
import { Books } from "./Books.ts"
import { Bucket, type Rate, type Terms } from "./Bucket.ts"
import type { Histogram } from "./Histogram.ts"
import { Index } from "./Index.ts"
import { ownTurn } from "./order/Ordering.ts"
import { Shares } from "./order/shares.ts"
import { type Configured, Pool } from "./Pool.ts"
import { comesBackByTime, endsAt, mayBeTaken } from "./preemption/Notice.ts"
import * as preempting from "./preemption/transitions.ts"
import * as gates from "./quota/gates.ts"
import { type Reading, restoreGroups, restorePlace } from "./quota/snapshot.ts"
import { park } from "./quota/transitions.ts"
import { inQueueOrder, leasesAround, Part, Request } from "./Request.ts"
import { Reservations } from "./reservations/Reservations.ts"
import { openCalendar } from "./reservations/transitions.ts"
import type {
  AgentState,
  BucketState,
  ConfiguredState,
  HistogramState,
  PoolState,
  RateState,
  RequestState,
  State,
  TermsState
} from "./State.ts"

/** What a captured state cannot be. */
const wrong = (what: string): never => {
  throw new Error(`the state is not one that was captured: ${what}`)
}

const readRate = ({ burst, intervalMicros, limit, per }: RateState): Rate => ({ limit, intervalMicros, burst, per })

const readOptions = ({ capacity, maxCapacity, minCapacity, rate }: ConfiguredState): Configured => ({
  capacity,
  minCapacity,
  maxCapacity,
  rate: rate === undefined ? undefined : readRate(rate)
})

const readTerms = ({ generation, refunded }: TermsState): Terms => ({ generation, refunded: BigInt(refunded) })

const fillHistogram = (histogram: Histogram, { cells, count, max, sum, zeros }: HistogramState): void => {
  histogram.count = count
  histogram.sum = sum
  histogram.max = max
  histogram.zeros = zeros
  // Pushed one by one, so that no hole makes the array slow.
  while (histogram.cells.length < (cells[0] ?? 0)) histogram.cells.push(0)
  let counted = zeros
  for (let at = 1; at < cells.length; at += 2) {
    const cell = cells[at]!
    const times = cells[at + 1] ?? 0
    if (cell >= histogram.cells.length) wrong(`a histogram has ${histogram.cells.length} cells, and counts in ${cell}`)
    histogram.cells[cell] = times
    counted += times
  }
  if (counted !== count) wrong(`a histogram counts ${count}, its cells ${counted}`)
}

const makeBucket = (state: BucketState, rate: Rate, now: number): Bucket => {
  const bucket = new Bucket(rate.limit, rate.intervalMicros, state.burst, now)
  if (state.level > state.burst || state.remainder >= bucket.interval) wrong(`a bucket of ${state.burst} is overfull`)
  bucket.level = state.level
  bucket.remainder = state.remainder
  bucket.terms = readTerms(state.terms)
  return bucket
}

const makePool = (state: PoolState, index: number, now: number): Pool => {
  const pool = new Pool(state.type, index, readOptions(state), state.definedAt)
  pool.configured = readOptions(state.configured)
  pool.generation = state.generation
  if ((state.bucket === undefined) !== (pool.rate === undefined))
    wrong(`${state.type} has a rate or a bucket, not both`)
  if (state.bucket !== undefined && pool.rate !== undefined) pool.bucket = makeBucket(state.bucket, pool.rate, now)
  pool.waitingLargest = state.waitingLargest
  pool.countedHard = state.countedHard
  pool.peak = state.peak
  pool.acquisitions = state.acquisitions
  Object.assign(pool.failures, state.failures)
  fillHistogram(pool.waits, state.waits)
  fillHistogram(pool.holds, state.holds)
  pool.busy = state.busy
  pool.accountedAt = state.accountedAt
  return pool
}

class Restoring {
  readonly books = new Books()
  private readonly index = new Index()
  /** Those that wait for quota. */
  private readonly parked = new Set<Request>()
  private readonly state: State
  private readonly pools: ReadonlyArray<Pool>
  private readonly agents: ReadonlyArray<Agent>
  private readonly reading: Reading

  constructor(state: State) {
    const { books } = this
    this.state = state
    books.now = state.now
    books.nextId = state.nextId
    books.nextToken = state.nextToken
    books.stopped = state.stopped
    books.exemptions = state.exemptions
    books.choices = state.choices ?? 0
    books.index = this.index
    books.lead = state.lead
    if (state.virtual !== undefined) {
      books.shares = new Shares(state.halfLife)
      books.shares.virtual = state.virtual
    }
    this.pools = state.pools.map((pool, at) => makePool(pool, at, state.now))
    for (const pool of this.pools) {
      if (books.pools.has(pool.type)) wrong(`${pool.type} is there twice`)
      books.pools.set(pool.type, pool)
      if (pool.countedHard) books.hardPools++
    }
    this.reading = {
      wrong,
      terms: readTerms,
      pool: (at) => this.pools[at] ?? wrong(`a group names pool ${at}`)
    }
    restoreGroups(books, state.groups ?? [], this.reading)
    this.agents = state.agents.map((agent) => this.makeAgent(agent))
  }

  run(): Books {
    for (const request of this.state.requests) this.makeRequest(request)
    this.state.pools.forEach((state, at) => this.linkHolders(state, this.pools[at]!))
    this.openCalendars()
    this.state.agents.forEach((state, at) => {
      const agent = this.agents[at]!
      for (const id of state.manual) agent.manual.push(this.request(id))
    })
    for (const id of this.state.exempt) {
      const request = this.request(id)
      request.exempt = true
      this.books.exempt.push(request)
    }
    const waiters = [...this.index.values()].filter((request) => request.status === "waiting")
    for (const request of waiters.toSorted(inQueueOrder)) {
      if (!this.parked.has(request)) for (const part of request.parts) part.pool.append(part)
    }
    for (const request of waiters) this.linkWaiter(request)
    this.state.pools.forEach((state, at) => this.linkQueue(state, this.pools[at]!))
    for (const pool of this.pools) {
      if (this.state.ordered === true) this.books.rebalance(pool)
      else this.books.schedule(pool)
    }
    this.books.ready.length = 0
    const { groups } = this.books
    for (const group of groups.byId.values()) if (group.parent === undefined) groups.recount(group)
    for (const request of waiters) if (this.parked.has(request)) park(request)
    for (const group of groups.byId.values()) if (group.parent === undefined) groups.recount(group)
    gates.armGates(this.books)
    this.check()
    return this.books
  }

  private makeAgent(state: AgentState): Agent {
    const agent = new Agent(state.id, this.books.agents.size)
    agent.weight = state.weight ?? 1
    agent.priority = state.priority ?? 0
    agent.served = state.served ?? 0
    agent.servedIn = state.servedIn ?? 0
    if (this.books.agents.has(state.id)) wrong(`agent ${state.id} is there twice`)
    this.books.agents.set(state.id, agent)
    agent.onQuota = state.onQuota
    if (state.group !== undefined) {
      const group = this.books.groups.byId.get(state.group) ?? wrong(`agent ${state.id} is in group ${state.group}`)
      group.agents.add(agent)
      agent.group = group
      agent.gate = group.gate
    }
    for (const { peak, pool, quota } of state.accounts) {
      const account = agent.account(this.pools[pool] ?? wrong(`agent ${state.id} has an account with pool ${pool}`))
      account.peak = peak
      account.quota = quota ?? Infinity
    }
    agent.acquisitions = state.acquisitions
    Object.assign(agent.failures, state.failures)
    fillHistogram(agent.waits, state.waits)
    fillHistogram(agent.holds, state.holds)
    return agent
  }

  /** In order of ids, so that what is around a claim is there before it. */
  private makeRequest(state: RequestState): void {
    if (state.id >= this.state.nextId || state.token >= this.state.nextToken)
      wrong(`claim ${state.id} is of the future`)
    if (this.index.get(state.id) !== undefined) wrong(`claim ${state.id} is there twice`)
    const agent = this.agents[state.agent] ?? wrong(`claim ${state.id} is of agent ${state.agent}`)
    const request = new Request(
      agent,
      state.askedAt,
      state.parent === undefined ? undefined : this.lease(state.parent),
      state.grows === undefined ? undefined : this.lease(state.grows),
      state.manual === true,
      state.ttl ?? 0,
      state.deadline,
      state.scheduling
    )
    request.id = state.id
    request.token = state.token
    request.status = state.grantedAt === undefined ? "waiting" : "held"
    request.grantedAt = state.grantedAt ?? 0
    request.parts = state.parts.map(({ amount, cost, left, pool: at }) => {
      const pool = this.pools[at] ?? wrong(`claim ${state.id} names pool ${at}`)
      const part = new Part(request, pool, agent.account(pool), amount, cost)
      if (left !== undefined) {
        part.level = left.level
        part.remainder = left.remainder
        part.terms = readTerms(left.terms)
      }
      return part
    })
    if (state.toldStart !== undefined) ownTurn(request).toldStart = state.toldStart
    if (state.rescued === true) ownTurn(request).rescued = true
    if (state.chosen !== undefined) ownTurn(request).chosen = state.chosen
    if (state.passed !== undefined) {
      const turn = ownTurn(request)
      turn.passed = state.passed[0]
      turn.passedSince = state.passed[1]
    }
    restorePlace(this.books, request, state, this.reading)
    if (state.parked === true) this.parked.add(request)
    this.index.add(request)
    request.leasePriority = state.leasePriority ?? 0
    if (request.status !== "held") return
    if (state.notice !== undefined) {
      request.notice = { ...state.notice, ending: state.notice.ending === true }
      this.books.noticed.add(request)
    }
    this.books.timers.set(request, endsAt(request))
  }

  private linkHolders(state: PoolState, pool: Pool): void {
    for (const id of state.holders) {
      const lease = this.lease(id)
      const part = lease.parts.find((candidate) => candidate.pool === pool) ?? wrong(`${id} holds no ${pool.type}`)
      pool.addHolder(part)
      pool.inUse += part.amount
      if (lease.notice !== undefined) pool.announced += part.amount
      else if (mayBeTaken(lease)) preempting.list(part)
      part.account.held += part.amount
      part.account.leases++
    }
  }

  private openCalendars(): void {
    const { books, state } = this
    if (state.reservations === undefined) return
    const reservations = new Reservations()
    reservations.nextId = state.reservations.nextId
    for (const { claim, ...rest } of state.reservations.open) {
      reservations.byId.set(rest.id, { ...rest, claim: Object.fromEntries(claim) })
    }
    books.reservations = reservations
    for (const pool of this.pools) openCalendar(books, reservations, pool)
    books.timers.set(reservations, reservations.nextAt(books.now, books.lead))
  }

  private linkWaiter(request: Request): void {
    this.books.waiting++
    request.agent.waiters.add(request)
    for (let group = request.agent.group; group !== undefined; group = group.parent) group.waiting++
    if (request.deadline !== undefined) this.books.timers.set(request, request.deadline)
    for (const part of request.parts) {
      part.account.waiting += part.amount
    }
    for (const lease of leasesAround(request)) {
      lease.waitsInside ??= new Set()
      lease.waitsInside.add(request)
    }
  }

  private linkQueue(state: PoolState, pool: Pool): void {
    pool.rescuedAt = state.rescuedAt ?? 0
    let part = pool.waitersHead
    // By arrival, until an order is put over the books.
    const firstShort = this.state.ordered === true ? part?.request.id : state.firstShort
    for (; part !== undefined && part.request.id !== firstShort; part = part.next) pool.earmark(part)
    if (part === undefined && firstShort !== undefined) wrong(`${firstShort} does not wait for ${pool.type}`)
    pool.firstShort = part
    for (; part !== undefined; part = part.next) part.request.shortIn++
    for (const id of state.blocked) {
      const lease = this.lease(id)
      pool.blocked.add(lease)
      pool.blockedHeld += lease.parts.find((candidate) => candidate.pool === pool)?.amount ?? 0
    }
  }

  private check(): void {
    for (const pool of this.pools) {
      const { capacity, earmarked, inUse, type, waitersHead } = pool
      if (!Number.isSafeInteger(inUse)) wrong(`${type} has ${inUse} in use`)
      if (waitersHead?.earmarked === true && earmarked > capacity - inUse) wrong(`${type} has earmarked what is in use`)
      if (pool.hard !== pool.countedHard) wrong(`${type} is not counted as it is`)
      let blocked = 0
      for (let part = pool.holdersHead; part !== undefined; part = part.next) {
        const { waitsInside } = part.request
        if (comesBackByTime(part.request) || waitsInside === undefined) continue
        blocked += part.amount
        if (!pool.blocked.has(part.request)) wrong(`${type} does not know that ${part.request.id} has waits inside`)
      }
      if (blocked !== pool.blockedHeld)
        wrong(`${type} has ${pool.blockedHeld} held by leases with waits, not ${blocked}`)
    }
    for (const request of this.index.values()) {
      if (
        this.state.ordered !== true &&
        request.status === "waiting" &&
        request.shortIn === 0 &&
        request.parts.length > 0 &&
        !this.parked.has(request) &&
        this.state.heldBack?.includes(request.id) !== true
      ) {
        wrong(`${request.id} waits for nothing`)
      }
    }
  }

  private request(id: number): Request {
    return this.index.get(id) ?? wrong(`there is no claim ${id}`)
  }

  private lease(id: number): Request {
    const lease = this.request(id)
    return lease.status === "held" && lease.grows === undefined ? lease : wrong(`${id} is no lease`)
  }
}

/** Books that decide as those did whose state it is. */
export const restore = (state: State): Books => new Restoring(state).run()
