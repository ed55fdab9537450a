/**
 * What is promised to whom, by plain sums over all leases and reservations: how much
 * of a pool a claim may take, now and at every instant that it runs into.
 */
import type { LedgerEvent, ReservationWish } from "../../src/Ledger.ts"
import type { Run } from "./checker.ts"
import type { World, WorldClaim, WorldPool } from "./model.ts"

export type Promise = Extract<LedgerEvent, { readonly _tag: "Reserved" }>

/** Who asks, and for how long. */
export interface Asker {
  readonly agent: string
  readonly priority: number
  /** Microseconds; `Infinity` where it says nothing. */
  readonly duration: number
  /** Whether what it gets can be taken. */
  readonly yields: boolean
  /** The lease that it is to grow. */
  readonly grows: WorldClaim | undefined
}

const isFor = ({ holder }: Promise, { agent, priority }: Pick<Asker, "agent" | "priority">): boolean =>
  holder._tag === "Priority" ? priority >= holder.atLeast : holder._tag === "Agent" && holder.agent === agent

const keyOf = ({ holder }: Promise): string =>
  holder._tag === "Priority" ? `p ${holder.atLeast}` : holder._tag === "Agent" ? `a ${holder.agent}` : "g"

/** The instant at which a lease is back at the latest, by what it says. */
export const endOf = (lease: WorldClaim): number => {
  const declared = lease.expected === 0 ? Infinity : lease.grantedAt + lease.expected
  return Math.min(declared, lease.ttl === 0 ? Infinity : lease.grantedAt + lease.ttl)
}

/** Whether a lease can be told to end, where anybody is for windows. */
export const canBeTold = (world: World, lease: Pick<WorldClaim, "preemptible">): boolean =>
  world.lead !== undefined && lease.preemptible

/** Whether a window that begins then is so near that leases which stay count. */
const isDue = (world: World, from: number, now: number): boolean => world.lead === undefined || from - world.lead <= now

/** Whether a lease is there as a window begins. `bare`: if it is told nothing. */
const staysInto = (world: World, lease: WorldClaim, from: number, now: number, bare: boolean): boolean => {
  if (!canBeTold(world, lease)) return endOf(lease) > from
  if (!isDue(world, from, now)) return false
  if (lease.ttl !== 0 && !lease.lingers && lease.grantedAt + lease.ttl <= from) return false
  if (!bare && lease.notice !== undefined && lease.notice.forcedAt <= from) return false
  // What it says is believed only where it was still to come as the window became due.
  return endOf(lease) > from || endOf(lease) <= from - world.lead!
}

/** How long a growth of the lease would last. */
export const leaseDuration = (lease: WorldClaim, now: number): number => Math.max(0, endOf(lease) - now)

export const durationOf = (claim: WorldClaim, now: number): number => {
  if (claim.grows !== undefined) return leaseDuration(claim.grows, now)
  return Math.min(claim.expected === 0 ? Infinity : claim.expected, claim.ttl === 0 ? Infinity : claim.ttl)
}

/** Which promise a lease draws from: its agent's, else that of the highest class that it is of. */
const drawnFrom = (promises: ReadonlyArray<Promise>, lease: Pick<Asker, "agent" | "priority">): string | undefined => {
  const own = promises.filter((promise) => isFor(promise, lease))
  const agents = own.find(({ holder }) => holder._tag === "Agent")
  if (agents !== undefined) return keyOf(agents)
  const classes = own.flatMap(({ holder }) => (holder._tag === "Priority" ? [holder.atLeast] : []))
  return classes.length === 0 ? undefined : `p ${Math.max(...classes)}`
}

type Asking = Pick<WorldClaim, "agent" | "scheduling">

const holderOf = (world: World, lease: Asking) => ({ agent: lease.agent, priority: world.order.own(lease) })

const promisesOf = (world: World, pool: WorldPool): ReadonlyArray<Promise> =>
  [...world.promises.values()].filter(({ claim }) => (claim[pool.type] ?? 0) > 0)

const sumOf = (promises: ReadonlyArray<Promise>, type: string): number =>
  promises.reduce((sum, { claim }) => sum + claim[type]!, 0)

/** What others were promised and do not use, at one instant. */
const keptAt = (
  world: World,
  pool: WorldPool,
  promises: ReadonlyArray<Promise>,
  running: ReadonlyArray<WorldClaim>,
  asker: Asker,
  at: number
): number => {
  const others = promises.filter((promise) => !isFor(promise, asker))
  let kept = 0
  for (const key of new Set(others.map(keyOf))) {
    const active = others.filter(
      (promise) => keyOf(promise) === key && promise.from <= at && at < (promise.until ?? Infinity)
    )
    let used = 0
    for (const lease of running) {
      if (drawnFrom(promises, holderOf(world, lease)) !== key) continue
      for (const need of lease.needs) if (need.pool === pool) used += need.amount
    }
    kept += Math.max(0, sumOf(active, pool.type) - used)
  }
  return kept
}

