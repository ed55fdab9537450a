import { assert, describe, it } from "vitest"
import { type Timed, Timers } from "../../src/ledger/Timers.ts"
import { Random } from "../simulator/random.ts"

class Entry implements Timed {
  dueAt = 0
  timerIndex = -1
  readonly rank: number
  readonly order: number

  constructor(order: number, rank = 0) {
    this.order = order
    this.rank = rank
  }

  timerRank() {
    return this.rank
  }

  timerOrder() {
    return this.order
  }
}

/** Takes everything out, first to last. */
const drain = (timers: Timers): ReadonlyArray<Timed> => {
  const entries: Array<Timed> = []
  for (let first = timers.first(); first !== undefined; first = timers.first()) {
    entries.push(first)
    timers.clear(first)
  }
  return entries
}

describe("Timers", () => {
  it("has nothing due while there is nothing in it", () => {
    const timers = new Timers()
    assert.strictEqual(timers.nextAt(), Infinity)
    assert.isUndefined(timers.first())
    timers.clear(new Entry(1))
    timers.set(new Entry(1), Infinity)
    assert.strictEqual(timers.nextAt(), Infinity)
  })

  it("goes by instant, then by rank, then by order", () => {
    const timers = new Timers()
    const [late, waiter, lease, pool, lease2] = [
      new Entry(1, 0),
      new Entry(2, 2),
      new Entry(3, 1),
      new Entry(9, 0),
      new Entry(4, 1)
    ]
    timers.set(late, 20)
    for (const entry of [waiter, lease2, lease, pool]) timers.set(entry, 10)
    assert.deepStrictEqual(drain(timers), [pool, lease, lease2, waiter, late])
  })

  it("moves an entry that is set again, and drops one that is set to never", () => {
    const timers = new Timers()
    const [a, b] = [new Entry(1), new Entry(2)]
    timers.set(a, 10)
    timers.set(b, 20)
    timers.set(a, 30)
    assert.strictEqual(timers.nextAt(), 20)
    timers.set(a, 5)
    assert.strictEqual(timers.first(), a)
    timers.set(a, Infinity)
    assert.strictEqual(a.timerIndex, -1)
    assert.deepStrictEqual(drain(timers), [b])
  })

  it("is a sorted list, whatever is set and cleared", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed)
      const timers = new Timers()
      const entries = Array.from({ length: 30 }, (_, order) => new Entry(order, random.int(3)))
      const model = new Map<Entry, number>()
      for (let i = 0; i < 300; i++) {
        const entry = random.pick(entries)!
        if (random.chance(0.3)) {
          timers.clear(entry)
          model.delete(entry)
        } else {
          const dueAt = random.int(20)
          timers.set(entry, dueAt)
          model.set(entry, dueAt)
        }
        assert.strictEqual(timers.nextAt(), Math.min(Infinity, ...model.values()), `seed ${seed}, operation ${i}`)
      }
      const expected = [...model.keys()].toSorted(
        (a, b) => model.get(a)! - model.get(b)! || a.rank - b.rank || a.order - b.order
      )
      assert.deepStrictEqual(drain(timers), expected, `seed ${seed}`)
    }
  })
})
