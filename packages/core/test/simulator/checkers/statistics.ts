/**
 * Counts, peaks, and the sums of waits and holds, by pool and by agent, computed
 * again from the events. Compared at every 64th command and at the end.
 */
import type { Histogram, LedgerEvent } from "../../../src/Ledger.ts"
import { fairnessOf } from "../../../src/ledger/order/fairness.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import type { Need, World, WorldClaim, WorldPool } from "../model.ts"

const name = "statistics"
const fail = failing(name)

interface Spread {
  count: number
  sum: number
}

class Counts {
  acquisitions = 0
  readonly failures: Record<string, number> = {}
  readonly waits: Spread = { count: 0, sum: 0 }
  readonly holds: Spread = { count: 0, sum: 0 }
  peak = 0
  busy = 0

  granted(sign: 1 | -1, waited: number) {
    this.acquisitions += sign
    this.waits.count += sign
    this.waits.sum += sign * waited
  }

  returned(held: number) {
    this.holds.count++
    this.holds.sum += held
  }

  failed(reason: string) {
    this.failures[reason] = (this.failures[reason] ?? 0) + 1
  }
}

interface Kept {
  readonly acquisitions: number
  readonly failures: Readonly<Partial<Record<string, number>>>
  readonly waits: Histogram
  readonly holds: Histogram
}

const compare = (who: string, kept: Kept, counts: Counts) => {
  if (kept.acquisitions !== counts.acquisitions) {
    fail(`${who}: ${kept.acquisitions} acquisitions, not ${counts.acquisitions}`)
  }
  for (const reason of new Set([...Object.keys(kept.failures), ...Object.keys(counts.failures)])) {
    const actual = kept.failures[reason] ?? 0
    const expected = counts.failures[reason] ?? 0
    if (actual !== expected) fail(`${who}: ${actual} failures by ${reason}, not ${expected}`)
  }
  for (const which of ["waits", "holds"] as const) {
    if (kept[which].count !== counts[which].count || kept[which].sum !== counts[which].sum) {
      fail(
        `${who}: ${kept[which].count} ${which} of ${kept[which].sum}, not ${counts[which].count} of ${counts[which].sum}`
      )
    }
  }
}

/** Jain's index of what agents hold of a pool over what they are entitled to: by the definition, from the claims alone. */
const fairness = (world: World, pool: WorldPool): number | undefined => {
  const uses = ({ needs, parked }: WorldClaim) => !parked && needs.some((need) => need.pool === pool && need.amount > 0)
  const agents = [...new Set([...world.leases, ...world.waiters].filter(uses).map(({ agent }) => agent))]
  const held = agents.map((agent) => world.sum(world.leases, agent, pool))
  if (agents.length < 2 || held.every((amount) => amount === 0)) return undefined
  const known = new Map<unknown, { readonly weight: number; readonly above: unknown }>()
  for (const agent of agents) {
    const path = world.order.upFrom(agent)
    path.forEach(({ weight }, at) => known.set(at === 0 ? agent : path[at], { weight, above: path[at + 1] }))
  }
  const entitled = (sharer: unknown): number => {
    if (sharer === undefined) return 1
    const { above, weight } = known.get(sharer)!
    let siblings = 0
    for (const other of known.values()) if (other.above === above) siblings += other.weight
    return (entitled(above) * weight) / siblings
  }
  const figures = agents.map((agent, at) => held[at]! / entitled(agent))
  const sum = figures.reduce((total, figure) => total + figure, 0)
  return sum ** 2 / (figures.length * figures.reduce((total, figure) => total + figure ** 2, 0))
}