const heldOf = (leases: ReadonlyArray<WorldClaim>, pool: WorldPool): number => {
  let held = 0
  for (const lease of leases) for (const need of lease.needs) if (need.pool === pool) held += need.amount
  return held
}

/** Whether a claim would be there as a window begins, and could not be told to end before. */
const runsInto = (world: World, { duration, grows, yields }: Asker, from: number, now: number): boolean => {
  if (from <= now) return false
  if (!yields || world.lead === undefined) return from < now + duration
  if (!isDue(world, from, now)) return false
  return grows === undefined ? from < now + duration : staysInto(world, grows, from, now, false)
}

/**
 * Units of a pool that a claim may be granted, whatever earlier waiters need. With `gone`:
 * were those back, and nobody else told to end.
 */
export const roomFor = (
  world: World,
  asker: Asker,
  pool: WorldPool,
  now: number,
  gone?: ReadonlySet<WorldClaim>
): number => {
  const promises = promisesOf(world, pool)
  const leases = gone === undefined ? world.leases : world.leases.filter((lease) => !gone.has(lease))
  const free = gone === undefined ? pool.free : pool.capacity - heldOf(leases, pool)
  if (promises.length === 0) return free
  let room = free - keptAt(world, pool, promises, leases, asker, now)
  for (const { from } of promises) {
    if (!runsInto(world, asker, from, now)) continue
    const running = leases.filter((lease) => staysInto(world, lease, from, now, gone !== undefined))
    const runs = heldOf(running, pool)
    room = Math.min(room, pool.capacity - runs - keptAt(world, pool, promises, running, asker, from))
  }
  return room
}

/** What others were promised from now on without an end: never there for it. */
export const standingFor = (world: World, asker: Asker, pool: WorldPool, now: number): number =>
  sumOf(
    promisesOf(world, pool).filter(
      (promise) => promise.until === undefined && promise.from <= now && !isFor(promise, asker)
    ),
    pool.type
  )

/** The next instant at which a window is due, begins or ends. */
export const nextBoundary = (world: World, now: number): number => {
  let next = Infinity
  for (const { from, until = Infinity } of world.promises.values()) {
    next = Math.min(next, from > now ? from : until)
    const due = from - (world.lead ?? Infinity)
    if (due > now) next = Math.min(next, due)
  }
  return next
}

/** Who asks for a claim that is granted as it arrives. */
export const askerOf = (event: Extract<LedgerEvent, { readonly _tag: "GrantedAtOnce" }>, run: Run): Asker => {
  const { expected = 0 } = event.scheduling ?? {}
  const priority = event.scheduling?.priority ?? run.world.order.agentPriority(event.agent)
  const lease = run.command.grows
  const declared = Math.min(expected === 0 ? Infinity : expected, event.ttl === 0 ? Infinity : event.ttl)
  const duration = lease === undefined ? declared : Math.max(0, endOf(lease) - event.at)
  const yields = lease === undefined ? event.scheduling?.preemptible === true && !event.manual : lease.preemptible
  return { agent: event.agent, priority, duration, yields, grows: lease }
}

/** What is kept from who asks, and for whom: the narrowest promise first. */
export const keptFor = (world: World, asker: Asker, pool: WorldPool, now: number) => {
  const promises = promisesOf(world, pool)
  const others = promises.filter((promise) => !isFor(promise, asker))
  const keys = new Map(others.map((promise) => [keyOf(promise), promise.holder]))
  return [...keys].flatMap(([key, holder]) => {
    const own = others.filter((promise) => keyOf(promise) === key)
    const amount =
      keptAt(world, pool, promises, world.leases, { ...asker }, now) -
      keptAt(
        world,
        pool,
        promises.filter((promise) => keyOf(promise) !== key),
        world.leases.filter((lease) => drawnFrom(promises, holderOf(world, lease)) !== key),
        asker,
        now
      )
    if (amount > 0) return [{ holder, amount, from: now }]
    const later = promises.map(({ from }) => from).toSorted((a, b) => a - b)
    const activeAt = (at: number) => own.filter(({ from, until = Infinity }) => from <= at && at < until)
    const start = later.find((at) => runsInto(world, asker, at, now) && activeAt(at).length > 0)
    return start === undefined ? [] : [{ holder, amount: sumOf(activeAt(start), pool.type), from: start }]
  })
}

/** When the first of them is over by itself: that is told, a beginning is not. */
export const firstExpiry = (world: World): number => {
  let first = Infinity
  for (const { until = Infinity } of world.promises.values()) first = Math.min(first, until)
  return first
}

