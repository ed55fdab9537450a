/** `up`: the live table, its lines and its summary. */
import { assert, describe, expect, it } from "@effect/vitest"
import stringWidth from "string-width"
import { type UpAgent, upFrame, upLine, upSummary, type UpView } from "../../src/render/up.ts"
import { busy, sheet } from "./scenario.ts"
import { colored, hostileNames, show, withoutColors } from "./support.ts"

const gib = 1024 ** 3

const agents: ReadonlyArray<UpAgent> = [
  {
    agent: "lint",
    command: "pnpm lint",
    claim: { cpu: 1 },
    state: { _tag: "Done" },
    runs: 1,
    waitedMillis: 0,
    ranMillis: 3_100
  },
  {
    agent: "types",
    command: "pnpm check",
    claim: { cpu: 2, memory: 2 * gib },
    state: { _tag: "Running", sinceMillis: 4_200, pid: 4711 },
    runs: 1,
    waitedMillis: 300,
    ranMillis: 4_200
  },
  {
    agent: "tests",
    command: "pnpm test",
    claim: { cpu: 4, memory: 8 * gib },
    state: { _tag: "Waiting", sinceMillis: 2_000, why: "cpu: 4 cores, 2 cores free +1" },
    runs: 0,
    waitedMillis: 2_000,
    ranMillis: 0
  },
  {
    agent: "flaky",
    command: "node flaky.js",
    claim: { cpu: 1 },
    state: { _tag: "Restarting", inMillis: 900, why: "exit code 1" },
    runs: 2,
    waitedMillis: 10,
    ranMillis: 800
  },
  {
    agent: "publish",
    command: "pnpm publish",
    claim: {},
    state: { _tag: "Pending", after: ["types", "tests"] },
    runs: 0,
    waitedMillis: 0,
    ranMillis: 0
  },
  {
    agent: "docs",
    command: "pnpm docs",
    claim: { cpu: 1 },
    state: { _tag: "Failed", why: "exit code 2" },
    exits: ["SIGKILL", "2", "2"],
    runs: 3,
    waitedMillis: 50,
    ranMillis: 1_200
  }
]

const view: UpView = { title: "sample.yaml", elapsedMillis: 6_400, pools: busy.overview.pools.slice(0, 2), agents }

const done: UpView = { ...view, agents: agents.map((agent) => ({ ...agent, state: { _tag: "Done" } })) }

