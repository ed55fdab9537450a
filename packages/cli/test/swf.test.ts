import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { SwfReader } from "../src/replay/swf.ts"
import { builtBy, everything, feed, generatedJobs, processors, readSwf, swfLine, swfText } from "./support.ts"

const job = { submit: 0, run: 5, allocated: 2 }

const reasonsOf = (counts: ReadonlyMap<string, number>) => Object.fromEntries(counts)

describe("SwfReader", () => {
  it("follows the conventions for -1", () => {
    const text = swfText([
      job,
      { ...job, requested: 7, estimate: 60, user: 3 },
      { ...job, allocated: -1, requested: 4, user: 3 }
    ])
    const workload = readSwf(text)
    assert.deepStrictEqual(workload.amounts, [[2, 7, 4]])
    assert.deepStrictEqual(workload.estimate, [5e6, 60e6, 5e6])
    assert.deepStrictEqual(workload.agents, ["-", "3"])
    assert.deepStrictEqual(workload.agentOf, [0, 1, 1])
  })

  it("reads tabs, CRLF, blank lines, comments, a byte order mark and a last line without an end", () => {
    const [a, b] = [swfLine(1, job), swfLine(2, { ...job, submit: 3 })]
    const text = `\uFEFF; Version: 2\r\n\r\n  ${a.replaceAll(" ", "\t")}  \r\n;note\n\t\n   ${b.replaceAll(" ", "   ")}`
    const workload = readSwf(text)
    assert.deepStrictEqual(workload.submit, [0, 3e6])
    assert.strictEqual(workload.malformed.total, 0)
  })

  it("keeps fractions of a second to the microsecond, and makes times relative", () => {
    const workload = readSwf(
      swfText([
        { ...job, submit: "1700000000.25", run: "0.000001" },
        { ...job, submit: "1700000000.250001", run: "1e1" }
      ])
    )
    assert.deepStrictEqual(workload.submit, [0, 1])
    assert.deepStrictEqual(workload.run, [1, 10_000_000])
  })

  it("reports what is malformed by line and reason, and keeps its place", () => {
    const lines = [
      "; a comment",
      swfLine(1, job),
      "1 2 3",
      swfLine(2, { ...job, run: "five" }),
      swfLine(3, { ...job, allocated: "2.5" }),
      `${swfLine(4, job)} 19`,
      swfLine(5, { ...job, submit: "1e300" }),
      swfLine(6, { ...job, run: "0x10" }),
      swfLine(7, { ...job, submit: 9 })
    ]
    const workload = readSwf(lines.join("\n"))
    assert.deepStrictEqual(reasonsOf(workload.malformed.byReason), {
      fieldCount: 2,
      notANumber: 2,
      notWhole: 1,
      outOfRange: 1
    })
    assert.deepStrictEqual(
      workload.malformed.lines.map(({ line }) => line),
      [3, 4, 5, 6, 7, 8]
    )
    assert.include(workload.malformed.lines[1]?.problem, 'field 4 (run time) is "five"')
    assert.strictEqual(workload.size, 2)
    assert.strictEqual(workload.rows, 8)
  })

  it("does not keep a line without end in memory, and goes on after it", () => {
    const text = `${"9".repeat(300_000)}\n${swfLine(1, job)}\n`
    const workload = readSwf(text)
    assert.deepStrictEqual(reasonsOf(workload.malformed.byReason), { lineTooLong: 1 })
    assert.strictEqual(workload.size, 1)
  })

  it("counts what cannot be replayed by reason, and does not replace it", () => {
    const text = swfText([
      { ...job, run: -1 },
      { ...job, allocated: 0 },
      { ...job, allocated: -1 },
      { ...job, allocated: 9 },
      { ...job, submit: -1 },
      { ...job, run: 0 },
      job
    ])
    const workload = readSwf(text, { capacity: 8, window: { from: 0, jobs: 6 } })
    assert.deepStrictEqual(reasonsOf(workload.skipped), {
      runBelowZero: 1,
      amountBelowOne: 2,
      amountOverCapacity: 1,
      submitUnknown: 1
    })
    assert.strictEqual(workload.size, 1)
    assert.strictEqual(workload.rows, 6)
  })

  it("sorts by submit and keeps the order of the file among equals", () => {
    const text = swfText([
      { ...job, submit: 20, allocated: 1 },
      { ...job, submit: 10, allocated: 2 },
      { ...job, submit: 20, allocated: 3 },
      { ...job, submit: 10, allocated: 4 }
    ])
    const workload = readSwf(text)
    assert.deepStrictEqual(workload.amounts, [[2, 4, 1, 3]])
    assert.deepStrictEqual(workload.submit, [0, 0, 10e6, 10e6])
  })

  it("takes other negative times than -1 as they are", () => {
    const workload = readSwf(swfText([job, { ...job, submit: -2.5 }, { ...job, submit: -1 }]))
    assert.deepStrictEqual(workload.submit, [0, 2_500_000])
    assert.deepStrictEqual(reasonsOf(workload.skipped), { submitUnknown: 1 })
  })

  it("takes the window by rows of the file, before sorting", () => {
    const text = `;c\n${swfText([5, 4, 3, 2, 1].map((submit) => ({ ...job, submit, allocated: submit })))}`
    const workload = readSwf(text, { window: { from: 1, jobs: 3 } })
    assert.deepStrictEqual(workload.amounts, [[2, 3, 4]])
  })

  it("takes the capacity from the header where no flag says it", () => {
    const read = (header: string) =>
      feed(new SwfReader({ file: "f", pools: undefined, window: everything }), `${header}\n${swfLine(1, job)}\n`)
    assert.strictEqual(read("; MaxNodes: 9\n;MaxProcs:  12 (all)").builder?.pools[0]?.capacity, 12)
    assert.strictEqual(read("; MaxNodes: 9").builder?.pools[0]?.capacity, 9)
    assert.strictEqual(read("; MaxProcs: unknown").failure?.option, "--capacity")
  })

  it.prop(
    "reads the same jobs however the bytes are cut",
    { seed: Schema.Int, chunkBytes: Schema.Int },
    ({ chunkBytes, seed }) => {
      const text = swfText(generatedJobs(seed, 20))
      const whole = readSwf(text)
      const cut = readSwf(text, { chunkBytes: 1 + (Math.abs(chunkBytes) % 50) })
      assert.deepStrictEqual(cut, whole)
      assert.strictEqual(whole.size, 20)
    }
  )

  for (let seed = 1; seed <= 50; seed++) {
    it(`loses no line of random bytes (seed ${seed})`, () => {
      let state = seed
      const text = Array.from({ length: 400 }, () => {
        state = (state * 48_271) % 2_147_483_647
        return " \n\t0123456789-.;e\r"[state % 19] ?? "x"
      }).join("")
      const reader = feed(new SwfReader({ file: "f", pools: processors(4), window: everything }), text, 7)
      const rows = text.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith(";")).length
      assert.strictEqual(reader.builder === undefined ? 0 : builtBy(reader).rows, rows)
    })
  }
})
