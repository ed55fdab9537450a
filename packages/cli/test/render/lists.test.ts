/** What the listing commands print: for people to look at, at three widths. */
import { assert, describe, expect, it } from "@effect/vitest"
import { make } from "@resource-manager/core/ResourceType"
import stringWidth from "string-width"
import { agentList, agentShow, quotaList } from "../../src/render/agents.ts"
import { typesFrom } from "../../src/render/amounts.ts"
import { command } from "../../src/render/commands.ts"
import { failuresText } from "../../src/render/failures.ts"
import { leaseList } from "../../src/render/leases.ts"
import { pluginList } from "../../src/render/plugins.ts"
import { poolList, poolShow } from "../../src/render/pools.ts"
import { notNow, waitingLine } from "../../src/render/run.ts"
import { noDaemon, statusPage } from "../../src/render/status.ts"
import { type Style, textStyle } from "../../src/render/style.ts"
import type { HeldLease, OverviewView, Sheet } from "../../src/render/views.ts"
import { waiterList } from "../../src/render/waiters.ts"
import { busy, idle, sheet, status } from "./scenario.ts"
import { ascii, colored, hostileNames, show, withoutColors } from "./support.ts"

const { overview } = busy

/** As a daemon knows them: by session, with processes, one without its client. */
const known: ReadonlyArray<HeldLease> = overview.leases.map((lease) =>
  lease.agent === "builder"
    ? { ...lease, session: "run make", processes: [4720, 4721, 4722, 4730] }
    : lease.agent === "tests"
      ? { ...lease, orphaned: true, processes: [4801] }
      : { ...lease, session: "editor" }
)

const full: OverviewView = { ...overview, leases: known, status: { ...status, orphans: 1 } }

const tests = overview.agents.find(({ agent }) => agent === "tests")!

const plugins = [
  {
    name: "@resource-manager/plugin-host",
    pools: [
      { resourceType: "cpu", capacity: 8, measured: 5 },
      { resourceType: "memory", capacity: 16 * 1024 ** 3, measured: 9.25 * 1024 ** 3, note: "memory pressure 12 %" }
    ]
  },
  { name: "@acme/gpu", pools: [{ resourceType: "gpu", capacity: 2 }] }
]

const screens: Readonly<Record<string, (sheet: Sheet, overview: OverviewView) => ReadonlyArray<string>>> = {
  status: (sheet, overview) => statusPage(overview, sheet),
  "pools list": (sheet, { pools }) => poolList(pools, sheet),
  "pools show": (sheet, overview) => poolShow(overview.pools[0]!, overview, sheet),
  "agents list": (sheet, { agents }) => agentList(agents, sheet),
  "agents show": (sheet, overview) =>
    agentShow(overview.agents.find(({ agent }) => agent === "tests") ?? tests, overview, sheet),
  "quota list": (sheet, { agents }) => quotaList(agents, sheet),
  "leases list": (sheet, { leases }) => leaseList(leases, sheet),
  "waiters list": (sheet, { waiters }) => waiterList(waiters, waiters.length, sheet),
  "plugins list": (sheet) => pluginList(plugins, sheet)
}

const at = (name: keyof typeof screens, width: number, style: Style = textStyle) =>
  screens[name]!(sheet(width, style), full)

