/** `top`: one picture for each size, and what terminals are sent to show them. */
import { assert, describe, expect, it } from "@effect/vitest"
import stringWidth from "string-width"
import { typesFrom } from "../../src/render/amounts.ts"
import { type Style, textStyle } from "../../src/render/style.ts"
import { topFrame, type TopView } from "../../src/render/top/frame.ts"
import { topLines } from "../../src/render/top/lines.ts"
import { Rates, type Sample } from "../../src/render/top/rates.ts"
import { enterScreen, leaveScreen, redraw } from "../../src/render/top/redraw.ts"
import { initialState, type KeyPress, press, sections, type TopState } from "../../src/render/top/state.ts"
import type { OverviewView } from "../../src/render/views.ts"
import { busy, sheet, status } from "./scenario.ts"
import { Glass } from "./screen.ts"
import { ascii, colored, hostileNames, show, withoutColors } from "./support.ts"

const takenAt = Date.UTC(2026, 10, 23, 14, 3, 12)

const overview: OverviewView = { ...busy.overview, status }

const sample: Sample = { takenAt, overview }

/** Two seconds before, when `tests` had been granted 18 claims less. */
const previous: Sample = {
  takenAt: takenAt - 2_000,
  overview: {
    ...overview,
    agents: overview.agents.map((agent) => (agent.agent === "tests" ? { ...agent, acquisitions: 3 } : agent)),
    pools: overview.pools.map((pool) => (pool.resourceType === "cpu" ? { ...pool, acquisitions: 4 } : pool))
  }
}

const view = (state: Partial<TopState> = {}, more: Partial<TopView> = {}): TopView => ({
  sample,
  previous,
  state: { ...initialState, ...state },
  ...more
})

const draw = (columns: number, rows: number, state: Partial<TopState> = {}, style: Style = textStyle) =>
  topFrame(view(state), sheet(columns, style), rows).lines

/** The right edge is shown, so that one sees what is empty. */
const edged = (lines: ReadonlyArray<string>, columns: number) =>
  show(lines.map((text) => `${text}${" ".repeat(Math.max(0, columns - stringWidth(withoutColors(text))))}|`))

