import { assert, describe, it } from "@effect/vitest"
import * as Aimd from "../src/Aimd.ts"
import { addCall, LimitFeed, openWindow, sampleOf } from "../src/internal/limitFeed.ts"
import { fromAlgorithm, type LimitSample } from "../src/LimitPolicy.ts"

const call = (
  startedAt: number,
  rtt: number,
  more: { readonly didDrop?: boolean; readonly inFlight?: number } = {}
) => ({
  startedAt,
  endedAt: startedAt + rtt,
  inFlight: more.inFlight ?? 1,
  calls: more.inFlight ?? 1,
  didDrop: more.didDrop ?? false
})

describe("a window of calls", () => {
  // As in ImmutableAverageSampleWindowTest of concurrency-limits.
  it("sums up the mean, the most in flight and whether one was dropped; a dropped one counts in the mean", () => {
    let window = openWindow(0)
    for (const rtt of [5_000, 500, 10]) window = addCall(window, call(0, rtt))
    assert.strictEqual(sampleOf(window).rttMicros, Math.floor((5_000 + 500 + 10) / 3))
    window = addCall(window, call(0, 5_000, { didDrop: true, inFlight: 7 }))
    assert.deepInclude(sampleOf(window), {
      rttMicros: Math.floor((5_000 + 500 + 10 + 5_000) / 4),
      inFlight: 7,
      didDrop: true
    })
  })

  it("tells how far the mean is to be trusted", () => {
    let window = openWindow(0)
    for (const rtt of [2, 4, 4, 4, 5, 5, 7, 9]) window = addCall(window, call(0, rtt))
    assert.closeTo(sampleOf(window).errorMicros ?? 0, Math.sqrt(32 / 7 / 8), 1e-9)
    assert.strictEqual(sampleOf(addCall(openWindow(0), call(0, 5))).errorMicros, 0)
    assert.deepInclude(sampleOf(openWindow(0)), { rttMicros: 0, errorMicros: 0 })
  })
})

const feedOf = (options: {
  readonly settles: boolean
  readonly windowMicros?: number
  readonly samplesMin?: number
}) => {
  const samples: Array<LimitSample> = []
  const governor = fromAlgorithm(Aimd.make({ initial: 20 })).begin(1)
  const feed = new LimitFeed(
    {
      get state() {
        return governor.state
      },
      explain: governor.explain,
      update: (sample) => {
        samples.push(sample)
        governor.update(sample)
      }
    },
    { samplesMin: 3, samplesMax: 50, windowMicros: 0, ...options },
    0
  )
  return { feed, governor, samples }
}

describe("the feed of a limit", () => {
  it("takes as many calls as were in flight", () => {
    const { feed, samples } = feedOf({ settles: false })
    for (let index = 0; index < 11; index++) assert.isFalse(feed.add(call(10 * index, 100, { inFlight: 12 })))
    assert.isTrue(feed.add(call(110, 100, { inFlight: 12 })))
    assert.strictEqual(samples.length, 1)
  })

  it("and no fewer than the minimum, for at least the window", () => {
    const { feed, samples } = feedOf({ settles: false, windowMicros: 500 })
    for (const at of [0, 100, 200, 399]) assert.isFalse(feed.add(call(at, 100)))
    assert.isTrue(feed.add(call(400, 100)))
    assert.deepInclude(samples[0]!, { rttMicros: 100, inFlight: 1, didDrop: false })
  })

  it("a hundred calls that time out together lower the limit once; those that began since count again", () => {
    const { feed, governor } = feedOf({ settles: true })
    for (let index = 0; index < 100; index++) feed.add(call(0, 1_000, { didDrop: true, inFlight: 100 }))
    assert.strictEqual(governor.state.limit, 18)
    feed.add(call(999, 1_000, { didDrop: true }))
    assert.strictEqual(governor.state.limit, 18)
    feed.add(call(1_000, 1_000, { didDrop: true }))
    assert.strictEqual(governor.state.limit, 16)
  })

  it("after a change, the first round trip is left out where latencies are compared", () => {
    const settling = feedOf({ settles: true })
    const other = feedOf({ settles: false })
    for (const { feed } of [settling, other]) {
      for (const at of [0, 1, 2]) feed.add(call(at, 100, { inFlight: 20 }))
    }
    // 20 of them would be needed.
    assert.strictEqual(settling.samples.length, 0)
    for (const { feed } of [settling, other]) {
      for (let index = 3; index < 20; index++) feed.add(call(index, 100, { inFlight: 20 }))
      // The limit changed at 119. Slow ones: they began before.
      for (let index = 0; index < 20; index++) feed.add(call(20 + index, 125, { inFlight: 20 }))
    }
    assert.strictEqual(settling.samples.length, 1)
    assert.strictEqual(other.samples.length, 2)
    for (let index = 0; index < 21; index++) settling.feed.add(call(150 + index, 125, { inFlight: 21 }))
    assert.strictEqual(settling.samples.length, 2)
  })
})