describe("status", () => {
  it("at 200, 80 and 40 columns", () => {
    expect(show(at("status", 200))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0, pid 4711, up 2 h 5 min
      listens on  unix:/run/user/1000/resource-manager/daemon.sock
      state       /home/me/.local/state/resource-manager
      journal     12,345 events, file 3.40 MiB, snapshot age 1 min 1 s
      sessions    3 on 4 connections
      held        4 leases, 6 waiting, 1 orphaned
      when idle   ends after 10 min

      POOL     USE               IN USE                WAITING  RATE         GRANTED  FAILED  WAIT P90  FAIR
      cpu      ████████████····  6 / 8 cores                 2  -                 22       1      0 ms  0.45
      memory   ██████████████··  14 / 16 GiB                 1  -                  3       -      0 ms  0.58
      network  ██▎·············  14 / 100 connections        1  5/s, 8 left        2       -      0 ms  0.84
      gpu      ················  0 / 2 devices               1  -                  0       -         -     -
      db-lock  ████████████████  1 / 1 holder                1  -                  1       -      0 ms  0.50

      Orphaned leases are kept for processes that go on: \`resource-manager leases list\`."
    `)
    expect(show(at("status", 80))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0, pid 4711, up 2 h 5 min
      listens on  unix:/run/user/1000/resource-manager/daemon.sock
      state       /home/me/.local/state/resource-manager
      journal     12,345 events, file 3.40 MiB, snapshot age 1 min 1 s
      sessions    3 on 4 connections
      held        4 leases, 6 waiting, 1 orphaned
      when idle   ends after 10 min

      POOL     USE               IN USE                WAITING  RATE
      cpu      ████████████····  6 / 8 cores                 2  -
      memory   ██████████████··  14 / 16 GiB                 1  -
      network  ██▎·············  14 / 100 connections        1  5/s, 8 left
      gpu      ················  0 / 2 devices               1  -
      db-lock  ████████████████  1 / 1 holder                1  -

      Orphaned leases are kept for processes that go on: \`resource-manager leases
      list\`."
    `)
    expect(show(at("status", 40))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0, pid 4711, up 2 …
      listens on  unix:/run/user/1000/resource
                  -manager/daemon.sock
      state       /home/me/.local/state/resour
                  ce-manager
      journal     12,345 events, file 3.40
                  MiB, snapshot age 1 min 1 s
      sessions    3 on 4 connections
      held        4 leases, 6 waiting, 1 orph…
      when idle   ends after 10 min

      POOL     IN USE                WAITING
      cpu      6 / 8 cores                 2
      memory   14 / 16 GiB                 1
      network  14 / 100 connections        1
      gpu      0 / 2 devices               1
      db-lock  1 / 1 holder                1

      Orphaned leases are kept for processes
      that go on: \`resource-manager leases
      list\`."
    `)
  })

  it("in colour", () =>
    expect(show(at("status", 80, colored))).toMatchInlineSnapshot(`
      "‹1›resource-manager 0.1.0‹0›, pid 4711, up 2 h 5 min
      ‹2›listens on‹0›  unix:/run/user/1000/resource-manager/daemon.sock
      ‹2›state‹0›       /home/me/.local/state/resource-manager
      ‹2›journal‹0›     12,345 events, file 3.40 MiB, snapshot age 1 min 1 s
      ‹2›sessions‹0›    3 on 4 connections
      ‹2›held‹0›        4 leases, ‹33›6 waiting‹0›, ‹31›1 orphaned‹0›
      ‹2›when idle‹0›   ends after 10 min

      ‹2›POOL‹0›     ‹2›USE‹0›               ‹2›IN USE‹0›                ‹2›WAITING‹0›  ‹2›RATE‹0›
      ‹36›cpu‹0›      ‹32›████████████‹0›‹2›····‹0›  6 / 8 cores                 ‹33›2‹0›  -
      ‹36›memory‹0›   ‹32›██████████████‹0›‹2›··‹0›  14 / 16 GiB                 ‹33›1‹0›  -
      ‹36›network‹0›  ‹32›██▎‹0›‹2›·············‹0›  14 / 100 connections        ‹33›1‹0›  5/s, 8 left
      ‹36›gpu‹0›      ‹2›················‹0›  0 / 2 devices               ‹33›1‹0›  -
      ‹36›db-lock‹0›  ‹33›████████████████‹0›  1 / 1 holder                ‹33›1‹0›  -

      Orphaned leases are kept for processes that go on: \`resource-manager leases
      list\`."
    `))

  it("in ASCII", () =>
    expect(show(at("status", 80, ascii).slice(-8))).toMatchInlineSnapshot(`
      "cpu      [###########...]  6 / 8 cores                 2  -
      memory   [############..]  14 / 16 GiB                 1  -
      network  [##............]  14 / 100 connections        1  5/s, 8 left
      gpu      [..............]  0 / 2 devices               1  -
      db-lock  [##############]  1 / 1 holder                1  -

      Orphaned leases are kept for processes that go on: \`resource-manager leases
      list\`."
    `))

  it("without a journal, with nobody", () => {
    const quiet = {
      ...status,
      durable: false,
      journal: undefined,
      stateFolder: undefined,
      leases: 0,
      waiters: 0,
      sessions: 0
    }
    expect(show(statusPage({ ...idle.overview, status: quiet }, sheet(80)))).toMatchInlineSnapshot(`
      "resource-manager 0.1.0, pid 4711, up 2 h 5 min
      listens on  unix:/run/user/1000/resource-manager/daemon.sock
      journal     none: what is held ends with the daemon
      sessions    0 on 4 connections
      held        0 leases, nobody waits
      when idle   ends after 10 min

      POOL  USE               IN USE       WAITING  GRANTED  FAILED  WAIT P90
      cpu   ················  0 / 8 cores        -        0       -         -"
    `)
  })

  it("without a daemon", () =>
    expect(show(noDaemon("unix:/run/rm.sock", sheet(60)))).toMatchInlineSnapshot(`
    "No daemon answers at unix:/run/rm.sock.
    Start one with \`resource-manager serve\`, or let
    \`resource-manager run\` start it."
  `))
})

