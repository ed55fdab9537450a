/** Random groups: what an administrator may say of a tree, right or wrong. */
import type { LedgerEvent } from "../../src/Ledger.ts"
import { randomRate } from "./profile.ts"
import type { Random } from "./random.ts"

type GroupSet = Extract<LedgerEvent, { readonly _tag: "GroupSet" }>

export const groupNames = ["org", "red", "blue", "red-a", "red-b", "other"] as const

const some = (random: Random, chance: number, most: number): number | undefined =>
  random.chance(chance) ? random.between(0, most) : undefined

/** Often a place in the tree that cannot be. */
export const randomGroup = (random: Random, types: ReadonlyArray<string>, capacity: number) => ({
  parent: random.chance(0.75) ? random.pick(groupNames) : undefined,
  onQuota: random.chance(0.6) ? ("wait" as const) : random.chance(0.5) ? ("fail" as const) : undefined,
  limits: Object.fromEntries(
    types.flatMap((type) => (random.chance(0.75) ? [[type, randomLimits(random, capacity)] as const] : []))
  )
})

/** A tree that limits nothing: what is of a group is its share. */
export const randomShares = (random: Random) => ({
  parent: random.chance(0.6) ? random.pick(groupNames) : undefined,
  weight: random.pick([1, 1, 2, 3, 0.5])
})

const randomLimits = (random: Random, capacity: number): GroupSet["limits"][string] => ({
  nominal: some(random, 0.8, capacity),
  borrowingLimit: some(random, 0.3, Math.ceil(capacity / 2)),
  lendingLimit: some(random, 0.4, Math.ceil(capacity / 2)),
  max: some(random, 0.15, capacity + 2),
  leases: some(random, 0.1, 5),
  rate: random.chance(0.1) ? randomRate(random, capacity) : undefined
})

const places: Readonly<Record<string, string | undefined>> = {
  red: "org",
  blue: "org",
  "red-a": "red",
  "red-b": "red",
  other: "org"
}

/** A tree in which much is lent: the same places, a part of what there is for each group, and seldom another limit. */
export const lendingGroup = (random: Random, group: string, types: ReadonlyArray<string>, capacity: number) => ({
  parent: random.chance(0.95) ? places[group] : undefined,
  onQuota: random.chance(0.9) ? ("wait" as const) : undefined,
  limits: Object.fromEntries(
    types.map((type) => [
      type,
      {
        nominal: group === "org" ? undefined : random.between(0, Math.ceil(capacity / 2)),
        borrowingLimit: some(random, 0.1, capacity),
        lendingLimit: some(random, 0.2, Math.ceil(capacity / 4)),
        max: some(random, 0.03, capacity + 2)
      }
    ])
  )
})