describe("up", () => {
  it("shows its agents while they work", () => {
    expect(show(upFrame(view, sheet(100), 20))).toMatchInlineSnapshot(`
      "sample.yaml  6.4 s  1 running, 1 waiting, 1 restarting, 1 pending, 1 done, 1 failed
      cpu     ██████████████████······  6 / 8 cores, 2 waiting
      memory  █████████████████████···  14 / 16 GiB, 1 waiting

      AGENT    STATE         FOR  CLAIM                RUNS
      lint     done               cpu 1                   1  pnpm lint
      types    running     4.2 s  cpu 2, memory 2 GiB     1  pnpm check
      tests    waiting       2 s  cpu 4, memory 8 GiB     0  cpu: 4 cores, 2 cores free +1
      flaky    restarting         cpu 1                   2  in 900 ms: exit code 1
      publish  pending                                    0  after types, tests
      docs     failed             cpu 1                   3  exit code 2"
    `)
    expect(show(upFrame(view, sheet(48), 20))).toMatchInlineSnapshot(`
      "sample.yaml  6.4 s  1 running, 1 waiting, 1 res…
      cpu     █████████···  6 / 8 cores, 2 waiting
      memory  ██████████▌·  14 / 16 GiB, 1 waiting

      AGENT    STATE         FOR  RUNS
      lint     done                  1  pnpm lint
      types    running     4.2 s     1  pnpm check
      tests    waiting       2 s     0  cpu: 4 cores,…
      flaky    restarting            2  in 900 ms: ex…
      publish  pending               0  after types, …
      docs     failed                3  exit code 2"
    `)
    expect(show(upFrame(view, sheet(80, colored), 20))).toMatchInlineSnapshot(`
      "‹1›sample.yaml‹0›  6.4 s  ‹32›1 running‹0›, ‹33›1 waiting‹0›, ‹33›1 restarting‹0›, ‹2›1 pending‹0›, ‹1›1 done‹0›, ‹31›1 fa…‹0›
      ‹36›cpu‹0›     ‹32›███████████████‹0›‹2›·····‹0›  6 / 8 cores, 2 waiting
      ‹36›memory‹0›  ‹32›█████████████████▌‹0›‹2›··‹0›  14 / 16 GiB, 1 waiting

      ‹2›AGENT‹0›    ‹2›STATE‹0›         ‹2›FOR‹0›  ‹2›CLAIM‹0›                ‹2›RUNS‹0›
      ‹36›lint‹0›     ‹1›done‹0›               cpu 1                   1  ‹2›pnpm lint‹0›
      ‹36›types‹0›    ‹32›running‹0›     4.2 s  cpu 2, memory 2 GiB     1  ‹2›pnpm check‹0›
      ‹36›tests‹0›    ‹33›waiting‹0›       2 s  cpu 4, memory 8 GiB     0  cpu: 4 cores, 2 cores fr…
      ‹36›flaky‹0›    ‹33›restarting‹0›         cpu 1                   2  in 900 ms: exit code 1
      ‹36›publish‹0›  ‹2›pending‹0›                                    0  after types, tests
      ‹36›docs‹0›     ‹31›failed‹0›             cpu 1                   3  exit code 2"
    `)
  })

  it("shows those that matter most where there are few lines", () => {
    expect(show(upFrame(view, sheet(80), 9))).toMatchInlineSnapshot(`
      "sample.yaml  6.4 s  1 running, 1 waiting, 1 restarting, 1 pending, 1 done, 1 fa…
      cpu     ███████████████·····  6 / 8 cores, 2 waiting
      memory  █████████████████▌··  14 / 16 GiB, 1 waiting

      AGENT  STATE      FOR  CLAIM                RUNS
      docs   failed          cpu 1                   3  exit code 2
      types  running  4.2 s  cpu 2, memory 2 GiB     1  pnpm check
      tests  waiting    2 s  cpu 4, memory 8 GiB     0  cpu: 4 cores, 2 cores free +1
      and 3 more"
    `)
  })

  it("never has more lines or columns than there are", () => {
    const hostile = {
      ...view,
      title: hostileNames[0]!,
      agents: hostileNames.map((name): UpAgent => ({
        ...agents[2]!,
        agent: name,
        command: name,
        state: { _tag: "Failed", why: name }
      }))
    }
    for (const width of [1, 10, 40, 100]) {
      for (const rows of [0, 1, 2, 5, 8, 30]) {
        const lines = upFrame(hostile, sheet(width, colored), rows)
        assert.isAtMost(lines.length, rows)
        for (const each of lines) assert.isAtMost(stringWidth(withoutColors(each)), width)
      }
    }
  })

  it("tells each change as a line elsewhere", () => {
    expect(show(agents.map((agent) => upLine(agent, 6_400, sheet(Infinity))))).toMatchInlineSnapshot(`
      "6.4 s  lint  done  pnpm lint
      6.4 s  types  running  pnpm check
      6.4 s  tests  waiting  cpu: 4 cores, 2 cores free +1
      6.4 s  flaky  restarting  in 900 ms: exit code 1
      6.4 s  publish  pending  after types, tests
      6.4 s  docs  failed  exit code 2"
    `)
  })

  it("sums up in the end", () => {
    expect(show(upSummary(view, sheet(100)))).toMatchInlineSnapshot(`
      "sample.yaml  1 of 6 agents failed  in 6.4 s, waited 2.4 s together

      AGENT    STATE       RUNS  EXITS          WAITED     RAN
      lint     done           1                   0 ms   3.1 s  pnpm lint
      types    running        1                 300 ms   4.2 s  pnpm check
      tests    waiting        0                    2 s    0 ms  cpu: 4 cores, 2 cores free +1
      flaky    restarting     2                  10 ms  800 ms  in 900 ms: exit code 1
      publish  pending        0                   0 ms    0 ms  after types, tests
      docs     failed         3  SIGKILL, 2, 2   50 ms   1.2 s  exit code 2

      POOL           PEAK  MEAN USE  GRANTED  FAILED  WAIT P50  WAIT P90
      cpu     6 / 8 cores      56 %       22       1      0 ms      0 ms
      memory  14 / 16 GiB      26 %        3       0      0 ms      0 ms"
    `)
    expect(show(upSummary(done, sheet(60)).slice(0, 4))).toMatchInlineSnapshot(`
      "sample.yaml  all 6 agents done  in 6.4 s, waited 2.4 s toge…

      AGENT    STATE  RUNS  EXITS     WAITED     RAN
      lint     done      1              0 ms   3.1 s  pnpm lint"
    `)
    expect(show(upSummary({ ...view, agents: [] }, sheet(60)).slice(0, 3))).toMatchInlineSnapshot(`
      "sample.yaml  nothing to do  in 6.4 s

      The file names no agents."
    `)
  })
})
