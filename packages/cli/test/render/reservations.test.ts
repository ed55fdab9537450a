import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { readInstant } from "../../src/commands/reserve/when.ts"
import { reservationLine, reservationList } from "../../src/render/reservations.ts"
import { sheet } from "./scenario.ts"

const minute = 60_000

describe("what is promised", () => {
  it("is a table, and a plan over time", () => {
    const lines = reservationList(
      [
        { id: 1, for: { priority: 100 }, claim: { cpu: 2 }, used: { cpu: 1 }, startsInMillis: 0, note: "interactive" },
        {
          id: 12,
          for: { agent: "demo" },
          claim: { cpu: 4 },
          used: { cpu: 0 },
          startsInMillis: 60 * minute,
          endsInMillis: 120 * minute
        }
      ],
      sheet(76)
    )
    const text = lines.join("\n")
    assert.match(text, /RESERVATION\s+FOR\s+CLAIM/)
    assert.match(text, /priority 100\+/)
    assert.match(text, /1 h\s+2 h/)
    const [standing, window] = lines.filter((each) => /^ ?\d+ {2}[█·]/.test(each))
    assert.match(standing ?? "", /^ 1 {2}█+▶$/)
    assert.match(window ?? "", /^12 {2}·+█+$/)
    assert.isTrue(lines.every((each) => each.length <= 76))
  })

  it("is one line each, and an invitation where there is none", () => {
    assert.strictEqual(
      reservationLine(
        { id: 3, for: { group: "team" }, claim: { cpu: 1 }, used: {}, startsInMillis: 0, endsInMillis: 30 * minute },
        sheet(80)
      ),
      "reservation 3: cpu 1 for group team, now, for 30 min"
    )
    assert.match(reservationList([], sheet(80)).join(" "), /Nothing is promised\. Try/)
  })

  it("begins at the next time of the clock, or at an instant to come", () => {
    const now = new Date(2026, 10, 24, 14, 0).getTime()
    assert.deepStrictEqual(readInstant("14:30", now), Result.succeed(30 * minute))
    assert.deepStrictEqual(readInstant("14:00", now), Result.succeed(24 * 60 * minute))
    assert.deepStrictEqual(readInstant("2026-11-24T15:00", now), Result.succeed(60 * minute))
    for (const text of ["25:00", "soon", "2026-11-23T15:00", "14"]) {
      assert.isTrue(Result.isFailure(readInstant(text, now)), text)
    }
  })
})
