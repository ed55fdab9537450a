import { assert, describe, it } from "@effect/vitest"
import { RetryAfter } from "../src/index.ts"

/** Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110. */
const example = 784_111_777_000

describe("RetryAfter", () => {
  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 10_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 10_000],
    ["Sun Nov  6 08:49:37 1994", 10_000],
    ["Sun, 06 Nov 1994 08:49:26 GMT", 0],
    ["Thu, 29 Feb 1996 00:00:00 GMT", Date.UTC(1996, 1, 29) - example + 10_000]
  ])("%s", (value, millis) => {
    assert.strictEqual(RetryAfter.parse(value, example - 10_000), millis)
  })

  it("a year of two digits more than 50 years ahead is one of the century before", () => {
    const at = Date.UTC(2026, 0, 1)
    assert.strictEqual(RetryAfter.parse("Sunday, 06-Nov-94 08:49:37 GMT", at), 0)
    assert.strictEqual(RetryAfter.parse("Friday, 06-Nov-76 08:49:37 GMT", at), Date.UTC(2076, 10, 6, 8, 49, 37) - at)
    assert.strictEqual(RetryAfter.parse("Saturday, 06-Nov-77 08:49:37 GMT", at), 0)
  })

  it.each([
    "",
    "soon",
    "-1",
    "1.5",
    "1e3",
    "5 seconds",
    "2026-01-01T00:00:00Z",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Brumaire 1994 08:49:37 GMT",
    "9".repeat(400)
  ])("%s is none", (value) => {
    assert.isUndefined(RetryAfter.parse(value, example))
  })
})
