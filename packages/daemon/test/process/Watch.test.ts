/** Watching what a command uses: the rules by tables, and the figures with real processes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Gate from "../../src/process/Gate.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { terminate } from "../../src/process/Terminator.ts"
import { describeOveruse, overuse, OveruseTracker } from "../../src/process/Watch.ts"

/** What is told at samples a second apart. */
const tell = (used: ReadonlyArray<number>, afterMillis: number) => {
  const tracker = new OveruseTracker("cpu", 2, 0.1, afterMillis)
  return used.flatMap((amount, second) => {
    const told = tracker.sample(second * 1000, amount)
    return told === undefined ? [] : [`${second}: ${told._tag} ${told.used} for ${told.forMillis}`]
  })
}

describe("over-use", () => {
  const tables: ReadonlyArray<readonly [string, ReadonlyArray<number>, number, ReadonlyArray<string>]> = [
    ["is none up to the lease and the tolerance", [0, 2, 2.2, 2.2, 2.2], 0, []],
    ["is told once it has lasted", [3, 3, 3, 3, 3], 2000, ["2: Overuse 3 for 2000"]],
    ["is not told where it did not last", [3, 3, 2, 3, 3, 2], 2000, []],
    ["is told with the most", [3, 5, 4], 2000, ["2: Overuse 5 for 2000"]],
    [
      "is told again when it has doubled",
      [3, 5, 6, 12],
      0,
      ["0: Overuse 3 for 0", "2: Overuse 6 for 2000", "3: Overuse 12 for 3000"]
    ],
    [
      "has an end, and begins anew",
      [3, 1, 3, 2, 2],
      0,
      ["0: Overuse 3 for 0", "1: OveruseEnded 3 for 1000", "2: Overuse 3 for 0", "3: OveruseEnded 3 for 1000"]
    ]
  ]
  it.each(tables)("%s: %j after %i ms", (_, used, afterMillis, expected) => {
    assert.deepStrictEqual(tell(used, afterMillis), expected)
  })

  it("is told in a sentence", () => {
    assert.strictEqual(
      describeOveruse({ _tag: "Overuse", type: "memory", leased: 2 ** 30, used: 1.5 * 2 ** 30, forMillis: 12_345 }),
      "the command uses more memory than it leased: 1.5 GiB of 1 GiB, for 12 s"
    )
    assert.strictEqual(
      describeOveruse({ _tag: "OveruseEnded", type: "cpu", leased: 1, used: 2, forMillis: 60_000 }),
      "the command uses no more cpu than it leased any more, after 60 s and up to 2 processors"
    )
  })
})

describe.skipIf(process.platform === "win32")("a watch", { timeout: 120_000 }, () => {
  const watched = (script: string, limits: { readonly cpus?: number; readonly memoryBytes?: number }) =>
    Effect.gen(function* () {
      const gated = yield* Gate.start({ command: process.execPath, args: ["-e", script], placement: "own" })
      yield* gated.open
      const told = yield* Stream.runHead(overuse(gated.target, limits, { interval: "100 millis", after: "200 millis" }))
      yield* terminate(gated.target, { grace: 0 })
      return told._tag === "Some" ? told.value : yield* Effect.die(new Error("nothing was told"))
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))

  it.live("sees processor time of all processes of the command", () =>
    Effect.gen(function* () {
      const script =
        "require('child_process').spawn(process.execPath, ['-e', 'while (true);'], { detached: true, stdio: 'ignore' }); setInterval(() => 0, 1000)"
      const told = yield* watched(script, { cpus: 0.05, memoryBytes: 2 ** 40 })
      assert.deepStrictEqual([told._tag, told.type, told.leased], ["Overuse", "cpu", 0.05])
      assert.isAtMost(told.used, 8)
      assert.isAtLeast(told.forMillis, 200)
    })
  )

  it.live("sees memory of the command", () =>
    Effect.gen(function* () {
      const script = "globalThis.kept = Buffer.alloc(256 * 2 ** 20, 1); setInterval(() => 0, 1000)"
      const told = yield* watched(script, { cpus: 1000, memoryBytes: 200 * 2 ** 20 })
      assert.strictEqual(told.type, "memory")
      assert.isAbove(told.used, 256 * 2 ** 20)
      assert.isBelow(told.used, 600 * 2 ** 20)
    })
  )
})