describe("pools", () => {
  it("list at 200, 80 and 40 columns", () => {
    expect(show(at("pools list", 200))).toMatchInlineSnapshot(`
      "POOL     USE               IN USE                WAITING  RATE         GRANTED  FAILED  WAIT P90  FAIR
      cpu      ████████████····  6 / 8 cores                 2  -                 22       1      0 ms  0.45
      memory   ██████████████··  14 / 16 GiB                 1  -                  3       -      0 ms  0.58
      network  ██▎·············  14 / 100 connections        1  5/s, 8 left        2       -      0 ms  0.84
      gpu      ················  0 / 2 devices               1  -                  0       -         -     -
      db-lock  ████████████████  1 / 1 holder                1  -                  1       -      0 ms  0.50"
    `)
    expect(show(at("pools list", 80))).toMatchInlineSnapshot(`
      "POOL     USE               IN USE                WAITING  RATE
      cpu      ████████████····  6 / 8 cores                 2  -
      memory   ██████████████··  14 / 16 GiB                 1  -
      network  ██▎·············  14 / 100 connections        1  5/s, 8 left
      gpu      ················  0 / 2 devices               1  -
      db-lock  ████████████████  1 / 1 holder                1  -"
    `)
    expect(show(at("pools list", 40))).toMatchInlineSnapshot(`
      "POOL     IN USE                WAITING
      cpu      6 / 8 cores                 2
      memory   14 / 16 GiB                 1
      network  14 / 100 connections        1
      gpu      0 / 2 devices               1
      db-lock  1 / 1 holder                1"
    `)
  })

  it("list with earmarks, over-use and a reason for the capacity", () => {
    const [cpu, memory] = overview.pools
    const pools = [
      { ...cpu!, inUse: 10, note: "cpu pressure 40 %" },
      { ...memory!, earmarked: 2 * 1024 ** 3, failures: { QuotaExceeded: 2, Interrupted: 40_000 } }
    ]
    expect(show(poolList(pools, sheet(200)))).toMatchInlineSnapshot(`
      "POOL    USE               IN USE              KEPT   WAITING  GRANTED  FAILED  WAIT P90  FAIR  NOTE
      cpu     ███████████████»  10 / 8 cores, over  -            2       22       1      0 ms  0.45  cpu pressure 40 %
      memory  ██████████████▒▒  14 / 16 GiB         2 GiB        1        3  40,002      0 ms  0.58"
    `)
  })

  it("show at 80 and 40 columns", () => {
    expect(show(at("pools show", 80))).toMatchInlineSnapshot(`
      "pool         cpu
      in use       6 / 8 cores (75 %) ████████████····
      free         2 cores
      capacity     8 cores
      peak         6 cores
      mean in use  4.5 of 8
      fairness     0.45 of 1, by weight
      granted      22
      failed       1 over quota
      waits        p50 0 ms, p90 0 ms, p99 0 ms, at most 0 ms, of 22
      holds        p50 3 s, p90 3 s, p99 3 s, at most 3 s, of 20

      Held by
      LEASE  AGENT     AMOUNT       HELD
          1  builder  4 cores  2 min 8 s
         25  tests    2 cores      2.4 s

      Waiting, in order
      WAITER  AGENT   AMOUNT  WAITED
          27  lint   4 cores   1.9 s
          28  docs    1 core  400 ms"
    `)
    expect(show(at("pools show", 40))).toMatchInlineSnapshot(`
      "pool         cpu
      in use       6 / 8 cores (75 %) ███████…
      free         2 cores
      capacity     8 cores
      peak         6 cores
      mean in use  4.5 of 8
      fairness     0.45 of 1, by weight
      granted      22
      failed       1 over quota
      waits        p50 0 ms, p90 0 ms, p99 0
                   ms, at most 0 ms, of 22
      holds        p50 3 s, p90 3 s, p99 3 s,
                   at most 3 s, of 20

      Held by
      LEASE  AGENT     AMOUNT       HELD
          1  builder  4 cores  2 min 8 s
         25  tests    2 cores      2.4 s

      Waiting, in order
      WAITER  AGENT   AMOUNT  WAITED
          27  lint   4 cores   1.9 s
          28  docs    1 core  400 ms"
    `)
  })

  it("show a rate and bounds", () => {
    const network = overview.pools.find(({ resourceType }) => resourceType === "network")!
    const gpu = overview.pools.find(({ resourceType }) => resourceType === "gpu")!
    const nobody = { leases: [], waiters: [] }
    expect(show([...poolShow(network, nobody, sheet(80)), "--", ...poolShow(gpu, nobody, sheet(80))]))
      .toMatchInlineSnapshot(`
        "pool         network
        in use       14 / 100 connections (14 %) ██▎·············
        free         86 connections
        capacity     100 connections
        rate         5/s by the unit, at most 10 saved up, 8 tokens there
        peak         14 connections
        mean in use  0.2 of 100
        fairness     0.84 of 1, by weight
        granted      2
        failed       none
        waits        p50 0 ms, p90 0 ms, p99 0 ms, at most 0 ms, of 2
        holds        none yet
        --
        pool         gpu
        in use       0 / 2 devices (0 %) ················
        free         2 devices
        capacity     2 devices (at most 4 devices)
        peak         0 devices
        mean in use  0 of 2
        granted      0
        failed       none
        waits        none yet
        holds        none yet"
      `)
  })
})

