/**
 * Real processes, killed at random instants. `CRASH_KILLS` says how many (20); a
 * longer run takes 200. Each failure names the seed, and the journal is kept.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { Random } from "./random.ts"
import { Checker } from "./checker.ts"
import type { Line } from "./lines.ts"

const kills = Number(process.env["CRASH_KILLS"] ?? 20)
const firstSeed = Number(process.env["CRASH_SEED"] ?? Math.floor(Math.random() * 1e9))

const readLines = (text: string): ReadonlyArray<Line> => {
  // A line that the kill cut off was not told.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1)
  return whole.split("\n").flatMap((line): ReadonlyArray<Line> => (line === "" ? [] : [JSON.parse(line)]))
}

interface Kill {
  /** It is killed once it said so many lines from the one that says that it is ready, or else from its start on. */
  readonly lines: number | undefined
  readonly millis: number
}

/** How many lines it has said from the one that says that it is ready. */
const linesReady = (text: string): number => {
  const ready = text.indexOf('{"_":"ready"')
  return ready < 0 ? 0 : text.slice(ready).split("\n").length - 1
}

/** One life: from its start until the kill. What it said, and what it complained of. */
const live = (args: ReadonlyArray<string>, kill: Kill) =>
  new Promise<{ readonly lines: ReadonlyArray<Line>; readonly complaints: string; readonly killed: boolean }>(
    (resolve, reject) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "child.ts"), ...args], {
        stdio: ["ignore", "pipe", "pipe"]
      })
      let text = ""
      let complaints = ""
      let armed = false
      const arm = () => {
        armed = true
        setTimeout(() => child.kill("SIGKILL"), kill.millis)
      }
      if (kill.lines === undefined) arm()
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        if (!armed && linesReady(text) >= (kill.lines ?? 0)) arm()
      })
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        complaints += chunk
      })
      child.on("error", reject)
      child.on("close", (_code, signal) =>
        resolve({ lines: readLines(text), complaints, killed: signal === "SIGKILL" })
      )
    }
  )

const run = async (kind: "home" | "process", lives: number, seed: number) => {
  const folder = mkdtempSync(join(tmpdir(), "crash-"))
  const path = join(folder, "journal.db")
  const random = new Random(seed)
  const checker = new Checker(kind === "process")
  const args = (life: number) => [kind, path, String(seed + life), String(random.pick([50, 400, 5_000]))]
  let became = 0
  for (let life = 0; life < lives; life++) {
    // One in five dies while it starts, the others after so much work, however long that takes here.
    const early = life % 5 === 4
    const { complaints, killed, lines } = await live(args(life), {
      lines: early ? undefined : random.between(1, 800),
      millis: random.int(early ? 900 : 10)
    })
    const where = `${kind}, seed ${seed}, life ${life + 1}, ${path}`
    assert.isTrue(killed, `it ended by itself: ${where}\n${complaints}`)
    assert.strictEqual(complaints, "", where)
    if (lines.some((line) => line._ === "ready")) became++
    checker.life(lines)
    assert.deepStrictEqual(checker.problems, [], where)
  }
  // The last one is only asked what there is.
  const last = await live(args(lives), { lines: 1, millis: 0 })
  checker.life(last.lines.slice(0, 1))
  assert.deepStrictEqual(checker.problems, [], `${kind}, seed ${seed}, the end, ${path}`)
  rmSync(folder, { recursive: true })
  return { seen: checker.seen, became }
}

describe("after kill -9 at any instant", () => {
  const share = { home: Math.ceil(kills * 0.75), process: Math.floor(kills * 0.25) }

  it(`a home is as it was told: ${share.home} kills`, { timeout: 60_000 + share.home * 20_000 }, async () => {
    const { became, seen } = await run("home", share.home, firstSeed)
    // It is no test of anything if nothing was told.
    assert.isAtLeast(became, share.home / 3)
    for (const key of ["held", "waits", "refused", "ask return", "ask set", "figures"]) {
      assert.isAtLeast(seen.get(key) ?? 0, 2 * became, key)
    }
  })

  it(
    `a program is, and has lost its leases: ${share.process} kills`,
    { timeout: 60_000 + share.process * 20_000 },
    async () => {
      const { became, seen } = await run("process", share.process, firstSeed)
      assert.isAtLeast(became, share.process / 4)
      assert.isAtLeast(seen.get("held") ?? 0, 10)
    }
  )
})
