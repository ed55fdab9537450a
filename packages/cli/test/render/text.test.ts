/** What every line is made of: safe text, measured, cut and painted. */
import { assert, describe, expect, it } from "@effect/vitest"
import stringWidth from "string-width"
import { printable, printableLine } from "../../src/printable.ts"
import { paint, plainStyle, styleOf, textStyle, themes } from "../../src/render/style.ts"
import { fit, line, pad, painted, span, textOf, widthOf, wrap } from "../../src/render/text.ts"
import { ascii, colored, hostileNames, show } from "./support.ts"

describe("printable", () => {
  it("shows what is invisible or moves the cursor by its code", () => {
    expect(hostileNames.map((name) => printableLine(name).slice(0, 80)).join("\n")).toMatchInlineSnapshot(`
      "\\u001b[2J\\u001b[31mgone
      two\\nlines
      tab\\u0009here
      \\u009b31mC1
      abc\\u202etxt.exe
      in\\u200bvisible
      a\\u200db
      \\ud800half
      é́́́́\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301
      👩‍👩‍👧‍👦 家族
      ビルド
      🏴\\u{e0067}\\u{e0062}\\u{e007f}
      xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      constructor
      __proto__"
    `)
  })

  it("leaves line ends, and other scripts as they are", () => {
    for (const text of ["a\nb", "ビルド", "👩‍👩‍👧‍👦", "👩🏽‍🚀", "naïve", "עברית", "हिन्दी", "🏳️‍🌈"])
      assert.strictEqual(printable(text), text)
  })

  it("says the same twice", () => {
    for (const name of hostileNames) assert.strictEqual(printableLine(printableLine(name)), printableLine(name))
  })
})

describe("fit", () => {
  it("never passes the width, whatever the text", () => {
    for (const name of hostileNames) {
      for (let width = 0; width <= 40; width++) {
        for (const style of [textStyle, plainStyle]) {
          assert.isAtMost(widthOf(fit(name, width, style)), width, JSON.stringify(name))
        }
      }
    }
  })

  it("cuts between characters and marks the cut", () => {
    assert.strictEqual(textOf(fit("ビルドを待つ", 7, textStyle)), "ビルド…")
    assert.strictEqual(textOf(fit("ビルドを待つ", 6, textStyle)), "ビル…")
    assert.strictEqual(textOf(fit("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3, textStyle)), "👩‍👩‍👧‍👦…")
    assert.strictEqual(textOf(fit("building", 5, ascii)), "bui..")
    assert.strictEqual(textOf(fit("building", 8, ascii)), "building")
    assert.strictEqual(textOf(fit("building", 2, textStyle)), "bu")
    assert.strictEqual(textOf(fit("building", 0, textStyle)), "")
  })

  it("keeps the role of what is cut", () => {
    const cut = fit([span("good", "free: "), "plenty"], 9, colored)
    assert.strictEqual(show(painted(cut, colored)), "‹32›free: ‹0›pl…")
  })
})

describe("a line", () => {
  it("is padded by columns, not by characters", () => {
    assert.strictEqual(textOf(pad("家", 4)), "家  ")
    assert.strictEqual(textOf(pad("家", 4, "right")), "  家")
    assert.strictEqual(textOf(pad("wide enough", 4)), "wide enough")
  })

  it("has no blanks at its end, painted or not", () => {
    assert.strictEqual(line(["a  ", "  "], 20, textStyle), "a")
    assert.strictEqual(show(line([span("good", "a  "), span("bad", "   ")], 20, colored)), "‹32›a‹0›")
  })
})

describe("wrap", () => {
  it("loses nothing and keeps the width", () => {
    const text =
      "cpu: asks for 4 cores, 1 of 8 free (家族 holds 4 cores for 3.2 s, averyveryverylongname holds 3 cores)"
    for (const width of [1, 5, 10, 24, 60, Infinity]) {
      const lines = wrap(text, width)
      assert.strictEqual(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""))
      for (const each of lines) assert.isAtMost(stringWidth(each), Math.max(2, width))
    }
  })
})

describe("styleOf", () => {
  const utf8 = { LANG: "en_US.UTF-8", TERM: "xterm-256color" }

  it("colours terminals only, and never with NO_COLOR", () => {
    assert.deepStrictEqual(styleOf({ isTTY: true, env: utf8 }), { theme: themes.standard, unicode: true })
    const none = { theme: themes.none, unicode: true }
    assert.deepStrictEqual(styleOf({ isTTY: false, env: utf8 }), none)
    assert.deepStrictEqual(styleOf({ isTTY: true, env: { ...utf8, NO_COLOR: "1" } }), none)
    assert.deepStrictEqual(styleOf({ isTTY: true, env: { ...utf8, NO_COLOR: "1", FORCE_COLOR: "1" } }), none)
    assert.deepStrictEqual(styleOf({ isTTY: true, env: { ...utf8, NO_COLOR: "" } }).theme, themes.standard)
    assert.deepStrictEqual(styleOf({ isTTY: false, env: { ...utf8, FORCE_COLOR: "1" } }).theme, themes.standard)
    assert.deepStrictEqual(
      styleOf({ isTTY: true, env: { ...utf8, RESOURCE_MANAGER_THEME: "mono" } }).theme,
      themes.mono
    )
    assert.deepStrictEqual(
      styleOf({ isTTY: true, env: { ...utf8, RESOURCE_MANAGER_THEME: "toString" } }).theme,
      themes.standard
    )
    assert.deepStrictEqual(styleOf({ isTTY: true, env: { TERM: "dumb" } }), plainStyle)
  })

  it("draws in ASCII where the locale or the terminal has nothing else", () => {
    const unicode = (env: Record<string, string>) => styleOf({ isTTY: true, env }).unicode
    assert.isTrue(unicode({}))
    assert.isTrue(unicode({ LANG: "C.utf8" }))
    assert.isFalse(unicode({ LANG: "C" }))
    assert.isFalse(unicode({ LC_ALL: "POSIX", LANG: "en_US.UTF-8" }))
    assert.isTrue(unicode({ LC_ALL: "", LANG: "en_US.UTF-8" }))
    assert.isFalse(unicode({ TERM: "linux", LANG: "en_US.UTF-8" }))
  })

  it("paints nothing without a role, a colour or a text", () => {
    assert.strictEqual(paint("a", "good", plainStyle), "a")
    assert.strictEqual(paint("a", undefined, colored), "a")
    assert.strictEqual(paint("", "good", colored), "")
  })
})