describe("agents", () => {
  it("list at 200, 80 and 40 columns", () => {
    expect(show(at("agents list", 200))).toMatchInlineSnapshot(`
      "AGENT    HELD                 QUOTA                WAITING  GRANTED  FAILED  WAIT P90
      builder  cpu 4, memory 4 GiB  cpu 6, memory 4 GiB        -        1       1      0 ms
      tests    cpu 2, memory 2 GiB  cpu 8                      1       21       -      0 ms
      migrate  db-lock 1            -                          -        1       -      0 ms
      ビルド   memory 8 GiB         -                          -        1       -      0 ms
      by-hand  network 10           -                          -        1       -      0 ms
      lint     -                    -                          1        0       -         -
      docs     -                    -                          1        0       -         -
      crawler  network 4            -                          1        1       -      0 ms
      trainer  -                    -                          1        0       -         -"
    `)
    expect(show(at("agents list", 80))).toMatchInlineSnapshot(`
      "AGENT    HELD                 QUOTA                WAITING  GRANTED  FAILED
      builder  cpu 4, memory 4 GiB  cpu 6, memory 4 GiB        -        1       1
      tests    cpu 2, memory 2 GiB  cpu 8                      1       21       -
      migrate  db-lock 1            -                          -        1       -
      ビルド   memory 8 GiB         -                          -        1       -
      by-hand  network 10           -                          -        1       -
      lint     -                    -                          1        0       -
      docs     -                    -                          1        0       -
      crawler  network 4            -                          1        1       -
      trainer  -                    -                          1        0       -"
    `)
    expect(show(at("agents list", 40))).toMatchInlineSnapshot(`
      "AGENT    HELD                 WAITING
      builder  cpu 4, memory 4 GiB        -
      tests    cpu 2, memory 2 GiB        1
      migrate  db-lock 1                  -
      ビルド   memory 8 GiB               -
      by-hand  network 10                 -
      lint     -                          1
      docs     -                          1
      crawler  network 4                  1
      trainer  -                          1"
    `)
  })

  it("show", () =>
    expect(show(at("agents show", 80))).toMatchInlineSnapshot(`
    "agent    tests
    granted  21
    failed   none
    waits    p50 0 ms, p90 0 ms, p99 0 ms, at most 0 ms, of 21
    holds    p50 3 s, p90 3 s, p99 3 s, at most 3 s, of 20

    TYPE        HELD  WAITS FOR    QUOTA     PEAK
    cpu      2 cores          -  8 cores  2 cores
    memory     2 GiB          -        -    2 GiB
    db-lock        -   1 holder        -        -

    1 lease
    LEASE  CLAIM                 HELD  PROCESSES  TOKEN  NOTE
       25  cpu 2, memory 2 GiB  2.4 s  4801          25  orphaned

    1 wait
    WAITER  CLAIM      WAITED  INSIDE  WHY
        26  db-lock 1   2.4 s      25  db-lock: 1 holder, none free

    All reasons: \`resource-manager why tests\`"
  `))

  it("have quotas", () => {
    expect(show(at("quota list", 80))).toMatchInlineSnapshot(`
      "AGENT    TYPE      QUOTA     HELD  WAITS FOR     LEFT
      builder  cpu     6 cores  4 cores          -  2 cores
      builder  memory    4 GiB    4 GiB          -     none
      tests    cpu     8 cores  2 cores          -  6 cores"
    `)
    expect(show(at("quota list", 40, colored))).toMatchInlineSnapshot(`
      "‹2›AGENT‹0›    ‹2›TYPE‹0›      ‹2›QUOTA‹0›     ‹2›LEFT‹0›
      ‹36›builder‹0›  cpu     6 cores  2 cores
      ‹36›builder‹0›  memory    4 GiB     ‹33›none‹0›
      ‹36›tests‹0›    cpu     8 cores  6 cores"
    `)
  })
})