describe("a picture of top", () => {
  const at = (columns: number, rows: number) => edged(draw(columns, rows), columns)

  it("120 x 40", () =>
    expect(at(120, 40)).toMatchInlineSnapshot(`
      "resource-manager 0.1.0  up 2 h 5 min  3 sessions, 6 leases, 5 waiting                                           14:03:12|
                                                                                                                              |
        POOL     USE                                       IN USE                WAITING     /S  RATE         FAIR            |
        cpu      ██████████████████████████████··········  6 / 8 cores                 2      9  -            0.45            |
        memory   ███████████████████████████████████·····  14 / 16 GiB                 1      -  -            0.58            |
        network  █████▋··································  14 / 100 connections        1      -  5/s, 8 left  0.84            |
        gpu      ········································  0 / 2 devices               1      -  -               -            |
        db-lock  ████████████████████████████████████████  1 / 1 holder                1      -  -            0.50            |
                                                                                                                              |
        AGENT          SHARE  HELD                  QUOTA                WAITING     /S  FAILED                    9, by share|
        migrate        100 %  db-lock 1             -                          -      -       -                               |
        builder         50 %  cpu 4, memory 4 GiB   cpu 6, memory 4 GiB        -      -       1                               |
        ビルド          50 %  memory 8 GiB          -                          -      -       -                               |
        tests           25 %  cpu 2, memory 2 GiB   cpu 8                      1      9       -                               |
        by-hand         10 %  network 10            -                          -      -       -                               |
        crawler          4 %  network 4             -                          1      -       -                               |
        docs               -  -                     -                          1      -       -                               |
        lint               -  -                     -                          1      -       -                               |
        trainer            -  -                     -                          1      -       -                               |
                                                                                                                              |
      ▸   #  WAITER  AGENT         CLAIM                   WAITED   GIVES UP  WHY                               5, by position|
          1      26  tests         db-lock 1                2.4 s          -  db-lock: 1 holder, none free                    |
          2      27  lint          cpu 4, memory 8 GiB      1.9 s       58 s  cpu: 4 cores, 2 cores free +1                   |
          3      28  docs          cpu 1                   400 ms          -  cpu: behind 1                                   |
          4      30  crawler       network 10              400 ms          -  network: tokens in 400 ms                       |
          5      31  trainer       gpu 3                   400 ms          -  gpu: must grow to 3 devices                     |
                                                                                                                              |
         LEASE  AGENT         CLAIM                      HELD  EXPIRES IN  NOTE                                      6, by age|
             1  builder       cpu 4, memory 4 GiB   2 min 8 s           -                                                     |
             2  migrate       db-lock 1             2 min 8 s           -                                                     |
            23  ビルド        memory 8 GiB              2.5 s           -                                                     |
            24  by-hand       network 10                2.5 s  9 min 58 s  by hand                                            |
            25  tests         cpu 2, memory 2 GiB       2.4 s           -                                                     |
            29  crawler       network 4                400 ms           -                                                     |
                                                                                                                              |
                                                                                                                              |
                                                                                                                              |
                                                                                                                              |
                                                                                                                              |
      q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause   enter alone                                               |"
    `))

  it("80 x 24", () =>
    expect(at(80, 24)).toMatchInlineSnapshot(`
      "resource-manager 0.1.0  up 2 h 5 min  3 sessions, 6 leases, 5 waiting   14:03:12|
                                                                                      |
        POOL     USE           IN USE                WAITING     /S  RATE         FAIR|
        cpu      █████████···  6 / 8 cores                 2      9  -            0.45|
        memory   ██████████▌·  14 / 16 GiB                 1      -  -            0.58|
        network  █▋··········  14 / 100 connections        1      -  5/s, 8 left  0.84|
        gpu      ············  0 / 2 devices               1      -  -               -|
        db-lock  ████████████  1 / 1 holder                1      -  -            0.50|
                                                                                      |
        AGENT    SHARE  HELD                 QUOTA                WAITING  /S  FA… 3/9|
        migrate  100 %  db-lock 1            -                          -   -       - |
        builder   50 %  cpu 4, memory 4 GiB  cpu 6, memory 4 GiB        -   -       1 |
        ビルド    50 %  memory 8 GiB         -                          -   -       - |
                                                                                      |
      ▸ #  WAITER  AGENT  CLAIM             WAITED  GIVES UP  WHY             1-3 of 5|
        1      26  tests  db-lock 1          2.4 s         -  db-lock: 1 holder, none…|
        2      27  lint   cpu 4, memory 8…   1.9 s      58 s  cpu: 4 cores, 2 cores f…|
        3      28  docs   cpu 1             400 ms         -  cpu: behind 1           |
                                                                                      |
         LEASE  AGENT         CLAIM                      HELD  EXPIRES IN  NOTE    2/6|
             1  builder       cpu 4, memory 4 GiB   2 min 8 s           -             |
             2  migrate       db-lock 1             2 min 8 s           -             |
                                                                                      |
      q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause   enter alone       |"
    `))

  it("60 x 16", () =>
    expect(at(60, 16)).toMatchInlineSnapshot(`
      "up 2 h 5 min  3 sessions, 6 leases, 5 waiting       14:03:12|
        POOL     USE       IN USE             WAITING  RATE       |
        cpu      ██████··  6 / 8 cores              2  -          |
        memory   ███████·  14 / 16 GiB              1  -          |
        network  █▏······  14 / 100 connect…        1  5/s, 8 left|
        gpu      ········  0 / 2 devices            1  -          |
        db-lock  ████████  1 / 1 holder             1  -          |
        AGENT    SHARE  HELD                 WAITING  /S  FAI… 2/9|
        migrate  100 %  db-lock 1                  -   -       -  |
        builder   50 %  cpu 4, memory 4 GiB        -   -       1  |
      ▸ #  WAITER  AGENT  WAITED  WHY        1-2 of 5, by position|
        1      26  tests   2.4 s  db-lock: 1 holder, none free    |
        2      27  lint    1.9 s  cpu: 4 cores, 2 cores free +1   |
        LEASE  AGENT    CLAIM                     HELD  NOTE   1/6|
            1  builder  cpu 4, memory 4 GiB  2 min 8 s            |
      q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause…|"
    `))

  it("40 x 12, and 40 x 6", () => {
    expect(at(40, 12)).toMatchInlineSnapshot(`
      "3 sessions, 6 leases, 5 waiting 14:03:12|
        POOL     USE       IN USE     1-3 of 5|
        cpu      ██████··  6 / 8 cores        |
        memory   ███████·  14 / 16 GiB        |
        network  █▏······  14 / 100 connectio…|
        AGENT    HELD       WAITING  FAIL… 1/9|
        migrate  db-lock 1        -       -   |
      ▸ WAITER  AGENT  WAITED           1 of 5|
            26  tests   2.4 s                 |
        LEASE  AGENT    CLAIM   1 of 6, by age|
            1  builder  cpu 4, memory 4 GiB   |
      q quit   ? help   ←→ section   ↑↓ scrol…|"
    `)
    expect(at(40, 6)).toMatchInlineSnapshot(`
      "3 sessions, 6 leases, 5 waiting 14:03:12|
        POOL    USE       IN USE       WA… 2/5|
        cpu     ██████··  6 / 8 cores        2|
        memory  ███████·  14 / 16 GiB        1|
      ▸ WAITER  AGENT  WAITED           1 of 5|
            26  tests   2.4 s                 |"
    `)
  })

  it("in colour, and in ASCII", () => {
    expect(show(draw(80, 24, {}, colored))).toMatchInlineSnapshot(`
      "‹1›resource-manager 0.1.0‹0›  up 2 h 5 min  3 sessions, 6 leases, ‹33›5 waiting‹0›   14:03:12

      ‹2›  POOL     USE           IN USE                WAITING     /S  RATE         FAIR‹0›
        ‹36›cpu‹0›      ‹32›█████████‹0›‹2›···‹0›  6 / 8 cores                 ‹33›2‹0›      9  -            0.45
        ‹36›memory‹0›   ‹32›██████████▌‹0›‹2›·‹0›  14 / 16 GiB                 ‹33›1‹0›      ‹2›-‹0›  -            0.58
        ‹36›network‹0›  ‹32›█▋‹0›‹2›··········‹0›  14 / 100 connections        ‹33›1‹0›      ‹2›-‹0›  5/s, 8 left  0.84
        ‹36›gpu‹0›      ‹2›············‹0›  0 / 2 devices               ‹33›1‹0›      ‹2›-‹0›  -               -
        ‹36›db-lock‹0›  ‹33›████████████‹0›  1 / 1 holder                ‹33›1‹0›      ‹2›-‹0›  -            0.50

      ‹2›  AGENT    SHARE  HELD                 QUOTA                WAITING  /S  FA…‹0› ‹2›3/9‹0›
        ‹36›migrate‹0›  100 %  db-lock 1            ‹2›-‹0›                          ‹2›-‹0›   ‹2›-‹0›       ‹2›-‹0›
        ‹36›builder‹0›   50 %  cpu 4, memory 4 GiB  cpu 6, memory 4 GiB        ‹2›-‹0›   ‹2›-‹0›       1
        ‹36›ビルド‹0›    50 %  memory 8 GiB         ‹2›-‹0›                          ‹2›-‹0›   ‹2›-‹0›       ‹2›-‹0›

      ‹1›▸ #  WAITER  AGENT  CLAIM             WAITED  GIVES UP  WHY‹0›             ‹2›1-3 of 5‹0›
        1      26  ‹36›tests‹0›  db-lock 1          2.4 s         ‹2›-‹0›  db-lock: 1 holder, none…
        2      27  ‹36›lint‹0›   cpu 4, memory 8…   1.9 s      58 s  cpu: 4 cores, 2 cores f…
        3      28  ‹36›docs‹0›   cpu 1             400 ms         ‹2›-‹0›  cpu: behind 1

      ‹2›   LEASE  AGENT         CLAIM                      HELD  EXPIRES IN  NOTE‹0›    ‹2›2/6‹0›
             1  ‹36›builder‹0›       cpu 4, memory 4 GiB   2 min 8 s           ‹2›-‹0›
             2  ‹36›migrate‹0›       db-lock 1             2 min 8 s           ‹2›-‹0›

      ‹2›q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause   enter alone‹0›"
    `)
    expect(show(draw(80, 24, {}, ascii))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0  up 2 h 5 min  3 sessions, 6 leases, 5 waiting   14:03:12

        POOL     USE           IN USE                WAITING     /S  RATE         FAIR
        cpu      [########..]  6 / 8 cores                 2      9  -            0.45
        memory   [#########.]  14 / 16 GiB                 1      -  -            0.58
        network  [#.........]  14 / 100 connections        1      -  5/s, 8 left  0.84
        gpu      [..........]  0 / 2 devices               1      -  -               -
        db-lock  [##########]  1 / 1 holder                1      -  -            0.50

        AGENT    SHARE  HELD                 QUOTA                WAITING  /S  F.. 3/9
        migrate  100 %  db-lock 1            -                          -   -       -
        builder   50 %  cpu 4, memory 4 GiB  cpu 6, memory 4 GiB        -   -       1
        ビルド    50 %  memory 8 GiB         -                          -   -       -

      > #  WAITER  AGENT  CLAIM             WAITED  GIVES UP  WHY             1-3 of 5
        1      26  tests  db-lock 1          2.4 s         -  db-lock: 1 holder, non..
        2      27  lint   cpu 4, memory ..   1.9 s      58 s  cpu: 4 cores, 2 cores ..
        3      28  docs   cpu 1             400 ms         -  cpu: behind 1

         LEASE  AGENT         CLAIM                      HELD  EXPIRES IN  NOTE    2/6
             1  builder       cpu 4, memory 4 GiB   2 min 8 s           -
             2  migrate       db-lock 1             2 min 8 s           -

      q quit   ? help   <> section   ^v scroll   s sort   p pause   enter alone"
    `)
  })

  it("of one section alone, scrolled, sorted, paused", () => {
    expect(
      show(
        draw(80, 8, { selected: "agents", zoomed: true, paused: true, scroll: { ...initialState.scroll, agents: 99 } })
      )
    ).toMatchInlineSnapshot(`
      "up 2 h 5 min  3 sessions, 6 leases, 5 waiting                   PAUSED  14:03:12
      ▸ AGENT          SHARE  HELD                  QUOTA  WAITING     /S  FAILED  9/9
        tests           25 %  cpu 2, memory 2 GiB   cpu 8        1      9       -
        by-hand         10 %  network 10            -            -      -       -
        crawler          4 %  network 4             -            1      -       -
        docs               -  -                     -            1      -       -
        lint               -  -                     -            1      -       -
        trainer            -  -                     -            1      -       -"
    `)
    expect(show(draw(80, 12, { selected: "waiters", zoomed: true, sort: { ...initialState.sort, waiters: "size" } })))
      .toMatchInlineSnapshot(`
        "resource-manager 0.1.0  up 2 h 5 min  3 sessions, 6 leases, 5 waiting   14:03:12
        ▸ #  WAITER  AGENT    CLAIM                WAITED  WHY                5, by size
          5      31  trainer  gpu 3                400 ms  gpu: must grow to 3 devices
          1      26  tests    db-lock 1             2.4 s  db-lock: 1 holder, none free
          2      27  lint     cpu 4, memory 8 GiB   1.9 s  cpu: 4 cores, 2 cores free +1
          3      28  docs     cpu 1                400 ms  cpu: behind 1
          4      30  crawler  network 10           400 ms  network: tokens in 400 ms




        q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause   enter all"
      `)
  })

  it("of the keys", () =>
    expect(show(draw(80, 28, { help: true }))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0  up 2 h 5 min  3 sessions, 6 leases, 5 waiting   14:03:12

      Keys
        q, Esc            quit
        left right, Tab   select another section
        up down, k j      scroll the section by a row
        PgUp PgDn         by a page
        Home End          to its beginning or end
        s, S              sort the section by the next thing, or the one before
        Enter             show the section alone, or all
        p, Space          pause, and go on
        ?, h              this page

      Bars
        █                 in use
        ▒                 kept for waiters that are first: not in use, not charged
        ·                 free
        »                 more in use than there is, until leases return

      Columns
        SHARE             the largest part of any pool that an agent holds
        /S                grants a second since the last look
        RATE              tokens that come, and how many are left
        WHY               the first reason and how many more: \`why WAITER\` tells all



      q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause   enter alone"
    `))

  it("before the first answer, without one, and without anybody", () => {
    const first = topFrame({ sample: undefined, previous: undefined, state: initialState }, sheet(60), 6).lines
    expect(show(first)).toMatchInlineSnapshot(`
      "resource-manager  asking for the first time




      "
    `)
    const lost = topFrame(view({}, { problem: "the daemon at unix:/run/rm.sock does not answer" }), sheet(80), 6).lines
    expect(show(lost)).toMatchInlineSnapshot(`
      "up 2 h 5 min  3 sessions, 6 leases, 5 waiting                NO ANSWER  14:03:12
      the daemon at unix:/run/rm.sock does not answer
        POOL  USE           IN USE       WAITING     /S  RATE  FAIR             1 of 5
        cpu   █████████···  6 / 8 cores        2      9  -     0.45
      ▸ #  WAITER  AGENT  CLAIM      WAITED  GIVES UP  WHY         1 of 5, by position
        1      26  tests  db-lock 1   2.4 s         -  db-lock: 1 holder, none free"
    `)
    const nobody = { takenAt, overview: { pools: overview.pools.slice(0, 1), agents: [], leases: [], waiters: [] } }
    expect(show(topFrame({ sample: nobody, previous: undefined, state: initialState }, sheet(60), 14).lines))
      .toMatchInlineSnapshot(`
        "resource-manager  0 leases, nobody waits            14:03:12
          POOL  USE               IN USE       WAITING     /S  FAIR
          cpu   ████████████····  6 / 8 cores        2      -  0.45
          No agents yet.
        ▸ Nobody waits.
          Nothing is held.







        q quit   ? help   ←→ section   ↑↓ scroll   s sort   p pause…"
      `)
  })

  it("has exactly the lines of the terminal, and never more columns, at any size", () => {
    for (let columns = 1; columns <= 130; columns += columns < 24 ? 4 : 23) {
      for (let rows = 1; rows <= 50; rows += rows < 26 ? 3 : 9) {
        for (const state of [{}, { help: true }, { zoomed: true, selected: "leases" as const }]) {
          const lines = draw(columns, rows, state, colored)
          assert.isAtMost(lines.length, rows)
          if (columns >= 12) assert.strictEqual(lines.length, rows)
          for (const each of lines) assert.isAtMost(stringWidth(withoutColors(each)), columns, `${columns} x ${rows}`)
        }
      }
    }
  })

  it("stays in its size whatever the names and numbers", () => {
    for (const name of hostileNames) {
      const most = Number.MAX_SAFE_INTEGER
      const hostile: OverviewView = {
        status: { ...status, version: name },
        pools: overview.pools.map((pool) => ({
          ...pool,
          resourceType: name,
          capacity: most,
          inUse: most,
          earmarked: most,
          note: name
        })),
        agents: overview.agents.map((agent) => ({ ...agent, agent: name, acquisitions: most })),
        leases: overview.leases.map((lease) => ({ ...lease, agent: name, claim: { [name]: most } })),
        waiters: overview.waiters.map((waiter) => ({ ...waiter, agent: name, claim: { [name]: most } }))
      }
      const types = typesFrom([{ name, unit: name, unitOne: name }])
      for (const [columns, rows] of [
        [30, 10],
        [80, 24],
        [200, 50]
      ] as const) {
        const frame = topFrame(
          view({}, { sample: { takenAt, overview: hostile }, problem: name }),
          sheet(columns, colored, types),
          rows
        )
        assert.strictEqual(frame.lines.length, rows)
        for (const each of frame.lines) {
          assert.isAtMost(stringWidth(withoutColors(each)), columns)
          // oxlint-disable-next-line no-control-regex
          assert.notMatch(withoutColors(each), /[\u0000-\u001f\u007f-\u009f\u202e\u200b]/)
        }
      }
    }
  })

  it("says the same with colours and without", () => {
    for (const columns of [40, 80, 120]) {
      assert.deepStrictEqual(draw(columns, 30, {}, colored).map(withoutColors), draw(columns, 30))
    }
  })

  it("shows all pools before it shows more of the rest", () => {
    for (const rows of [24, 30, 40]) {
      for (const { resourceType } of overview.pools)
        assert.isTrue(draw(80, rows).some((text) => text.startsWith(`  ${resourceType}`)))
    }
  })

  it("of ten thousand waiters and five thousand agents takes a moment", () => {
    const waiter = overview.waiters[1]!
    const agent = overview.agents[0]!
    const crowd: OverviewView = {
      ...overview,
      waiters: Array.from({ length: 10_000 }, (_, id) => ({ ...waiter, id })),
      agents: Array.from({ length: 5_000 }, (_, index) => ({ ...agent, agent: `agent-${index}` }))
    }
    const began = process.cpuUsage()
    topFrame(view({}, { sample: { takenAt, overview: crowd } }), sheet(120), 40)
    // Measured: 20 ms. It is drawn once a second. Processor time is the same on a busy machine.
    assert.isBelow(process.cpuUsage(began).user, 1_000_000)
  })
})

describe("the rates of top", () => {
  it("are since the last look, of what is new and of what began anew since then", () => {
    const rates = new Rates(sample, previous)
    const tests = overview.agents.find(({ agent }) => agent === "tests")!
    assert.strictEqual(rates.agent(tests), 9)
    assert.strictEqual(rates.agent({ ...tests, agent: "new", acquisitions: 4 }), 2)
    assert.strictEqual(rates.agent({ ...tests, acquisitions: 2 }), 1)
    assert.isUndefined(new Rates(sample, undefined).agent(tests))
    assert.isUndefined(new Rates(sample, sample).agent(tests))
  })
})

describe("the keys of top", () => {
  const key = (name: string, more: Partial<KeyPress> = {}): KeyPress => ({
    name,
    ctrl: false,
    shift: false,
    character: undefined,
    ...more
  })
  const after = (keys: ReadonlyArray<KeyPress>, from: TopState = initialState): TopState => {
    let state = from
    for (const each of keys) {
      const next = press(state, each, 5)
      if (next === "quit") return assert.fail("it quit")
      state = next
    }
    return state
  }

  it("quit", () => {
    for (const each of [key("q"), key("escape"), key("c", { ctrl: true }), key("d", { ctrl: true })]) {
      assert.strictEqual(press(initialState, each, 5), "quit")
    }
    assert.notStrictEqual(press(initialState, key("q", { ctrl: true }), 5), "quit")
    assert.isFalse(after([key("?", { character: "?" }), key("escape")]).help)
    assert.isFalse(after([key("return"), key("escape")]).zoomed)
  })

  it("select sections, round and round", () => {
    assert.strictEqual(after([key("right")]).selected, "leases")
    assert.strictEqual(after([key("tab"), key("tab")]).selected, "pools")
    assert.strictEqual(after([key("tab", { shift: true })]).selected, "agents")
    assert.strictEqual(after(sections.map(() => key("left"))).selected, initialState.selected)
  })

  it("scroll the selected section alone", () => {
    assert.deepStrictEqual(after([key("down"), key("j"), key("up")]).scroll, { ...initialState.scroll, waiters: 1 })
    assert.strictEqual(after([key("pagedown"), key("pagedown"), key("pageup")]).scroll.waiters, 5)
    assert.strictEqual(after([key("up")]).scroll.waiters, 0)
    assert.strictEqual(after([key("end"), key("home")]).scroll.waiters, 0)
  })

  it("sort the selected section by the next thing, back to the first", () => {
    assert.strictEqual(after([key("s")]).sort.waiters, "agent")
    assert.strictEqual(after([key("s", { shift: true })]).sort.waiters, "size")
    assert.deepStrictEqual(after([key("s"), key("s"), key("s")]).sort, initialState.sort)
  })

  it("pause, help, and nothing where they mean nothing", () => {
    assert.isTrue(after([key("p")]).paused)
    assert.isFalse(after([key("space"), key("p")]).paused)
    assert.isTrue(after([key("h")]).help)
    assert.deepStrictEqual(after([key("x"), key("f5"), key("")]), initialState)
  })

  it("scroll to the end and not beyond", () => {
    const state = after([key("end")], { ...initialState, selected: "leases", zoomed: true })
    const frame = topFrame(view(state), sheet(80), 6)
    assert.strictEqual(frame.scroll.leases, overview.leases.length - 4)
    assert.strictEqual(frame.page, 4)
  })
})

describe("the sections of top", () => {
  const column = (state: Partial<TopState>, index: number) =>
    draw(120, 40, { zoomed: true, ...state })
      .slice(3, 12)
      .map((text) => text.trim().split(/ {2,}/)[index] ?? "")
      .filter((text) => text !== "")

  it("are sorted", () => {
    const by = <S extends keyof TopState["sort"]>(section: S, sort: TopState["sort"][S], index: number) =>
      column({ selected: section, sort: { ...initialState.sort, [section]: sort } }, index)
    assert.deepStrictEqual(by("pools", "use", 0), ["db-lock", "memory", "cpu", "network", "gpu"])
    assert.deepStrictEqual(by("pools", "waiting", 0).slice(0, 1), ["cpu"])
    assert.deepStrictEqual(by("agents", "name", 0).slice(0, 3), ["builder", "by-hand", "crawler"])
    assert.deepStrictEqual(by("agents", "rate", 0).slice(0, 2), ["tests", "builder"])
    assert.deepStrictEqual(by("agents", "failures", 0).slice(0, 1), ["builder"])
    assert.deepStrictEqual(by("agents", "waiting", 0).slice(0, 2), ["crawler", "docs"])
    assert.deepStrictEqual(by("waiters", "agent", 2), ["crawler", "docs", "lint", "tests", "trainer"])
    assert.deepStrictEqual(by("waiters", "size", 2).slice(0, 2), ["trainer", "tests"])
    assert.deepStrictEqual(by("leases", "size", 1).slice(0, 1), ["migrate"])
    assert.deepStrictEqual(by("leases", "agent", 1).slice(0, 2), ["builder", "by-hand"])
  })
})

describe("redrawing", () => {
  const frame = (lines: ReadonlyArray<string>, columns = 20, rows = 5) => ({ lines, columns, rows })

  it("leaves nothing of the frame before", async () => {
    const glass = new Glass(20, 5)
    await glass.write(enterScreen)
    const frames = [
      frame(["a long line of text.", "two", "three", "four", "five is full as well"]),
      frame(["short", "", "全角文字全角文字全角"]),
      frame([]),
      frame(["x".repeat(20), "y"])
    ]
    let previous
    for (const next of frames) {
      await glass.write(redraw(previous, next))
      assert.deepStrictEqual(
        glass.lines,
        Array.from({ length: 5 }, (_, row) => next.lines[row] ?? "")
      )
      assert.isFalse(glass.wraps)
      previous = next
    }
  })

  it("sends nothing where nothing changed, and clears where the size did", () => {
    const one = frame(["a"])
    assert.strictEqual(redraw(one, frame(["a"])), "")
    assert.include(redraw(undefined, one), "\u001B[2J")
    assert.notInclude(redraw(one, frame(["b"])), "\u001B[2J")
    assert.include(redraw(one, frame(["a"], 21)), "\u001B[2J")
  })

  it("never writes beyond the rows", async () => {
    const glass = new Glass(10, 2)
    await glass.write(enterScreen + redraw(undefined, frame(["1", "2", "3"], 10, 2)))
    assert.deepStrictEqual(glass.lines, ["1", "2"])
  })

  it("shows real frames as they are, coloured and wide, one after the other", async () => {
    const glass = new Glass(80, 24)
    await glass.write(enterScreen)
    let previous
    for (const state of [{}, { help: true }, { zoomed: true }, { selected: "leases" as const }]) {
      const next = { lines: draw(80, 24, state, colored), columns: 80, rows: 24 }
      await glass.write(redraw(previous, next))
      assert.deepStrictEqual(glass.lines, next.lines.map(withoutColors))
      previous = next
    }
    await glass.write(leaveScreen)
    assert.isFalse(glass.isAlternate)
    assert.isTrue(glass.wrapsAround)
  })
})

describe("top in a pipe", () => {
  it("is a line for each pool and each agent that changed", () => {
    expect(topLines(sample, previous).join("\n")).toMatchInlineSnapshot(`
      "time=2026-11-23T14:03:12.000Z pool=cpu in_use=6 capacity=8 kept=0 waiting=2 waiting_amount=5 granted=22 granted_per_s=9 failed=1 fairness=0.45
      time=2026-11-23T14:03:12.000Z pool=memory in_use=15032385536 capacity=17179869184 kept=0 waiting=1 waiting_amount=8589934592 granted=3 granted_per_s=0 failed=0 fairness=0.58
      time=2026-11-23T14:03:12.000Z pool=network in_use=14 capacity=100 kept=0 waiting=1 waiting_amount=10 tokens=8 granted=2 granted_per_s=0 failed=0 fairness=0.84
      time=2026-11-23T14:03:12.000Z pool=gpu in_use=0 capacity=2 kept=0 waiting=1 waiting_amount=3 granted=0 granted_per_s=0 failed=0
      time=2026-11-23T14:03:12.000Z pool=db-lock in_use=1 capacity=1 kept=0 waiting=1 waiting_amount=1 granted=1 granted_per_s=0 failed=0 fairness=0.5
      time=2026-11-23T14:03:12.000Z agent=tests held=cpu:2,memory:2147483648 asks=db-lock:1 waiting=1 granted=21 granted_per_s=9 failed=0"
    `)
  })

  it("tells every agent at first, and none where nothing changed", () => {
    const agents = (lines: ReadonlyArray<string>) => lines.filter((text) => / agent=/.test(text)).length
    assert.strictEqual(agents(topLines(sample, undefined)), overview.agents.length)
    assert.strictEqual(agents(topLines(sample, sample)), 0)
  })

  it("quotes what would break a line or a word", () => {
    for (const name of [...hostileNames, "a b", 'say "hi"', "a=b", ""]) {
      const agent = { ...overview.agents[0]!, agent: name, accounts: { [name]: { held: 1, waiting: 0, peak: 1 } } }
      const [text = ""] = topLines(
        { takenAt, overview: { pools: [], agents: [agent], leases: [], waiters: [] } },
        undefined
      )
      const pairs = [...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: |$)/g)]
      assert.strictEqual(pairs.map(([all]) => all).join(""), text)
      const told = pairs[1]![2]!
      assert.strictEqual(told.startsWith('"') ? JSON.parse(told) : told, name)
    }
  })
})
