import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Pressure } from "../src/index.ts"

const policy: Pressure.Policy = {
  limits: [
    { kind: "cpu", extent: "some", over: 0.5, calm: 0.25 },
    { kind: "memory", extent: "some", over: 0.1, calm: 0.05 },
    { kind: "memory", extent: "full", over: 0.02, calm: 0.01 }
  ],
  shrinkBy: 0.5,
  coolDownMicros: 10_000_000,
  growthPerSecond: 0.05,
  floor: 0.2
}

const second = 1_000_000

const readings = (cpu: number, memory = 0, full: number | undefined = 0): ReadonlyArray<Pressure.Reading> => [
  { kind: "cpu", path: "/proc/pressure/cpu", some: cpu, full: 0 },
  { kind: "memory", path: "/proc/pressure/memory", some: memory, full }
]

/** The states after each reading, a second apart. */
const run = (all: ReadonlyArray<ReadonlyArray<Pressure.Reading>>, from = Pressure.initial) => {
  const states: Array<Pressure.State> = []
  let state = from
  for (const each of all) states.push((state = Pressure.step(policy, state, each, second)))
  return states
}

const factors = (cpu: ReadonlyArray<number>, from?: Pressure.State) =>
  run(
    cpu.map((share) => readings(share)),
    from
  ).map(({ factor }) => Number(factor.toFixed(6)))

const calmFor = (seconds: number) => Array.from({ length: seconds }, () => 0)

describe("Pressure", () => {
  const tables: ReadonlyArray<readonly [string, ReadonlyArray<number>, ReadonlyArray<number>]> = [
    ["stays whole while calm", [0, 0.25, 0, 0.1], [1, 1, 1, 1]],
    ["stays whole up to the threshold", [0.5, 0.49, 0.26], [1, 1, 1]],
    ["shrinks at every reading over it, down to the floor", [0.51, 0.9, 1, 1, 1], [0.5, 0.25, 0.2, 0.2, 0.2]],
    ["stays between calm and over, for ever", [1, 0.5, 0.26, 0.4, 0.3, 0.5], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]],
    [
      "waits for the cool-down, then grows by time",
      [1, ...calmFor(12)],
      [...calmFor(10).map(() => 0.5), 0.55, 0.6, 0.65]
    ],
    [
      "grows only while calm, and starts the cool-down again when over",
      [1, ...calmFor(10), 0.3, 0, 0.6, ...calmFor(10)],
      [...calmFor(10).map(() => 0.5), 0.55, 0.55, 0.6, 0.3, ...calmFor(9).map(() => 0.3), 0.35]
    ],
    [
      "time between the thresholds counts as no pressure",
      [1, ...calmFor(10).map(() => 0.3), 0],
      [...calmFor(11).map(() => 0.5), 0.55]
    ]
  ]
  it.each(tables)("%s", (_, cpu, expected) => {
    assert.deepStrictEqual(factors(cpu), expected)
  })

  it("grows by the time that went by, however long, and never past the whole", () => {
    const [shrunk] = run([readings(1)])
    assert.approximately(Pressure.step(policy, shrunk!, readings(0), 12 * second).factor, 0.5 + 0.6, 0.100_001)
    assert.strictEqual(Pressure.step(policy, shrunk!, readings(0), 12 * second).factor, 1)
    const cooled = Pressure.step(policy, shrunk!, readings(0.3), 10 * second)
    assert.approximately(Pressure.step(policy, cooled, readings(0), second / 2).factor, 0.525, 1e-9)
  })

  it("tells the phases, and the cause until it is over", () => {
    const states = run([readings(0), readings(0.8), readings(0.3), ...calmFor(19).map(readings0)])
    assert.deepStrictEqual(
      states.map(({ phase }) => phase),
      [
        "full",
        "shrinking",
        "holding",
        ...calmFor(8).map(() => "holding"),
        ...calmFor(9).map(() => "growing"),
        "full",
        "full"
      ]
    )
    assert.deepStrictEqual(states[1]?.cause, {
      kind: "cpu",
      extent: "some",
      share: 0.8,
      over: 0.5,
      path: "/proc/pressure/cpu"
    })
    assert.deepStrictEqual(states[18]?.cause, states[1]?.cause)
    assert.isUndefined(states[20]?.cause)
  })

  const zones: ReadonlyArray<readonly [string, ReadonlyArray<Pressure.Reading>, string]> = [
    ["all calm", readings(0.25, 0.05, 0.01), "calm"],
    ["one between", readings(0.25, 0.05, 0.015), "between"],
    ["at the thresholds", readings(0.5, 0.1, 0.02), "between"],
    ["one over", readings(0, 0.11), "memory some"],
    ["full over", readings(0, 0.1, 0.021), "memory full"],
    ["the worst by its own threshold", readings(0.9, 0.5, 0.5), "memory full"],
    ["a figure that the kernel does not have", readings(0, 0.01, undefined), "calm"],
    ["one kind not read", readings(0).slice(0, 1), "between"],
    ["nothing read", [], "between"],
    [
      "a kind that does not count",
      [...readings(0), { kind: "io", path: "/proc/pressure/io", some: 1, full: 1 }],
      "calm"
    ],
    [
      "one of several groups",
      [...readings(0), { kind: "cpu", path: "/sys/fs/cgroup/cpu.pressure", some: 0.7, full: 0 }],
      "cpu some"
    ]
  ]
  it.each(zones)("%s", (_, each, expected) => {
    const zone = Pressure.zoneOf(policy.limits, each)
    assert.strictEqual(typeof zone === "string" ? zone : `${zone.kind} ${zone.extent}`, expected)
  })

  it("says what was lost, in words", () => {
    const breach = { kind: "memory", extent: "full", share: 0.0341, over: 0.02, path: "/proc/pressure/memory" } as const
    assert.strictEqual(
      Pressure.formatBreach(breach),
      "memory pressure: every task waited for memory 3.4 % of the time, over 2 % (/proc/pressure/memory)"
    )
    assert.strictEqual(
      Pressure.formatBreach({ ...breach, kind: "cpu", extent: "some", share: 0.666, over: 0.5 }),
      "cpu pressure: some task waited for a processor 67 % of the time, over 50 % (/proc/pressure/memory)"
    )
  })

  const capacities: ReadonlyArray<readonly [number, number, number, number]> = [
    [16, 1, 1, 16],
    [16, 0.7, 1, 11],
    [16, 0.999, 1, 15],
    [16, 0.25, 6, 6],
    [4, 0.25, 8, 4],
    [2, 0.25, 0, 1],
    [1, 0.25, 0, 1],
    [0, 0.5, 0, 0],
    [0, 1, 0, 0],
    [Number.MAX_SAFE_INTEGER, 1, 0, Number.MAX_SAFE_INTEGER]
  ]
  it.each(capacities)("of %d at %d with a minimum of %d hands out %d", (capacity, factor, min, expected) => {
    assert.strictEqual(Pressure.capacityUnder(capacity, factor, min), expected)
  })
})

