import { assert, describe, it } from "@effect/vitest"
import { Ends } from "../../src/ledger/plan/Ends.ts"
import { isBefore, last, never, type Place, Profile, rightNow } from "../../src/ledger/plan/Profile.ts"
import { Ledger, noScheduling, type Pool } from "../../src/Ledger.ts"
import { Random } from "../simulator/random.ts"

const now = 100

interface Taken {
  readonly from: Place
  readonly until: number
  readonly amount: number
}

/** What is free at a place, by plain sums. */
const freeAt = (pool: Pool, taken: ReadonlyArray<Taken>, place: Place): number => {
  let free = pool.free
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    const { grantedAt, id, scheduling } = part.request
    const end = { at: grantedAt + scheduling.expected, id }
    if (scheduling.expected > 0 && !isBefore(place, end)) free += part.amount
  }
  for (const { amount, from, until } of taken) {
    if (!isBefore(place, from) && isBefore(place, { at: until, id: last })) free -= amount
  }
  return free
}

const placesOf = (pool: Pool, taken: ReadonlyArray<Taken>): ReadonlyArray<Place> => {
  const places: Array<Place> = [rightNow, ...taken.flatMap(({ from, until }) => [from, { at: until, id: last }])]
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    const { grantedAt, id, scheduling } = part.request
    if (scheduling.expected > 0) places.push({ at: grantedAt + scheduling.expected, id })
  }
  return places.filter(({ at }) => at < Infinity).toSorted((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0))
}

const naiveEarliest = (pool: Pool, taken: ReadonlyArray<Taken>, amount: number, duration: number, from: Place) => {
  const places = placesOf(pool, taken)
  const starts = [from, ...places.filter((place) => isBefore(from, place))]
  const fits = (start: Place) => {
    const until = Math.max(now, start.at) + duration
    const met = [start, ...places.filter((place) => isBefore(start, place) && place.at <= until)]
    return met.every((place) => freeAt(pool, taken, place) >= amount)
  }
  return starts.find(fits) ?? never
}

describe("Profile", () => {
  it("finds and keeps what brute force does", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed)
      const ledger = new Ledger()
      const pool = ledger.definePool("cpu", { capacity: 20 }, 0)
      for (let i = random.between(0, 12); i > 0; i--) {
        const expected = random.chance(0.2) ? 0 : random.between(90, 130)
        ledger.claim("a", { cpu: random.between(1, 5) }, random.between(0, 5), {
          wait: false,
          scheduling: { ...noScheduling, expected }
        })
      }
      const profile = new Profile(Ends.of(pool), pool.free)
      const taken: Array<Taken> = []
      for (let i = 0; i < 12; i++) {
        const amount = random.between(1, 12)
        const duration = random.chance(0.2) ? Infinity : random.between(1, 40)
        const from = random.chance(0.7) ? rightNow : { at: random.between(90, 140), id: random.between(1, 20) }
        const place = profile.earliest(amount, (start) => start + duration, from, now)
        assert.deepStrictEqual(place, naiveEarliest(pool, taken, amount, duration, from), `seed ${seed}, step ${i}`)
        if (from === rightNow)
          assert.deepStrictEqual(profile.earliestFor(amount, duration, now), place, `seed ${seed}, step ${i}`)
        const until = now + duration
        const least = Math.min(
          ...placesOf(pool, taken)
            .filter((met) => met.at <= until)
            .map((met) => freeAt(pool, taken, met))
        )
        assert.strictEqual(profile.least(until), least, `seed ${seed}, step ${i}`)
        if (place === never) continue
        const end = Math.max(now, place.at) + duration
        profile.reserve(amount, place, end)
        taken.push({ from: place, until: end, amount })
      }
    }
  })

  it("keeps the ends of leases in order while they come and go", () => {
    const random = new Random(7)
    const ledger = new Ledger()
    const pool = ledger.definePool("cpu", { capacity: 50 }, 0)
    const ends = Ends.of(pool)
    for (let step = 0; step < 2000; step++) {
      const held = [...leases(pool)]
      if (held.length > 0 && random.chance(0.5)) ledger.release(random.pick(held)!, step)
      else {
        const expected = random.chance(0.1) ? 0 : random.between(1, 9)
        const ttl = random.chance(0.2) ? random.between(500, 600) : 0
        ledger.claim("a", { cpu: random.between(1, 5) }, step, {
          wait: false,
          ttl,
          scheduling: { ...noScheduling, expected }
        })
      }
      const expected = [...leases(pool)]
        .map(({ expiresAt, grantedAt, id, scheduling }) => ({
          at: Math.min(expiresAt, scheduling.expected === 0 ? Infinity : grantedAt + scheduling.expected),
          id
        }))
        .filter(({ at }) => at < Infinity)
        .toSorted((a, b) => a.at - b.at || a.id - b.id)
      assert.deepStrictEqual(
        ends.instants.map((at, index) => ({ at, id: ends.parts[index]!.request.id })),
        expected
      )
    }
  })
})

function* leases(pool: Pool) {
  for (let part = pool.holdersHead; part !== undefined; part = part.next) yield part.request
}
