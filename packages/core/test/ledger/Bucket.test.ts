import { assert, describe, it } from "vitest"
import { Bucket, debtMax } from "../../src/ledger/Bucket.ts"
import { ModelBucket } from "../simulator/bucket.ts"
import { Random } from "../simulator/random.ts"

const second = 1_000_000
const day = 86_400 * second

/** Levels of an emptied bucket at a row of instants. */
const levels = (bucket: Bucket, instants: ReadonlyArray<number>) => {
  bucket.take(bucket.level)
  return instants.map((at) => {
    bucket.refill(at)
    return bucket.level
  })
}

describe("Bucket", () => {
  it("starts full and accrues whole tokens at the first microsecond that has them", () => {
    const bucket = new Bucket(50, second, 100, 0)
    assert.strictEqual(bucket.level, 100)
    assert.deepStrictEqual(
      levels(bucket, [0, 19_999, 20_000, 39_999, 40_000, second, 2 * second, 2 * second + 1]),
      [0, 0, 1, 1, 2, 50, 100, 100]
    )
  })

  it("keeps fractions exactly, however often it is looked at", () => {
    const often = new Bucket(3, 7, 1_000_000, 0)
    const once = new Bucket(3, 7, 1_000_000, 0)
    often.take(1_000_000)
    once.take(1_000_000)
    for (let at = 1; at <= 100_000; at++) often.refill(at)
    once.refill(100_000)
    assert.deepStrictEqual([often.level, often.remainder], [once.level, once.remainder])
    assert.strictEqual(once.level, Math.floor(300_000 / 7))
  })

  it("takes an earlier instant for the last one", () => {
    const bucket = new Bucket(1, 10, 5, 100)
    assert.deepStrictEqual(levels(bucket, [110, 50, 0, 110, 119, 120]), [1, 1, 1, 1, 1, 2])
  })

  it("is full after a day asleep, not fuller", () => {
    const bucket = new Bucket(10, second, 20, 0)
    assert.deepStrictEqual(levels(bucket, [day, day + 1]), [20, 20])
    bucket.take(20)
    bucket.refill(day + 1 + second)
    assert.strictEqual(bucket.level, 10)
  })

  it("counts bytes a second over a day without rounding", () => {
    const rate = 12_500_000_000
    const bucket = new Bucket(rate, second, Number.MAX_SAFE_INTEGER, 0)
    assert.deepStrictEqual(levels(bucket, [1, day, 2 * day]), [12_500, rate * 86_400, 2 * rate * 86_400])
  })

  it("says when there will be enough: rounded up, never above the burst", () => {
    const bucket = new Bucket(3, 10, 5, 0)
    bucket.take(5)
    assert.deepStrictEqual(
      [0, 1, 2, 3, 5].map((tokens) => bucket.readyAt(tokens)),
      [0, 4, 7, 10, 17]
    )
    assert.strictEqual(bucket.readyAt(6), Infinity)
    bucket.refill(4)
    assert.strictEqual(bucket.level, 1)
    bucket.refill(6)
    assert.strictEqual(bucket.readyAt(2), 7)
  })

  it("with a burst of nothing never has a token", () => {
    const bucket = new Bucket(10, second, 0, 0)
    assert.deepStrictEqual(levels(bucket, [day]), [0])
    assert.strictEqual(bucket.readyAt(1), Infinity)
  })

  it("gives back up to the burst, and drops the fraction there", () => {
    const bucket = new Bucket(1, 10, 5, 0)
    bucket.take(2)
    bucket.refill(9)
    bucket.refund(2)
    assert.deepStrictEqual([bucket.level, bucket.remainder], [5, 0])
    bucket.refund(3)
    assert.strictEqual(bucket.level, 5)
  })

  it("a smaller burst takes the excess away, a larger one adds nothing", () => {
    const bucket = new Bucket(1, 10, 5, 0)
    bucket.setBurst(3)
    assert.strictEqual(bucket.level, 3)
    bucket.setBurst(10)
    assert.strictEqual(bucket.level, 3)
  })

  it("setting a rate again and again does not stop the flow", () => {
    const bucket = new Bucket(50, 1_000_000, 1, 0)
    bucket.take(1)
    for (let now = 10_000; now <= 20_000; now += 5_000) {
      bucket.refill(now)
      bucket.setRate(50, 1_000_000)
    }
    assert.strictEqual(bucket.level, 1)
  })

  it("a new rate keeps the fraction of a token, rounded down to its own steps", () => {
    const bucket = new Bucket(1, 10, 5, 0)
    bucket.take(5)
    bucket.refill(9)
    bucket.setRate(1, 2)
    bucket.refill(10)
    assert.deepStrictEqual([bucket.level, bucket.remainder], [1, 0])
  })

  it("keeps the fraction exactly where only its sum with the product leaves the safe integers", () => {
    // limit * interval is just a safe integer; limit * elapsed + remainder is not.
    const limit = 1_000_003
    const interval = 9_007_172_233
    for (let i = 1; i <= 100; i++) {
      const bucket = new Bucket(limit, interval, 2 ** 40, 0)
      bucket.take(2 ** 40)
      bucket.refill(i * 7919)
      const end = i * 7919 + interval - 1
      bucket.refill(end)
      const exact = BigInt(limit) * BigInt(end)
      assert.strictEqual(bucket.level, Number(exact / BigInt(interval)))
      assert.strictEqual(bucket.remainder, Number(exact % BigInt(interval)))
    }
  })

  const shapes = [
    { name: "small figures", limit: 20, interval: 50, burst: 30, step: 40 },
    { name: "coprime figures", limit: 999_983, interval: 1_000_003, burst: 5_000_000, step: 2_000_000 },
    { name: "bytes a second", limit: 2 ** 37, interval: second, burst: 2 ** 42, step: 60 * second },
    {
      name: "products beyond the safe integers",
      limit: 2 ** 45 + 1,
      interval: 3_600 * second + 1,
      burst: 2 ** 52,
      step: day
    },
    { name: "hardly any rate", limit: 3, interval: 2 ** 51 + 1, burst: 10, step: 2 ** 48 }
  ]

  it.each(shapes)("does what the model does: $name", ({ burst, interval, limit, step }) => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed)
      const rate = random.between(1, limit)
      const per = random.between(1, interval)
      const bucket = new Bucket(rate, per, burst, 0)
      const model = new ModelBucket(rate, per, burst, 0)
      let now = 0
      for (let i = 0; i < 100; i++) {
        now = random.chance(0.1) ? Math.max(0, now - random.int(step)) : Math.min(now + random.int(step), 2 ** 52)
        bucket.refill(now)
        assert.strictEqual(bucket.level, model.level(now), `seed ${seed}, operation ${i}`)
        if (random.chance(0.6)) {
          const tokens = random.int(Math.max(0, bucket.level) + 1)
          bucket.take(tokens)
          model.take(tokens, now)
        } else if (random.chance(0.2)) {
          const tokens = random.int(burst)
          bucket.refund(tokens)
          model.refund(tokens, now)
        } else if (random.chance(0.1)) {
          // Into debt, now and then as deep as it gets.
          const tokens = random.chance(0.1)
            ? Math.max(0, bucket.level + debtMax - random.int(1_000))
            : random.int(2 * burst)
          if (tokens <= bucket.level + debtMax) {
            bucket.charge(tokens)
            model.charge(tokens, now)
          }
        }
        const asked = random.int(burst)
        const ready = bucket.readyAt(asked)
        if (ready <= Number.MAX_SAFE_INTEGER) {
          assert.strictEqual(ready, model.readyAt(asked, now), `seed ${seed}, operation ${i}`)
        }
      }
    }
  })

  it("never lets more than the burst and the rate leave in any window", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed)
      const [limit, interval, burst] = [random.between(1, 9), random.between(1, 100), random.between(1, 20)]
      const bucket = new Bucket(limit, interval, burst, 0)
      const takes: Array<{ readonly at: number; readonly tokens: number }> = []
      let now = 0
      for (let i = 0; i < 120; i++) {
        now += random.int(60)
        bucket.refill(now)
        const tokens = random.int(bucket.level + 1)
        bucket.take(tokens)
        takes.push({ at: now, tokens })
      }
      for (let from = 0; from < takes.length; from++) {
        let sum = 0
        for (const { at, tokens } of takes.slice(from)) {
          sum += tokens
          assert.isAtMost(sum * interval, burst * interval + limit * (at - takes[from]!.at), `seed ${seed}`)
        }
      }
    }
  })
})