describe("leases list", () => {
  it("at 200, 80 and 40 columns", () => {
    expect(show(at("leases list", 200))).toMatchInlineSnapshot(`
      "LEASE  AGENT    CLAIM                     HELD  EXPIRES IN  SESSION   PROCESSES          TOKEN  NOTE
          1  builder  cpu 4, memory 4 GiB  2 min 8 s           -  run make  4720 4721 4722 +1      1
          2  migrate  db-lock 1            2 min 8 s           -  editor    -                      2
         23  ビルド   memory 8 GiB             2.5 s           -  editor    -                     23
         24  by-hand  network 10               2.5 s  9 min 58 s  editor    -                     24  by hand
         25  tests    cpu 2, memory 2 GiB      2.4 s           -  -         4801                  25  orphaned
         29  crawler  network 4               400 ms           -  editor    -                     26"
    `)
    expect(show(at("leases list", 80))).toMatchInlineSnapshot(`
      "LEASE  AGENT    CLAIM                     HELD  EXPIRES IN  NOTE
          1  builder  cpu 4, memory 4 GiB  2 min 8 s           -
          2  migrate  db-lock 1            2 min 8 s           -
         23  ビルド   memory 8 GiB             2.5 s           -
         24  by-hand  network 10               2.5 s  9 min 58 s  by hand
         25  tests    cpu 2, memory 2 GiB      2.4 s           -  orphaned
         29  crawler  network 4               400 ms           -"
    `)
    expect(show(at("leases list", 40))).toMatchInlineSnapshot(`
      "LEASE  AGENT    CLAIM
          1  builder  cpu 4, memory 4 GiB
          2  migrate  db-lock 1
         23  ビルド   memory 8 GiB
         24  by-hand  network 10
         25  tests    cpu 2, memory 2 GiB
         29  crawler  network 4"
    `)
  })

  it("says what was told to end, for what and until when", () => {
    const causes = ["priority", "reclaim", "age", "deadlock", "reservation", "expiry"] as const
    const leases = causes.map((cause, index): HeldLease => ({
      id: index + 1,
      agent: cause,
      claim: { cpu: 1 },
      token: index + 1,
      heldMillis: 5_000,
      manual: false,
      ...(cause === "age" ? { orphaned: true } : {}),
      ending: { cause, latestInMillis: 8_000, ...(cause === "reservation" ? { reservation: 7 } : {}) }
    }))
    expect(show(leaseList(leases, sheet(120)))).toMatchInlineSnapshot(`
      "LEASE  AGENT        CLAIM  HELD  TOKEN  NOTE
          1  priority     cpu 1   5 s      1  told to end, within 8 s: for a claim of higher priority
          2  reclaim      cpu 1   5 s      2  told to end, within 8 s: for who lent it
          3  age          cpu 1   5 s      3  orphaned, told to end, within 8 s: for an older claim
          4  deadlock     cpu 1   5 s      4  told to end, within 8 s: to resolve a deadlock
          5  reservation  cpu 1   5 s      5  told to end, within 8 s: for reservation 7
          6  expiry       cpu 1   5 s      6  told to end, within 8 s: it has expired"
    `)
    expect(show(leaseList(leases, sheet(60)))).toMatchInlineSnapshot(`
      "LEASE  AGENT        CLAIM  HELD  TOKEN  NOTE
          1  priority     cpu 1   5 s      1  told to end, within…
          2  reclaim      cpu 1   5 s      2  told to end, within…
          3  age          cpu 1   5 s      3  orphaned, told to e…
          4  deadlock     cpu 1   5 s      4  told to end, within…
          5  reservation  cpu 1   5 s      5  told to end, within…
          6  expiry       cpu 1   5 s      6  told to end, within…"
    `)
  })
})

