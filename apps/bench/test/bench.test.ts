/** That the benchmark measures what it says. How fast anything is, is not tested here. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { cases } from "../src/cases/index.ts"
import { effectChain, type EffectGuard, effectLoop, promiseLoop, verifyEffectGuard } from "../src/guards.ts"
import { EffectMismatch, measure, median, type Result, smokePlan } from "../src/harness.ts"
import { hottest } from "../src/profile.ts"
import { isMet, page } from "../src/report.ts"
import * as Effect from "effect/Effect"

const run = promisify(execFile)
const main = join(import.meta.dirname, "../src/main.ts")

/** What the goals are about: the case, the peer, the goal. */
const goals: ReadonlyArray<readonly [string, string, number]> = [
  ["uncontended", "Effect Semaphore.withPermits", 1.25],
  ["uncontended", "Effect.acquireUseRelease of nothing", 1],
  ["ledger grant + release", "counter with two Map look-ups", 6],
  ["hand-off", "Effect PartitionedSemaphore", 0.75],
  ["hand-off growth", "itself, 1,000 parked", 1.5],
  ["hand-off over two pools", "itself, 1,000 parked", 2],
  ["acquire + release beside holders", "itself, no holders", 1.2],
  ["claim that must wait", "itself, 10 holders", 2],
  ["refused rate claim", "Effect RateLimiter.consume, token-bucket", 0.1],
  ["refused rate claim", "Effect RateLimiter.consume, fixed-window", 0.1],
  ["remote lease", "two empty RPCs", 1.3],
  ["grant after SIGKILL", "the session timeout", 1.1],
  ["durable lease", "two bare inserts", 2],
  ["recovery after 1,000,000 events", "2 seconds", 1],
  ["metrics", "itself, without metrics", 1.05]
]

const libraries = ["async-sema", "async-mutex", "p-limit", "p-queue", "cockatiel", "bottleneck"]
const limiters = ["limiter", "rate-limiter-flexible"]

describe("cases", () => {
  const results: Array<Result> = []

  it.each(cases)(
    "$name: every side does what it should, in small",
    async (bench) => {
      const measured = await measure(bench, smokePlan)
      expect(measured.length).toBeGreaterThan(0)
      for (const result of measured) {
        expect(result.case).toBe(bench.name)
        expect(result.rounds).toBe(smokePlan.roundsMin)
        for (const nanos of [result.ns.ours, result.ns.peer]) expect(nanos).toBeGreaterThan(0)
        expect(result.ratio).not.toBeNaN()
      }
      results.push(...measured)
    },
    90_000
  )

  it("include every goal and every peer", () => {
    for (const [name, peer, goal] of goals) {
      expect(results).toContainEqual(expect.objectContaining({ case: name, peer, goal }))
    }
    const peers = new Set(results.map((result) => result.peer))
    for (const library of [...libraries, ...limiters]) expect(peers).toContain(library)
    expect(results.filter((result) => result.bytes !== undefined).map((result) => result.case)).toEqual(
      expect.arrayContaining(["memory of a parked waiter", "memory of an idle agent"])
    )
  })

  it("are all on the page, with a verdict for each goal", () => {
    const hot = new Map([["hand-off", [{ where: "here", part: "there", share: 0.5 }]]])
    const told = page({ cases, results, hot, command: "a test" })
    for (const bench of cases) expect(told).toContain(bench.measures)
    expect(told.match(/🟢 met|🔴 missed/g)).toHaveLength(results.filter((result) => result.goal !== null).length)
  })
})

describe("a side that does not do its work fails the run", () => {
  const free: EffectGuard = { name: "no limit", run: (_, body) => body }
  const idle: EffectGuard = { name: "no body", run: () => Effect.void }

  it("in a loop", async () => {
    await expect(effectLoop(idle)(10)).rejects.toThrow(EffectMismatch)
    await expect(promiseLoop({ name: "no body", run: async () => {} })(10)).rejects.toThrow(EffectMismatch)
  })

  it("in a chain, where bodies run while the pool is held", async () => {
    await expect(effectChain(free, 10)).rejects.toThrow(EffectMismatch)
  })

  it("where more run at once than fit", async () => {
    await expect(verifyEffectGuard(free, 4)).rejects.toThrow(EffectMismatch)
  })
})

describe("arithmetic", () => {
  it("takes the median, and tells a goal from none", () => {
    expect(median([3, 1, 2])).toBe(2)
    const result: Result = {
      case: "c",
      peer: "p",
      ratio: 1.2,
      goal: 1.2,
      ns: { ours: 1, peer: 1 },
      rounds: 1,
      spread: [1, 1]
    }
    expect(isMet(result)).toBe(true)
    expect(isMet({ ...result, ratio: 1.21 })).toBe(false)
    expect(isMet({ ...result, goal: null })).toBeUndefined()
  })

  it("counts only what was timed into a profile", () => {
    const frame = (functionName: string) => ({ functionName, scriptId: "0", url: "", lineNumber: 0, columnNumber: 0 })
    const hot = hottest(
      {
        nodes: [
          { id: 1, callFrame: frame("set up") },
          { id: 2, callFrame: frame("work") },
          { id: 3, callFrame: frame("rest") }
        ],
        startTime: 0,
        endTime: 60,
        samples: [1, 2, 2, 3, 1],
        timeDeltas: [10, 10, 10, 10, 10]
      },
      [{ from: 10, to: 40 }]
    )
    expect(hot.map(({ where }) => where)).toEqual(["work", "rest"])
    expect(hot[0]!.share).toBeCloseTo(2 / 3)
  })
})

describe("command", () => {
  it("prints only JSON where asked to", async () => {
    const { stdout } = await run(process.execPath, [main, "--json", "--case", "ledger"])
    const told: unknown = JSON.parse(stdout)
    expect(told).toEqual([
      expect.objectContaining({
        case: "ledger grant + release",
        peer: "counter with two Map look-ups",
        goal: 6,
        ratio: expect.any(Number),
        ns: { ours: expect.any(Number), peer: expect.any(Number) }
      })
    ])
  }, 30_000)

  it("helps, and refuses what it does not know", async () => {
    expect((await run(process.execPath, [main, "--help"])).stdout).toContain("Usage: pnpm bench")
    await expect(run(process.execPath, [main, "--case", "nothing"])).rejects.toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("no case is called nothing")
    })
  }, 30_000)
})