export const statistics = (run: Run): Checker => {
  const { ledger, world } = run
  const all = new Map<string, Counts>()
  let exemptions = 0
  let at = 0
  const of = (key: string) => {
    let counts = all.get(key)
    if (counts === undefined) {
      counts = new Counts()
      all.set(key, counts)
    }
    return counts
  }
  const each = (agent: string, needs: ReadonlyArray<Need>, apply: (counts: Counts) => void) => {
    apply(of(`agent ${agent}`))
    for (const { pool } of needs) apply(of(`pool ${pool.type}`))
  }
  const raisePeaks = (agent: string, claim: Iterable<readonly [string, number]>) => {
    for (const [type, amount] of claim) {
      const pool = world.pool(type)
      const byPool = of(`pool ${type}`)
      byPool.peak = Math.max(byPool.peak, pool.inUse + amount)
      const byAccount = of(`account ${agent} ${type}`)
      byAccount.peak = Math.max(byAccount.peak, world.sum(world.leases, agent, pool) + amount)
    }
  }
  const elapse = (now: number) => {
    for (const pool of world.pools) of(`pool ${pool.type}`).busy += pool.inUse * (now - at)
    at = now
  }
  const record = (event: LedgerEvent) => {
    switch (event._tag) {
      case "GrantedAtOnce": {
        of(`agent ${event.agent}`).granted(1, 0)
        for (const type in event.claim) of(`pool ${type}`).granted(1, 0)
        raisePeaks(event.agent, Object.entries(event.claim))
        break
      }
      case "Granted": {
        const claim = world.claim(event.id)
        each(claim.agent, claim.needs, (counts) => counts.granted(1, event.at - claim.askedAt))
        raisePeaks(
          claim.agent,
          claim.needs.map(({ amount, pool }) => [pool.type, amount] as const)
        )
        break
      }
      case "Undone": {
        const claim = world.claim(event.id)
        each(claim.agent, claim.needs, (counts) => counts.granted(-1, claim.grantedAt - claim.askedAt))
        break
      }
      case "Returned": {
        const claim = world.claim(event.id)
        each(claim.agent, claim.needs, (counts) => counts.returned(event.at - claim.grantedAt))
        break
      }
      case "Left": {
        const claim = world.claim(event.id)
        each(claim.agent, claim.needs, (counts) => counts.failed(event.reason))
        break
      }
      case "Refused":
        of(`agent ${event.agent}`).failed(event.reason)
        for (const type of event.types) of(`pool ${type}`).failed(event.reason)
        break
      case "Exempted":
        exemptions++
        break
      default:
    }
  }
  const compareAll = () => {
    elapse(ledger.now)
    if (ledger.books.exemptions !== exemptions) fail(`${ledger.books.exemptions} exemptions, not ${exemptions}`)
    for (const agent of ledger.books.agents.values()) {
      compare(agent.id, agent, of(`agent ${agent.id}`))
      for (const account of agent.accounts.values()) {
        const { peak } = of(`account ${agent.id} ${account.pool.type}`)
        if (account.peak !== peak) fail(`${agent.id} held ${peak} ${account.pool.type} at most, not ${account.peak}`)
      }
    }
    for (const pool of ledger.books.pools.values()) {
      const counts = of(`pool ${pool.type}`)
      compare(pool.type, pool, counts)
      if (pool.peak !== counts.peak) fail(`${pool.type}: a peak of ${pool.peak}, not ${counts.peak}`)
      const busy = pool.busy + pool.inUse * (ledger.now - pool.accountedAt)
      // Beyond the safe integers the mean rounds, for people to read.
      if (Math.abs(busy - counts.busy) > counts.busy * 1e-9) fail(`${pool.type}: busy for ${busy}, not ${counts.busy}`)
      const isQueued = (waiter: WorldClaim) =>
        !waiter.parked && waiter.needs.some((need) => need.pool.type === pool.type)
      const waiting = world.waiters.filter(isQueued).length
      const fair = fairness(world, world.pool(pool.type))
      const told = fairnessOf(pool)
      if (fair !== undefined) run.count("fairness compared")
      if (fair === undefined || told === undefined ? fair !== told : Math.abs(fair - told) > 1e-9) {
        fail(`${pool.type}: a fairness of ${told}, not ${fair}`)
      }
      if (pool.waiting !== waiting) fail(`${pool.type}: ${pool.waiting} in the queue, not ${waiting}`)
    }
  }
  return {
    name,
    onEvent: (event) => {
      if (event.at > at) elapse(event.at)
      record(event)
    },
    afterCommand: () => {
      if (run.step % 64 === 0) compareAll()
    },
    atEnd: compareAll
  }
}
