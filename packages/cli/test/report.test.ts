import { assert, describe, it } from "@effect/vitest"
import { niceTicks, timeTicks } from "../src/replay/chart.ts"
import { processors, readSwf, generatedJobs, swfText } from "./support.ts"
import { renderPicture, renderReport } from "../src/replay/report.ts"
import { plainPolicy } from "../src/replay/policy.ts"
import { Simulation } from "../src/replay/simulation.ts"
import { jobFiguresOf, summarize } from "../src/replay/summary.ts"

const inputOf = (text: string, file: string) => {
  const pools = processors(64)
  const workload = readSwf(text, { capacity: 64 })
  const simulation = new Simulation(workload, pools, { timeline: true })
  while (simulation.step(1000)) {
    // The next events.
  }
  const outcome = simulation.finish()
  const figures = jobFiguresOf(workload, outcome.startedAt)
  const input = {
    file,
    format: "swf",
    policy: plainPolicy,
    from: 0,
    requested: undefined,
    pools,
    workload,
    outcome
  } as const
  return { pools, timeline: outcome.timeline, figures, summary: summarize({ ...input, milliseconds: 1 }, figures) }
}

const voidTags = new Set(["meta", "!doctype"])

/** Whether every tag that is opened is closed, in order; attributes are quoted. */
const isWellFormed = (markup: string): boolean => {
  const open: Array<string> = []
  const bare = markup.replace(/<style>[^<]*<\/style>/g, "")
  for (const [, close, name = "", self] of bare.matchAll(
    /<(\/?)([A-Za-z!][\w-]*)(?:\s+[\w-]+(?::[\w-]+)?(?:="[^"<]*")?)*\s*(\/?)>/g
  )) {
    if (voidTags.has(name) || self === "/") continue
    if (close !== "/") open.push(name)
    else if (open.pop() !== name) return false
  }
  // Everything that begins like a tag was one.
  const tags = bare.match(/</g)?.length ?? 0
  const read = bare.match(/<(\/?)([A-Za-z!][\w-]*)(?:\s+[\w-]+(?::[\w-]+)?(?:="[^"<]*")?)*\s*(\/?)>/g)?.length ?? 0
  return open.length === 0 && tags === read
}

const busy = inputOf(swfText(generatedJobs(1, 2000)), 'a<b>&"c".swf')

describe("report", () => {
  const html = renderReport(busy)
  const svg = renderPicture(busy)

  it("is well-formed, whatever the file is called", () => {
    assert.isTrue(isWellFormed(html))
    assert.isTrue(isWellFormed(svg))
    assert.isFalse(isWellFormed(html.replace("</main>", "")))
    assert.include(html, "<h1>Replay of a&lt;b&gt;&amp;&quot;c&quot;.swf</h1>")
  })

  it("asks nobody for anything, and runs nothing", () => {
    for (const text of [html, svg.replace('xmlns="http://www.w3.org/2000/svg"', "")]) {
      assert.notMatch(text, /https?:|<script|<link|<img|url\(|@import|\son\w+=|href=|src=/)
    }
    assert.include(html, "default-src 'none'")
  })

  it("is light and dark, and tells those who do not see it what it shows", () => {
    assert.include(html, "prefers-color-scheme: dark")
    assert.include(svg, "prefers-color-scheme: dark")
    assert.include(html, '<html lang="en">')
    const charts = html.match(/<svg [^>]*role="img" aria-labelledby="t\d d\d"/g) ?? []
    assert.strictEqual(charts.length, 3)
    assert.strictEqual(html.match(/<title id="t\d">[^<]+<\/title><desc id="d\d">[^<]+<\/desc>/g)?.length, 3)
    assert.include(html, "<caption>Means over time</caption>")
  })

  it("draws no number that is none, and stays small", () => {
    for (const text of [html, svg]) assert.notMatch(text, /NaN|Infinity|undefined|null/)
    assert.isBelow(html.length, 200_000)
  })

  it("draws what lasts no time, and nothing", () => {
    for (const text of [
      swfText([{ submit: 0, run: 0, allocated: 1 }]),
      swfText([{ submit: 0, run: -1, allocated: 1 }])
    ]) {
      const page = renderReport(inputOf(text, "short.swf"))
      assert.isTrue(isWellFormed(page))
      assert.notMatch(page, /NaN|Infinity|undefined|null/)
    }
  })

  it("puts ticks at round places", () => {
    assert.deepStrictEqual(niceTicks(256, 4), [0, 100, 200, 300])
    assert.deepStrictEqual(niceTicks(1, 4), [0, 0.25, 0.5, 0.75, 1])
    assert.deepStrictEqual(niceTicks(0, 4), [0])
    assert.deepStrictEqual(
      timeTicks(7200 * 2).map(({ label }) => label),
      ["0 h", "0.5 h", "1 h", "1.5 h", "2 h", "2.5 h", "3 h", "3.5 h", "4 h"]
    )
  })
})