/** Units that are kept for who asks: nobody else can have them. */
const entitlement = (world: World, asker: Asker, pool: WorldPool, now: number): number => {
  const promises = promisesOf(world, pool)
  const key = drawnFrom(promises, asker)
  const own = promises.filter(
    (promise) => keyOf(promise) === key && promise.from <= now && now < (promise.until ?? Infinity)
  )
  let used = 0
  for (const lease of world.leases) {
    if (drawnFrom(promises, holderOf(world, lease)) !== key) continue
    for (const need of lease.needs) if (need.pool === pool) used += need.amount
  }
  return sumOf(own, pool.type) - used
}

/** Whether what it asks for is kept for it. */
export const isKept = (world: World, asker: Asker, pool: WorldPool, amount: number, now: number): boolean =>
  world.promises.size > 0 &&
  amount <= entitlement(world, asker, pool, now) &&
  amount <= roomFor(world, asker, pool, now)

export const askerFor = (world: World, claim: WorldClaim, now: number): Asker => ({
  agent: claim.agent,
  priority: world.order.own(claim),
  duration: durationOf(claim, now),
  yields: claim.grows === undefined ? claim.preemptible : claim.grows.preemptible,
  grows: claim.grows
})

/** Everybody is somebody else to it. */
const noHolder: Asker = { agent: "", priority: -Infinity, duration: Infinity, yields: false, grows: undefined }

/**
 * What is missing of all that is promised of a pool, now and as each window begins that is
 * due, were those in `gone` back and nobody else told to end: by instant.
 */
export const missingOf = (
  world: World,
  pool: WorldPool,
  now: number,
  gone: ReadonlySet<WorldClaim>
): ReadonlyMap<number, number> => {
  const promises = promisesOf(world, pool)
  const instants = [now, ...promises.flatMap(({ from }) => (from > now && isDue(world, from, now) ? [from] : []))]
  const leases = world.leases.filter((lease) => !gone.has(lease))
  return new Map(
    instants.map((at) => {
      const isThere = (lease: WorldClaim) =>
        staysInto(world, lease, at, now, true) ||
        // It may not be taken, and should have been back as the window became due.
        (!canBeTold(world, lease) && endOf(lease) <= at - world.lead!)
      const there = at === now ? leases : leases.filter(isThere)
      const kept = keptAt(world, pool, promises, there, noHolder, at)
      return [at, kept === 0 ? 0 : Math.max(0, kept + heldOf(there, pool) - pool.capacity)] as const
    })
  )
}

/** By how much a promise would be missed at the worst instant of its window, in its worst pool. */
export const shortOf = (world: World, wish: ReservationWish, now: number): number => {
  let worst = 0
  for (const pool of world.pools) {
    if ((wish.claim[pool.type] ?? 0) === 0) continue
    const added: Promise = { _tag: "Reserved", id: 0, at: now, ...wish }
    const promises = [...promisesOf(world, pool), added]
    const from = Math.max(now, wish.from)
    for (const at of [from, ...promises.map((promise) => promise.from)]) {
      if (at < from || at >= (wish.until ?? Infinity)) continue
      const there = world.leases.filter((lease) => isInTheWay(world, lease, at, now))
      const kept = keptAt(world, pool, promises, there, noHolder, at)
      worst = Math.max(worst, kept + heldOf(there, pool) - pool.capacity)
    }
  }
  return worst
}

/** Whether a lease will be there at an instant, whatever it is told: who should be back by now is there until it is. */
const isInTheWay = (world: World, lease: WorldClaim, at: number, now: number): boolean => {
  if (at <= now) return true
  if (canBeTold(world, lease)) {
    if (at - world.lead! >= now) return false
    const forced = Math.min(
      lease.notice?.forcedAt ?? Infinity,
      lease.ttl === 0 || lease.lingers ? Infinity : lease.grantedAt + lease.ttl
    )
    if (forced <= at) return false
  }
  return endOf(lease) > at || endOf(lease) <= now
}

/** What is promised without an end, and has begun: by pool and by whom it is for. Windows are left out, as if they were over. */
export const standingPromises = (world: World, now: number) =>
  world.pools.flatMap((pool) => {
    const standing = promisesOf(world, pool).filter(({ from, until }) => until === undefined && from <= now)
    return [...new Set(standing.map(keyOf))].map((key) => {
      const own = standing.filter((promise) => keyOf(promise) === key)
      return {
        pool,
        amount: sumOf(own, pool.type),
        draws: (claim: Asking) => drawnFrom(standing, holderOf(world, claim)) === key,
        isFor: (claim: Asking) => own.some((promise) => isFor(promise, holderOf(world, claim)))
      }
    })
  })
