/** Terminal output as a picture: what is seen is what a terminal would show. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type PictureOptions, terminalPicture } from "../scripts/terminalPicture.ts"

const draw = (capture: string, options: Partial<PictureOptions> = {}) =>
  terminalPicture(capture, { columns: 20, rows: 5, title: "a test", screen: false, ...options })

/** Its texts by row, from top to bottom. */
const texts = (svg: string) =>
  [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)" fill="(#\w+)"([^>]*)>([^<]*)<\/text>/g)].map(
    ([, x, y, length, fill, attributes, text]) => ({
      column: Math.round((Number(x) - 16) / 8.4),
      row: Math.round((Number(y) - 29) / 18),
      columns: Math.round(Number(length) / 8.4),
      fill,
      attributes,
      text
    })
  )

const shown = async (capture: string, options: Partial<PictureOptions> = {}) =>
  texts(await draw(capture, options)).map(({ column, row, text }) => `${row},${column} ${text}`)

const shapes = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="\d+" fill="(#\w+)"([^>]*)\/>/g)].map(
    ([, x, width, fill, rest]) => ({
      column: (Number(x) - 16) / 8.4,
      columns: Number(width) / 8.4,
      fill,
      rest
    })
  )

describe("a picture of a terminal", () => {
  it("has texts where they would stand", async () => {
    assert.deepStrictEqual(await shown("one\n  two\n\nfour  x"), ["0,0 one", "1,2 two", "3,0 four  x"])
  })

  it("follows the cursor, and keeps what scrolls out", async () => {
    assert.deepStrictEqual(await shown("abc\r\u001B[1Cx\n12345\b\b\u001B[K\n"), ["0,0 axc", "1,0 123"])
    assert.deepStrictEqual(await shown("1\n2\n3\n4\n5\n6\n7"), [
      "0,0 1",
      "1,0 2",
      "2,0 3",
      "3,0 4",
      "4,0 5",
      "5,0 6",
      "6,0 7"
    ])
  })

  it("has the colours and weights of their names", async () => {
    const svg = await draw(
      "\u001B[1mbold\u001B[0m \u001B[32mgreen\u001B[0m \u001B[2;4mdim\u001B[0m\n\u001B[38;5;196mred\u001B[0m\u001B[38;2;1;2;3mrgb"
    )
    assert.deepStrictEqual(
      texts(svg).map(({ attributes, fill, text }) => [text, fill, attributes]),
      [
        ["bold", "#d6dde6", ' font-weight="bold"'],
        ["green", "#3fb950", ""],
        ["dim", "#d6dde6", ' opacity="0.62" text-decoration="underline"'],
        ["red", "#ff0000", ""],
        ["rgb", "#010203", ""]
      ]
    )
  })

  it("draws what is behind, and what is the other way round", async () => {
    const svg = await draw("\u001B[41mon red\u001B[0m\n\u001B[7minverse")
    assert.deepStrictEqual(
      shapes(svg).map(({ columns, fill }) => [Math.round(columns), fill]),
      [
        [6, "#ff7b72"],
        [7, "#d6dde6"]
      ]
    )
    assert.strictEqual(texts(svg)[1]!.fill, "#0d1117")
  })

  it("gives wide characters their two columns", async () => {
    const [wide] = texts(await draw("ビルド"))
    assert.deepInclude(wide, { text: "ビルド", columns: 6 })
    assert.deepStrictEqual(await shown("家\u001B[31mx"), ["0,0 家", "0,2 x"])
  })

  it("draws bars without joints", async () => {
    const svg = await draw("\u001B[32m███▌\u001B[36m▒▒\u001B[0m·· 5")
    assert.deepStrictEqual(
      shapes(svg).map(({ column, columns, fill, rest }) => [
        Math.round(column * 10) / 10,
        Math.round(columns * 10) / 10,
        fill,
        rest
      ]),
      [
        [0, 3.5, "#3fb950", ""],
        [4, 2, "#39c5cf", ' fill-opacity="0.5"']
      ]
    )
    assert.deepStrictEqual(
      texts(svg).map(({ text }) => text),
      ["·· 5"]
    )
  })

  it("shows the screen that a program left, or what came after it", async () => {
    const capture = "before\n\u001B[?1049h\u001B[H\u001B[2Jthe screen\u001B[?1049l\rafter"
    assert.deepStrictEqual(await shown(capture, { screen: true }), ["0,0 the screen"])
    assert.deepStrictEqual(await shown(capture), ["0,0 before", "1,0 after"])
  })

  it("shows the command above, and wraps what is too long", async () => {
    assert.deepStrictEqual(await shown("done", { command: "make" }), ["0,0 $", "0,2 make", "1,0 done"])
    assert.deepStrictEqual(await shown("x".repeat(25)), [`0,0 ${"x".repeat(20)}`, `1,0 ${"x".repeat(5)}`])
  })

  it("is markup whatever it shows, and asks nobody for anything", async () => {
    const svg = await draw('<script>"&\u0000\u001B]0;title\u0007', { title: "<&>" })
    assert.include(svg, "&lt;script&gt;&quot;&amp;</text>")
    assert.include(svg, '<title id="t">&lt;&amp;&gt;</title>')
    assert.notMatch(svg, /href|url\(|<script/)
  })

  it("of nothing is an empty one", async () => {
    assert.deepStrictEqual(texts(await draw("")), [])
  })

  it("is drawn by a command", () => {
    const script = join(import.meta.dirname, "../scripts/terminal-picture.ts")
    const run = (...args: ReadonlyArray<string>) =>
      spawnSync(process.execPath, [script, ...args], { encoding: "utf8", input: "hello" })
    assert.include(run("--title", "hi").stdout, ">hello</text>")
    assert.include(
      run("--title", "hi", "--columns", "1").stderr,
      "--columns is 1; allowed: a whole number from 2 to 1000"
    )
    assert.include(run().stderr, "--title is missing")
  })
})