describe("waiters list", () => {
  it("at 200, 80 and 40 columns", () => {
    expect(show(at("waiters list", 200))).toMatchInlineSnapshot(`
      "WAITER  AGENT    CLAIM                WAITED  GIVES UP IN  INSIDE  WHY
          26  tests    db-lock 1             2.4 s            -      25  db-lock: 1 holder, none free
          27  lint     cpu 4, memory 8 GiB   1.9 s         58 s       -  cpu: 4 cores, 2 cores free +1
          28  docs     cpu 1                400 ms            -       -  cpu: behind 1
          30  crawler  network 10           400 ms            -       -  network: tokens in 400 ms
          31  trainer  gpu 3                400 ms            -       -  gpu: must grow to 3 devices

      All reasons of one: \`resource-manager why 26\`"
    `)
    expect(show(at("waiters list", 80))).toMatchInlineSnapshot(`
      "WAITER  AGENT    CLAIM                WAITED  WHY
          26  tests    db-lock 1             2.4 s  db-lock: 1 holder, none free
          27  lint     cpu 4, memory 8 GiB   1.9 s  cpu: 4 cores, 2 cores free +1
          28  docs     cpu 1                400 ms  cpu: behind 1
          30  crawler  network 10           400 ms  network: tokens in 400 ms
          31  trainer  gpu 3                400 ms  gpu: must grow to 3 devices

      All reasons of one: \`resource-manager why 26\`"
    `)
    expect(show(at("waiters list", 40))).toMatchInlineSnapshot(`
      "WAITER  AGENT    WAITED
          26  tests     2.4 s
          27  lint      1.9 s
          28  docs     400 ms
          30  crawler  400 ms
          31  trainer  400 ms

      All reasons of one: \`resource-manager
      why 26\`"
    `)
  })
})

