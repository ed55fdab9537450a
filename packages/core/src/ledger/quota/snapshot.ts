/** Groups in a captured state, and back. What a level has in use follows from the rest. */
import type { Terms } from "../Bucket.ts"
import type { Books } from "../Books.ts"
import { bucketState, rateState, servedState, termsState } from "../capture.ts"
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import type { GroupLimitsState, GroupState, LevelState, PaidState, RequestState } from "../State.ts"
import { Group } from "./Group.ts"
import type { GroupLimits, Level } from "./Level.ts"
import { QuotaPlace } from "./QuotaPlace.ts"

const limitsState = (limits: GroupLimits): GroupLimitsState => {
  const { borrowingLimit, leases, lendingLimit, max, nominal, rate } = limits
  return {
    ...(nominal === undefined ? {} : { nominal }),
    ...(borrowingLimit === undefined ? {} : { borrowingLimit }),
    ...(lendingLimit === undefined ? {} : { lendingLimit }),
    ...(max === undefined ? {} : { max }),
    ...(leases === undefined ? {} : { leases }),
    ...(rate === undefined ? {} : { rate: rateState(rate) })
  }
}

const levelState = ({ bucket, generation, limits, peak, pool }: Level, now: number): LevelState => ({
  pool: pool.index,
  limits: limitsState(limits),
  ...(bucket === undefined ? {} : { bucket: bucketState(bucket, now) }),
  generation,
  peak
})

export const groupStates = (books: Books): ReadonlyArray<GroupState> =>
  Array.from(books.groups.byId.values(), (group) => ({
    id: group.id,
    ...(group.parent === undefined ? {} : { parent: group.parent.id }),
    ...(group.onQuota === undefined ? {} : { onQuota: group.onQuota }),
    weight: group.weight,
    ...servedState(group),
    ...(group.virtual === 0 ? {} : { virtual: group.virtual }),
    // What only a refused claim opened is not worth keeping.
    levels: [...group.levels.values()]
      .filter(
        ({ generation, limits, peak }) => peak > 0 || generation > 0 || Object.keys(limitsState(limits)).length > 0
      )
      .map((level) => levelState(level, books.now))
      .toSorted((a, b) => a.pool - b.pool)
  }))

/** What a grant may still have back is of no use once it is its lease's, or its lease began. */
export const placeState = ({ quota }: Request): Pick<RequestState, "parked" | "place" | "paid"> => {
  if (quota === undefined) return {}
  // What was paid to a group that is no more goes back to nobody.
  const there = quota.paid.filter(({ at }) => at.group.isThere)
  const paid = there.map(({ at, cost, level, remainder, terms }): PaidState => ({
    group: at.group.id,
    pool: at.pool.index,
    cost,
    level,
    remainder,
    terms: termsState(terms!)
  }))
  return {
    ...(quota.parked === undefined ? {} : { parked: true }),
    ...(quota.parked !== undefined || quota.place === 0 ? {} : { place: quota.place }),
    ...(paid.length === 0 ? {} : { paid })
  }
}

const readLimits = ({ rate, ...limits }: GroupLimitsState): GroupLimits =>
  rate === undefined ? limits : { ...limits, rate: { ...rate, burst: rate.burst } }

/** What a captured state says of groups, for `restore`. */
export interface Reading {
  readonly wrong: (what: string) => never
  readonly pool: (at: number) => Pool
  readonly terms: (state: { readonly generation: number; readonly refunded: string }) => Terms
}

export const restoreGroups = (books: Books, states: ReadonlyArray<GroupState>, reading: Reading): void => {
  const { groups, now } = books
  for (const { id, onQuota, served = 0, servedIn = 0, virtual = 0, weight } of states) {
    if (groups.byId.has(id)) reading.wrong(`group ${id} is there twice`)
    const group = new Group(id, groups)
    group.onQuota = onQuota
    group.weight = weight
    group.served = served
    group.servedIn = servedIn
    group.virtual = virtual
    groups.byId.set(id, group)
  }
  for (const { id, parent: parentId } of states) {
    if (parentId === undefined) continue
    const group = groups.byId.get(id)!
    const parent = groups.byId.get(parentId) ?? reading.wrong(`group ${id} is below ${parentId}`)
    for (let at: Group | undefined = parent; at !== undefined; at = at.parent) {
      if (at === group) reading.wrong(`group ${id} is below itself`)
    }
    group.parent = parent
    parent.children.add(group)
  }
  for (const { id, levels } of states) {
    for (const { bucket, generation, limits, peak, pool } of levels) {
      const level = groups.byId.get(id)!.level(reading.pool(pool))
      level.generation = generation
      level.peak = peak
      level.setLimits(readLimits(limits), now)
      if ((bucket === undefined) !== (level.bucket === undefined)) reading.wrong(`group ${id} has a rate or a bucket`)
      if (bucket === undefined || level.bucket === undefined) continue
      if (bucket.level > bucket.burst || bucket.remainder >= level.bucket.interval) {
        reading.wrong(`a bucket of group ${id} is overfull`)
      }
      level.bucket.burst = bucket.burst
      level.bucket.level = bucket.level
      level.bucket.remainder = bucket.remainder
      level.bucket.terms = reading.terms(bucket.terms)
    }
  }
}

export const restorePlace = (books: Books, request: Request, state: RequestState, reading: Reading): void => {
  if (state.place === undefined && state.paid === undefined) return
  const place = new QuotaPlace()
  place.place = state.place ?? 0
  place.paid = (state.paid ?? []).map(({ group, pool, terms, ...left }) => {
    const at = books.groups.byId.get(group)?.levels.get(reading.pool(pool))
    return { at: at ?? reading.wrong(`claim ${request.id} paid ${group}`), ...left, terms: reading.terms(terms) }
  })
  request.quota = place
}
