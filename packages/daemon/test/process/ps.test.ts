import { assert, describe, it } from "@effect/vitest"
import * as ps from "../../src/process/ps.ts"

describe("ps", () => {
  it("prints a process in a line, as on macOS and the BSDs", () => {
    assert.deepStrictEqual(
      ps.parseRow("  501     1   498 Ss+    10240   1:02.50 Mon Nov  3 09:05:07 2025     /usr/local/bin/my tool"),
      {
        pid: 501,
        parent: 1,
        group: 498,
        state: "S",
        residentBytes: 10_485_760,
        cpuSeconds: 62.5,
        startSeconds: Math.floor(new Date(2025, 10, 3, 9, 5, 7).getTime() / 1000),
        name: "my tool"
      }
    )
  })

  it("prints a zombie without a program", () => {
    assert.strictEqual(ps.parseRow("9 1 9 Z 0 0:00.00 Fri Feb 29 23:59:59 2024 (sh)")?.state, "Z")
    assert.strictEqual(ps.parseRow("9 1 9 Z 0 00:00:00 Fri Feb 29 23:59:59 2024 ")?.name, "")
  })

  it.each(["", "PID PPID", "1 2 3 S 4 0:00.00 sometime sh", "1 2 3 S x 0:00.00 Mon Nov  3 09:05:07 2025 sh"])(
    "prints no process in %j",
    (text) => {
      assert.strictEqual(ps.parseRow(text), undefined)
      assert.deepStrictEqual(ps.parseRows(`${text}\n${text}\n`), [])
    }
  )

  const times: ReadonlyArray<readonly [string, number | undefined]> = [
    ["0:00.00", 0],
    ["1:02.50", 62.5],
    ["00:00:07", 7],
    ["01:00:00", 3600],
    ["2-03:04:05", 183_845],
    ["12", undefined],
    ["", undefined]
  ]
  it.each(times)("counts %s of processor time as %s seconds", (text, seconds) => {
    assert.strictEqual(ps.parseTime(text), seconds)
  })

  it("prints environments behind the command", () => {
    const text = "  7 sleep 5 HOME=/ MARK=1.a\n 8 sh MARK=1.a TERM=x\n 9 sh MARK=1.ab\n10 sh XMARK=1.a \n"
    assert.deepStrictEqual([...ps.parseMarked(text, "MARK", "1.a")], [7, 8])
  })
})