describe("plugins list", () => {
  it("at 80 columns", () =>
    expect(show(at("plugins list", 80))).toMatchInlineSnapshot(`
    "PLUGIN                    POOL     CAPACITY  REALLY IN USE  NOTE
    @resource-manager/plugi…  cpu       8 cores        5 cores
    @resource-manager/plugi…  memory     16 GiB       9.25 GiB  memory pressure 12 %
    @acme/gpu                 gpu     2 devices              -"
  `))
})

describe("run", () => {
  it("says what it waits for on one line", () => {
    const [, lint] = overview.waiters
    expect(show([200, 60].map((width) => waitingLine(lint!, sheet(width))))).toMatchInlineSnapshot(`
      "lint waits 1.9 s for cpu 4, memory 8 GiB (cpu: 4 cores, 2 cores free +1, gives up in 58 s)
      lint waits 1.9 s for cpu 4, memory 8 GiB (cpu: 4 cores, 2 c…"
    `)
  })

  it("says until when a pool is left alone", () => {
    const [, lint] = overview.waiters
    const note = "left alone until 2026-12-01T12:00:00Z, as asked for; then 50 % of the configured rate"
    const paused = {
      _tag: "Growth",
      resourceType: "api",
      message: "api: asks for 1",
      note,
      holders: [],
      ahead: 0
    } as const
    expect(show([waitingLine({ ...lint!, claim: { api: 1 }, reasons: [paused] }, sheet(200))])).toMatchInlineSnapshot(`
      "lint waits 1.9 s for api 1 (api: left alone until 2026-12-01T12:00:00Z, as asked for; then 50 % of the configured rate, gives up in 58 s)"
    `)
  })

  it("says why not now", () => {
    expect(show([...notNow(busy.refused, sheet(120)), ...notNow(busy.short, sheet(120))])).toMatchInlineSnapshot(`
      "builder asked for 3 cores of cpu: its quota is 6 cores, it holds 4 cores
      cpu: 3 cores, 2 cores free
      cpu: behind 2
      cpu: 4 cores, 2 cores free
      cpu: behind 2"
    `)
  })
})

describe("nothing at all", () => {
  it("says what to do next", () => {
    const nothing: OverviewView = { pools: [], agents: [], leases: [], waiters: [] }
    const said = ["pools list", "agents list", "quota list", "leases list", "waiters list"].flatMap((name) =>
      screens[name]!(sheet(80), nothing)
    )
    expect(show([...said, ...pluginList([], sheet(80))])).toMatchInlineSnapshot(`
      "No pools. Name them in the configuration, and look at it with \`resource-manager
      config show\`.
      No agent has asked for anything yet. Try \`resource-manager run --agent me --cpu
      1 -- echo hello\`.
      No quotas: every agent may hold all there is. Set one with \`resource-manager
      quota set AGENT cpu 4\`.
      Nothing is held. Try \`resource-manager run --agent me --cpu 1 -- sleep 10\`.
      Nobody waits. What is held: \`resource-manager leases list\`.
      No plugins. Name them in the configuration under \`plugins\`, such as \`host\` for
      this machine."
    `)
  })
})