const readings0 = () => readings(0)

/** Policies and schedules at random: shares that dither around the thresholds above all. */
const share = Schema.Literals([0, 0.24, 0.25, 0.26, 0.49, 0.5, 0.51, 0.52, 0.99, 1])
const Tick = Schema.Struct({
  cpu: share,
  memory: Schema.Literals([0, 0.05, 0.06, 0.1, 0.11, 1]),
  read: Schema.Literals(["both", "both", "both", "cpu", "none"]),
  elapsedMillis: Schema.Literals([50, 999, 1_000, 1_000, 1_001, 5_000, 60_000])
})
const Schedule = Schema.Struct({
  shrinkBy: Schema.Literals([0.1, 0.5, 0.7, 0.99]),
  floor: Schema.Literals([0.01, 0.25, 0.9, 1]),
  coolDownSeconds: Schema.Literals([0, 1, 10, 30]),
  growthPerSecond: Schema.Literals([0.001, 1 / 60, 0.2, 2]),
  ticks: Schema.Array(Tick).check(Schema.isMinLength(20), Schema.isMaxLength(120))
})

describe("Pressure, whatever is read", () => {
  it.prop(
    "keeps its bounds, falls and grows only where it may, and never dithers",
    [Schedule],
    ([{ coolDownSeconds, floor, growthPerSecond, shrinkBy, ticks }]) => {
      const own = { ...policy, shrinkBy, floor, growthPerSecond, coolDownMicros: coolDownSeconds * second }
      let state = Pressure.initial
      let now = 0
      let lastOverAt = -Infinity
      let lastFellAt = -Infinity
      for (const { cpu, elapsedMillis, memory, read } of ticks) {
        const each = readings(cpu, memory).slice(0, read === "both" ? 2 : read === "cpu" ? 1 : 0)
        const before = state
        now += elapsedMillis * 1_000
        state = Pressure.step(own, before, each, elapsedMillis * 1_000)
        // By plain comparisons, not by the module's own.
        const over = (read !== "none" && cpu > 0.5) || (read === "both" && memory > 0.1)
        const calm = read === "both" && cpu <= 0.25 && memory <= 0.05
        assert.isAtLeast(state.factor, floor)
        assert.isAtMost(state.factor, 1)
        if (over) lastOverAt = now
        if (state.factor < before.factor) {
          assert.isTrue(over)
          lastFellAt = now
        }
        if (over) assert.strictEqual(state.factor, Math.max(floor, before.factor * shrinkBy))
        if (state.factor > before.factor) {
          assert.isTrue(calm)
          assert.isAtLeast(now - lastOverAt, own.coolDownMicros)
          assert.isAtLeast(now - lastFellAt, own.coolDownMicros)
          assert.isAtMost(state.factor - before.factor, (growthPerSecond * elapsedMillis) / 1_000 + 1e-9)
        }
        if (!over && !calm) assert.strictEqual(state.factor, before.factor)
        if (calm && before.factor < 1 && now - lastOverAt >= own.coolDownMicros) {
          assert.isAbove(state.factor, before.factor)
        }
        assert.strictEqual(state.phase === "full", state.factor === 1 && !over)
        assert.strictEqual(state.cause === undefined, state.phase === "full")
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