describe("every screen", () => {
  const renamed = (name: string): OverviewView => {
    const one = <A extends { readonly agent: string }>(views: ReadonlyArray<A>) =>
      views.map((view) => ({ ...view, agent: name }))
    return {
      status: { ...status, addresses: [name], stateFolder: name },
      pools: overview.pools.map((pool) => ({
        ...pool,
        resourceType: name,
        capacity: Number.MAX_SAFE_INTEGER,
        inUse: Number.MAX_SAFE_INTEGER - 1,
        acquisitions: Number.MAX_SAFE_INTEGER,
        tokens: Number.MAX_SAFE_INTEGER,
        note: name
      })),
      agents: one(overview.agents).map((agent) => ({
        ...agent,
        accounts: { [name]: { held: 1, waiting: 1, peak: 1, quota: 1 } }
      })),
      leases: one(known).map((lease) => ({
        ...lease,
        session: name,
        claim: { [name]: Number.MAX_SAFE_INTEGER },
        heldMillis: 1e15,
        ending: { cause: "reservation", latestInMillis: 1e15, reservation: Number.MAX_SAFE_INTEGER }
      })),
      waiters: one(overview.waiters).map((waiter) => ({ ...waiter, claim: { [name]: 1 }, earmarked: [name] }))
    }
  }

  it("stays within its width and on its lines, whatever the names and numbers", () => {
    for (const name of hostileNames) {
      const types = typesFrom([{ name, unit: name, unitOne: name }])
      for (const width of [1, 20, 80]) {
        for (const style of [colored, ascii]) {
          for (const screen of Object.values(screens)) {
            for (const each of screen(sheet(width, style, types), renamed(name))) {
              const text = withoutColors(each)
              assert.isAtMost(stringWidth(text), width)
              // oxlint-disable-next-line no-control-regex
              assert.notMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e\u200b]/)
            }
          }
        }
      }
    }
  })

  it("says the same with colours and without", () => {
    for (const screen of Object.values(screens)) {
      for (const width of [40, 80, 200]) {
        assert.deepStrictEqual(screen(sheet(width, colored), full).map(withoutColors), screen(sheet(width), full))
      }
    }
  })
})

describe("a command in a hint", () => {
  it("can be pasted, whatever the names in it", () => {
    assert.strictEqual(command("quota set", "tests", "cpu", 6), "resource-manager quota set tests cpu 6")
    assert.strictEqual(command("why", "my agent"), "resource-manager why 'my agent'")
    assert.strictEqual(command("why", "it's"), String.raw`resource-manager why 'it'\''s'`)
    assert.strictEqual(command("why", "ビルド"), "resource-manager why 'ビルド'")
    assert.strictEqual(command("why", ""), "resource-manager why ''")
    assert.strictEqual(command("why", "--json"), "resource-manager why -- --json")
    assert.strictEqual(command("why", "\u001B[2J'"), String.raw`resource-manager why $'\x1b[2J\x27'`)
  })
})

describe("failures", () => {
  it("are counted by what ended them, the most frequent first", () => {
    assert.strictEqual(failuresText({}), "none")
    assert.strictEqual(
      failuresText({ Interrupted: 1, QuotaExceeded: 1_200, ClaimTimedOut: 1, New: 3 }),
      "1,200 over quota, 3 New, 1 timed out, 1 given up"
    )
  })
})

describe("types from a daemon", () => {
  it("read as they do where they were made", () => {
    const local = make("gpu", { unit: "devices" })
    const types = typesFrom([{ name: "gpu", unit: "devices", unitOne: "device" }])
    for (const value of [0, 1, 2]) assert.strictEqual(types.get("gpu")?.format(value), local.format(value))
  })
})
