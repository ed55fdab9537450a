/** `why`: its pages, and for each rule of a hint a case in which it is the one to be told. */
import { assert, describe, expect, it } from "@effect/vitest"
import type { WaitReason } from "@resource-manager/core/Statistics"
import stringWidth from "string-width"
import { hintForAgent } from "../../src/render/why/agentHints.ts"
import { type Hint, type HintRule, hintForWaiter } from "../../src/render/why/hints.ts"
import { Scene } from "../../src/render/why/scene.ts"
import { why, whyNobody } from "../../src/render/why/why.ts"
import { typesOf } from "../../src/render/amounts.ts"
import type { AgentStatistics, HeldLease, OverviewView, PoolStatistics, WaiterView } from "../../src/render/views.ts"
import { busy, deadlocked, sheet } from "./scenario.ts"
import { colored, hostileNames, show, withoutColors } from "./support.ts"

const types = typesOf([])
const gib = 1024 ** 3

const none = { count: 0, mean: 0, max: 0, p50: 0, p90: 0, p99: 0 }

const pool = (resourceType: string, capacity: number, more: Partial<PoolStatistics> = {}): PoolStatistics => ({
  resourceType,
  capacity,
  minCapacity: 0,
  maxCapacity: capacity,
  inUse: capacity,
  free: 0,
  earmarked: 0,
  peak: capacity,
  usagePercent: 100,
  meanInUse: capacity,
  acquisitions: 1,
  failures: {},
  waiting: 1,
  waitingAmount: 1,
  waits: none,
  holds: none,
  ...more
})

const lease = (id: number, agent: string, claim: Record<string, number>, more: Partial<HeldLease> = {}): HeldLease => ({
  id,
  agent,
  claim,
  token: id,
  heldMillis: 5_000,
  manual: false,
  ...more
})

const lacks = (resourceType: string, requested: number, available = 0): WaitReason => ({
  _tag: "Capacity",
  resourceType,
  message: "",
  requested,
  available,
  holders: [],
  ahead: 0
})

const behind = (resourceType: string, ahead: number): WaitReason => ({
  _tag: "Order",
  resourceType,
  message: "",
  holders: [],
  ahead
})

const rated = (resourceType: string, readyInMillis?: number): WaitReason => ({
  _tag: "Rate",
  resourceType,
  message: "",
  requested: 1,
  available: 0,
  holders: [],
  ahead: 0,
  ...(readyInMillis === undefined ? {} : { readyInMillis })
})

const quotaOf = (
  resourceType: string,
  requested: number,
  quota: Partial<NonNullable<WaitReason["quota"]>>
): WaitReason => ({
  ...lacks(resourceType, requested),
  _tag: "Quota",
  quota: { path: [], limit: "nominal", quota: 0, held: 0, entitled: false, borrowers: [], ...quota }
})

const waiter = (reasons: ReadonlyArray<WaitReason>, more: Partial<WaiterView> = {}): WaiterView => ({
  id: 50,
  agent: "me",
  claim: Object.fromEntries(reasons.map(({ requested, resourceType }) => [resourceType, requested ?? 1])),
  waitedMillis: 1_000,
  reasons,
  earmarked: [],
  exempt: false,
  ...more
})

const agent = (failures: Record<string, number>, accounts: AgentStatistics["accounts"] = {}): AgentStatistics => ({
  agent: "me",
  accounts,
  acquisitions: 3,
  failures,
  waiting: 0,
  waits: none,
  holds: none
})

const overview = (parts: Partial<OverviewView>): OverviewView => ({
  pools: [],
  agents: [],
  leases: [],
  waiters: [],
  ...parts
})

const forWaiter = (one: WaiterView, parts: Partial<OverviewView>): Hint =>
  hintForWaiter(one, new Scene(overview({ waiters: [one], ...parts })), types)

const forAgent = (one: AgentStatistics, parts: Partial<OverviewView> = {}): Hint =>
  hintForAgent(one, overview({ agents: [one], ...parts }), types)

/** Leases that came back in the time that a pool's leases take. */
const usually = { ...none, count: 100, p50: 1_000, p90: 2_000, p99: 4_000 }

const cases: ReadonlyArray<{
  readonly rule: HintRule
  readonly what: string
  readonly hint: () => Hint
  readonly command: string | undefined
}> = [
  {
    rule: "grow",
    what: "asks for more than there is",
    hint: () =>
      forWaiter(waiter([{ ...lacks("gpu", 3), _tag: "Growth" }, behind("gpu", 2)]), {
        pools: [pool("gpu", 2, { maxCapacity: 4 })]
      }),
    command: "resource-manager pools set-capacity gpu 3"
  },
  {
    rule: "lowered",
    what: "asks for more than there is for now",
    hint: () =>
      forWaiter(waiter([{ ...lacks("memory", 4 * gib), _tag: "Growth" }]), {
        pools: [pool("memory", 2 * gib, { maxCapacity: 8 * gib, note: "memory pressure 12 %" })]
      }),
    command: undefined
  },
  {
    rule: "tokens",
    what: "lacks tokens alone",
    hint: () =>
      forWaiter(waiter([rated("network", 3_200)], { earliestInMillis: 3_200 }), { pools: [pool("network", 10)] }),
    command: undefined
  },
  {
    rule: "tooLate",
    what: "gives up before its tokens come",
    hint: () =>
      forWaiter(waiter([rated("network", 3_200)], { earliestInMillis: 3_200, timesOutInMillis: 1_000 }), {
        pools: [pool("network", 10, { rate: { limit: 5, intervalMillis: 60_000, burst: 20, per: "unit" } })]
      }),
    command: "resource-manager pools set-rate network 16/min:20"
  },
  {
    rule: "ahead",
    what: "is behind somebody: tells what helps that one",
    hint: () => {
      const first = waiter([lacks("cpu", 4)], { id: 40, agent: "first" })
      return forWaiter(waiter([behind("cpu", 1)]), {
        waiters: [first, waiter([behind("cpu", 1)])],
        pools: [pool("cpu", 8)],
        leases: [lease(7, "holder", { cpu: 8 })]
      })
    },
    command: "resource-manager leases revoke 7"
  },
  {
    rule: "ahead",
    what: "is behind somebody for whom its units are kept: what helps that one elsewhere",
    hint: () => {
      const first = waiter([lacks("memory", 4)], { id: 40, claim: { cpu: 4, memory: 4 }, earmarked: ["cpu"] })
      const me = waiter([lacks("cpu", 4, 4), behind("cpu", 1)])
      return forWaiter(me, {
        waiters: [first, me],
        pools: [pool("cpu", 8), pool("memory", 4)],
        leases: [lease(7, "cpu holder", { cpu: 4 }), lease(8, "memory holder", { memory: 4 })]
      })
    },
    command: "resource-manager leases revoke 8"
  },
  {
    rule: "ahead",
    what: "is behind one that came later, by the order of a policy",
    hint: () => {
      const later = waiter([lacks("cpu", 4)], { id: 60, agent: "urgent" })
      const me = waiter([behind("cpu", 1)])
      return forWaiter(me, {
        waiters: [later, me],
        pools: [pool("cpu", 8)],
        leases: [lease(7, "holder", { cpu: 8 })]
      })
    },
    command: "resource-manager leases revoke 7"
  },
  {
    rule: "quota",
    what: "waits for its agent's own quota",
    hint: () => forWaiter(waiter([quotaOf("cpu", 2, { path: [], limit: "max", quota: 3, held: 3 })]), {}),
    command: "resource-manager quota set me cpu 5"
  },
  {
    rule: "quota",
    what: "waits for what its group may use at most, though it is its group's own",
    hint: () =>
      forWaiter(waiter([quotaOf("cpu", 2, { path: ["acme"], limit: "max", quota: 3, held: 2, entitled: true })]), {}),
    command: "resource-manager quota group set --limit cpu.max=4 acme"
  },
  {
    rule: "quota",
    what: "waits for a lease of its group",
    hint: () =>
      forWaiter(waiter([quotaOf("cpu", 2, { path: ["acme", "w b"], limit: "leases", quota: 3, held: 3 })]), {}),
    command: "resource-manager quota group set --limit cpu.leases=4 'w b'"
  },
  {
    rule: "quota",
    what: "waits for what its group has lent",
    hint: () =>
      forWaiter(
        waiter([quotaOf("cpu", 2, { path: ["acme"], limit: "nominal", quota: 3, held: 2, entitled: true })]),
        {}
      ),
    command: undefined
  },
  {
    rule: "reservation",
    what: "would run into a window",
    hint: () =>
      forWaiter(
        waiter([{ ...lacks("cpu", 2, 0), _tag: "Reservation", kept: [{ for: "demo", amount: 4, inMillis: 60_000 }] }]),
        {}
      ),
    command: "resource-manager reserve list"
  },
  {
    rule: "safety",
    what: "would risk a deadlock",
    hint: () => {
      const declared = [
        { lease: 50, agent: "me", amount: 4 },
        { lease: 7, agent: "other", amount: 3 }
      ]
      return forWaiter(waiter([{ ...lacks("cpu", 2, 2), _tag: "Safety", declared }]), { pools: [pool("cpu", 8)] })
    },
    command: "resource-manager leases revoke 7"
  },
  {
    rule: "planned",
    what: "starts by a plan",
    hint: () => forWaiter(waiter([behind("cpu", 1)], { earliestInMillis: 60_000 }), { pools: [pool("cpu", 8)] }),
    command: undefined
  },
  {
    rule: "orphaned",
    what: "lacks what a lease without a client holds",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)]), {
        pools: [pool("cpu", 8)],
        leases: [lease(3, "alive", { cpu: 4 }), lease(4, "dead", { cpu: 4 }, { orphaned: true })]
      }),
    command: "resource-manager leases revoke 4"
  },
  {
    rule: "own",
    what: "lacks what its own agent holds elsewhere",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)]), {
        pools: [pool("cpu", 8)],
        leases: [lease(3, "other", { cpu: 4 }), lease(4, "me", { cpu: 4 })]
      }),
    command: "resource-manager leases revoke 4"
  },
  {
    rule: "ending",
    what: "lacks what was told to end",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)], { earliestInMillis: 8_000 }), {
        pools: [pool("cpu", 8)],
        leases: [
          lease(3, "orphan", { cpu: 4 }, { orphaned: true }),
          lease(4, "told", { cpu: 4 }, { ending: { cause: "priority", latestInMillis: 8_000 } })
        ]
      }),
    command: undefined
  },
  {
    rule: "expires",
    what: "lacks what expires in time",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)], { timesOutInMillis: 10_000 }), {
        pools: [pool("cpu", 8)],
        leases: [
          lease(3, "other", { cpu: 2 }, { expiresInMillis: 2_000 }),
          lease(4, "third", { cpu: 4 }, { expiresInMillis: 9_000 })
        ]
      }),
    command: undefined
  },
  {
    rule: "revoke",
    what: "gives up before anything expires",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)], { timesOutInMillis: 5_000 }), {
        pools: [pool("cpu", 4)],
        leases: [lease(4, "third", { cpu: 4 }, { expiresInMillis: 9_000 })]
      }),
    command: "resource-manager leases revoke 4"
  },
  {
    rule: "stale",
    what: "lacks what has been held far longer than usual",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4)]), {
        pools: [pool("cpu", 8, { holds: usually, maxCapacity: 100 })],
        leases: [lease(3, "busy", { cpu: 4 }), lease(4, "forgotten", { cpu: 4 }, { heldMillis: 60_001 })]
      }),
    command: "resource-manager leases revoke 4"
  },
  {
    rule: "raise",
    what: "lacks what its pool may grow by",
    hint: () =>
      forWaiter(waiter([lacks("memory", 2 * gib)]), {
        pools: [pool("memory", 4 * gib, { maxCapacity: 8 * gib })],
        leases: [lease(3, "busy", { memory: 4 * gib })]
      }),
    command: "resource-manager pools set-capacity memory 6GiB"
  },
  {
    rule: "usual",
    what: "lacks what comes back soon, as a rule",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 4, 1)]), {
        pools: [pool("cpu", 8, { holds: usually })],
        leases: [
          lease(1, "a", { cpu: 2 }),
          lease(2, "b", { cpu: 5 }),
          lease(3, "c", { cpu: 3 }),
          lease(4, "d", { cpu: 4 })
        ]
      }),
    command: "resource-manager leases revoke 3"
  },
  {
    rule: "revoke",
    what: "lacks several types: the lease that has most of them",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 2), lacks("memory", 2)]), {
        pools: [pool("cpu", 8), pool("memory", 8)],
        leases: [lease(1, "a", { cpu: 2 }), lease(2, "b", { cpu: 4, memory: 4 }), lease(3, "c", { memory: 2 })]
      }),
    command: "resource-manager leases revoke 2"
  },
  {
    rule: "revoke",
    what: "lacks more than any lease holds: the largest that it is not inside of",
    hint: () =>
      forWaiter(waiter([lacks("cpu", 8)], { parent: 2 }), {
        pools: [pool("cpu", 8)],
        leases: [lease(1, "a", { cpu: 1 }), lease(2, "me", { cpu: 4 }), lease(3, "c", { cpu: 3 })]
      }),
    command: "resource-manager leases revoke 3"
  },
  {
    rule: "turn",
    what: "lacks nothing",
    hint: () => forWaiter(waiter([]), {}),
    command: undefined
  },
  {
    rule: "quota",
    what: "was over its quota: doubles the one that leaves least",
    hint: () =>
      forAgent(
        agent(
          { QuotaExceeded: 3, Interrupted: 9 },
          {
            cpu: { held: 1, waiting: 0, peak: 1, quota: 8 },
            memory: { held: 3 * gib, waiting: 0, peak: 1, quota: 3 * gib },
            network: { held: 5, waiting: 0, peak: 5 }
          }
        )
      ),
    command: "resource-manager quota set me memory 6GiB"
  },
  {
    rule: "quota",
    what: "was over a quota that is gone",
    hint: () => forAgent(agent({ QuotaExceeded: 3 })),
    command: "resource-manager quota list"
  },
  {
    rule: "deadlock",
    what: "closed cycles",
    hint: () => forAgent(agent({ DeadlockDetected: 1 })),
    command: "resource-manager deadlocks"
  },
  {
    rule: "timeout",
    what: "gave up: the longest of its queues",
    hint: () =>
      forAgent(
        agent(
          { ClaimTimedOut: 2, QuotaExceeded: 1 },
          { cpu: { held: 0, waiting: 0, peak: 0 }, disk: { held: 0, waiting: 0, peak: 0 } }
        ),
        { pools: [pool("gpu", 1, { waiting: 9 }), pool("cpu", 1, { waiting: 1 }), pool("disk", 1, { waiting: 3 })] }
      ),
    command: "resource-manager pools show disk"
  },
  {
    rule: "exhausted",
    what: "asked for too much",
    hint: () => forAgent(agent({ ResourceExhausted: 1 })),
    command: "resource-manager pools list"
  },
  {
    rule: "full",
    what: "met a full queue",
    hint: () => forAgent(agent({ QueueFull: 1 })),
    command: "resource-manager waiters list"
  },
  { rule: "nothing", what: "was refused nothing", hint: () => forAgent(agent({ Interrupted: 4 })), command: undefined }
]

describe("the hint", () => {
  for (const { command, hint, rule, what } of cases) {
    it(`for one that ${what}: ${rule}`, () => {
      const told = hint()
      assert.strictEqual(told.rule, rule)
      assert.strictEqual(told.command, command)
      assert.match(told.text, /^[A-Z].*[.:]$/)
    })
  }

  it("says in words what it is about", () => {
    expect(cases.map(({ hint, rule }) => `${rule.padEnd(9)} ${hint().text}`).join("\n")).toMatchInlineSnapshot(`
      "grow      It asks for 3 units of gpu, the pool has 2 units: only growth serves it.
      lowered   The pool memory has less for now, and gets it back by itself: memory pressure 12 %.
      tokens    Nothing to do: its tokens come in 3.2 s.
      tooLate   It gives up in 1 s, and its tokens come in 3.2 s.
      ahead     Waiter 40 of first is ahead. Lease 7 of holder holds 8 cores of cpu: wait for it, or take it back.
      ahead     Waiter 40 of me is ahead. Lease 8 of memory holder holds 4 B of memory: wait for it, or take it back.
      ahead     Waiter 60 of urgent is ahead. Lease 7 of holder holds 8 cores of cpu: wait for it, or take it back.
      quota     It waits for its agent's own quota: it goes on as leases of the agent return, or with a higher one.
      quota     It waits for the quota of acme: it goes on as leases of its tree return.
      quota     It waits for the quota of w b: it goes on as leases of its tree return.
      quota     Nothing to do: it asks for what is its group's own, and has it first as leases return.
      reservation It would run into what was promised to demo in 1 min. A claim that declares to be done before (run --expected) starts now.
      safety    Lease 7 of other declared that it may ask for 3 cores more of cpu: wait for it, or take it back.
      planned   Nothing to do: it starts within 1 min, if leases return by when they say.
      orphaned  Lease 4 of dead holds 4 cores of cpu without a client, for processes that go on.
      own       It waits for what its own agent has. Lease 4 of me holds 4 cores of cpu: give that back, or take it.
      ending    Nothing to do: what it lacks was told to end, and is back within 8 s.
      expires   Nothing to do: what it lacks expires within 9 s.
      revoke    Lease 4 of third holds 4 cores of cpu: wait for it, or take it back.
      stale     Lease 4 of forgotten holds 4 cores of cpu, for 1 min now. Leases of cpu mostly (99 %) come back within 4 s.
      raise     The pool memory may have up to 8 GiB.
      usual     Leases of cpu mostly (90 %) come back within 2 s. Lease 3 of c holds 3 cores of cpu: to have that at once, take it back.
      revoke    Lease 2 of b holds 4 cores of cpu and 4 B of memory: wait for it, or take it back.
      revoke    Lease 3 of c holds 3 cores of cpu: wait for it, or take it back. It would still lack 5 cores of cpu.
      turn      Nothing to do: it is its turn.
      quota     Its quota of memory is 3 GiB, and it holds 3 GiB. To double it:
      quota     It was over a quota that has been removed since.
      deadlock  What it asked for would have closed a cycle of waits:
      timeout   It gave up before its turn came. Ask with a longer time-out, or see who holds what it waited for:
      exhausted It asked for more than there ever is, or for what was not there and did not wait:
      full      Too many waited already:
      nothing   Nothing to do: me waits for nothing, and nothing was refused to it."
    `)
  })

  it("ends where a daemon's answer has a cycle", () => {
    const loop = [lease(1, "a", { cpu: 1 }, { parent: 2 }), lease(2, "b", { cpu: 1 }, { parent: 1 })]
    assert.strictEqual(
      forWaiter(waiter([lacks("cpu", 1)], { parent: 1 }), { leases: loop, pools: [pool("cpu", 2)] }).rule,
      "revoke"
    )
  })
})

describe("why", () => {
  const page = (target: string, width: number, style = sheet(width).style) =>
    why(target, busy.overview, sheet(width, style)) ?? ["nobody"]

  it("a claim short of capacity in two pools waits", () => {
    expect(show(page("lint", 100))).toMatchInlineSnapshot(`
      "Waiter 27: lint asks for cpu 4, memory 8 GiB
      waited  1.9 s, gives up in 58 s

      cpu  capacity: asks for 4 cores, 2 / 8 cores free
        LEASE  AGENT     AMOUNT       HELD  NOTE
            1  builder  4 cores  2 min 8 s
           25  tests    2 cores      2.4 s  waits for db-lock 1 (waiter 26)

      memory  capacity: asks for 8 GiB, 2 / 16 GiB free
        LEASE  AGENT    AMOUNT       HELD  NOTE
           23  ビルド    8 GiB      2.5 s
            1  builder   4 GiB  2 min 8 s
           25  tests     2 GiB      2.4 s  waits for db-lock 1 (waiter 26)

      Hint: Lease 1 of builder holds 4 cores of cpu and 4 GiB of memory, for 2 min 8 s now. Leases of cpu
      mostly (99 %) come back within 3 s. It would still lack 2 GiB of memory.
        resource-manager leases revoke 1"
    `)
    expect(show(page("lint", 40))).toMatchInlineSnapshot(`
      "Waiter 27: lint asks for cpu 4, memory …
      waited  1.9 s, gives up in 58 s

      cpu  capacity: asks for 4 cores, 2 / 8
        cores free
        LEASE  AGENT     AMOUNT       HELD
            1  builder  4 cores  2 min 8 s
           25  tests    2 cores      2.4 s

      memory  capacity: asks for 8 GiB, 2 / 16
        GiB free
        LEASE  AGENT    AMOUNT       HELD
           23  ビルド    8 GiB      2.5 s
            1  builder   4 GiB  2 min 8 s
           25  tests     2 GiB      2.4 s

      Hint: Lease 1 of builder holds 4 cores
      of cpu and 4 GiB of memory, for 2 min 8
      s now. Leases of cpu mostly (99 %) come
      back within 3 s. It would still lack 2
      GiB of memory.
        resource-manager leases revoke 1"
    `)
    expect(show(page("27", 80, colored))).toMatchInlineSnapshot(`
      "‹1›Waiter 27‹0›: ‹36›lint‹0› asks for cpu 4, memory 8 GiB
      ‹2›waited‹0›  1.9 s, gives up in 58 s

      ‹36›cpu‹0›  capacity: asks for 4 cores, 2 / 8 cores free
        ‹2›LEASE‹0›  ‹2›AGENT‹0›     ‹2›AMOUNT‹0›       ‹2›HELD‹0›  ‹2›NOTE‹0›
            1  ‹36›builder‹0›  4 cores  2 min 8 s
           25  ‹36›tests‹0›    2 cores      2.4 s  waits for db-lock 1 (waiter 26)

      ‹36›memory‹0›  capacity: asks for 8 GiB, 2 / 16 GiB free
        ‹2›LEASE‹0›  ‹2›AGENT‹0›    ‹2›AMOUNT‹0›       ‹2›HELD‹0›  ‹2›NOTE‹0›
           23  ‹36›ビルド‹0›    8 GiB      2.5 s
            1  ‹36›builder‹0›   4 GiB  2 min 8 s
           25  ‹36›tests‹0›     2 GiB      2.4 s  waits for db-lock 1 (waiter 26)

      Hint: Lease 1 of builder holds 4 cores of cpu and 4 GiB of memory, for 2 min 8 s
      now. Leases of cpu mostly (99 %) come back within 3 s. It would still lack 2 GiB
      of memory.
        ‹1›resource-manager leases revoke 1‹0›"
    `)
  })

  it("a claim behind another, for tokens, for growth, and inside a lease waits", () => {
    expect(show(page("docs", 80))).toMatchInlineSnapshot(`
      "Waiter 28: docs asks for cpu 1
      waited  400 ms

      cpu  order: 1 ahead in the queue
        WAITER  AGENT   AMOUNT  WAITED
            27  lint   4 cores   1.9 s

      Hint: Waiter 27 of lint is ahead. Lease 1 of builder holds 4 cores of cpu and 4
      GiB of memory, for 2 min 8 s now. Leases of cpu mostly (99 %) come back within 3
      s. It would still lack 2 GiB of memory.
        resource-manager leases revoke 1"
    `)
    expect(show(page("crawler", 80))).toMatchInlineSnapshot(`
      "Waiter 30: crawler asks for network 10
      waited    400 ms
      earliest  in 400 ms

      network  rate: needs 10 tokens at 5/s, 8 there, enough in 400 ms

      Hint: Nothing to do: its tokens come in 400 ms."
    `)
    expect(show(page("trainer", 80))).toMatchInlineSnapshot(`
      "Waiter 31: trainer asks for gpu 3
      waited  400 ms

      gpu  growth: asks for 3 devices, the pool has 2 devices and may grow to 4
        devices

      Hint: It asks for 3 devices of gpu, the pool has 2 devices: only growth serves
      it.
        resource-manager pools set-capacity gpu 3"
    `)
    expect(show(page("26", 80))).toMatchInlineSnapshot(`
      "Waiter 26: tests asks for db-lock 1
      waited  2.4 s
      inside  lease 25 (cpu 2, memory 2 GiB, held 2.4 s)

      db-lock  capacity: asks for 1 holder, 0 / 1 holder free
        LEASE  AGENT      AMOUNT       HELD
            2  migrate  1 holder  2 min 8 s

      Hint: Lease 2 of migrate holds 1 holder of db-lock: wait for it, or take it
      back.
        resource-manager leases revoke 2"
    `)
  })

  it("a claim that lacks what was told to end waits", () => {
    const held = (id: number, ending: HeldLease["ending"]) =>
      lease(id, `agent ${id}`, { cpu: 2 }, ending === undefined ? {} : { ending })
    const scene = overview({
      pools: [pool("cpu", 8)],
      leases: [
        held(1, undefined),
        held(2, { cause: "priority", latestInMillis: 8_000 }),
        held(3, { cause: "reservation", latestInMillis: 90_000, reservation: 7 }),
        held(4, { cause: "expiry", latestInMillis: 400 })
      ],
      waiters: [waiter([lacks("cpu", 4)], { earliestInMillis: 8_000 })]
    })
    expect(show(why("50", scene, sheet(100)) ?? [])).toMatchInlineSnapshot(`
      "Waiter 50: me asks for cpu 4
      waited    1 s
      earliest  in 8 s

      cpu  capacity: asks for 4 cores, 0 / 8 cores free
        LEASE  AGENT     AMOUNT  HELD  NOTE
            1  agent 1  2 cores   5 s
            2  agent 2  2 cores   5 s  told to end, within 8 s: for a claim of higher priority
            3  agent 3  2 cores   5 s  told to end, within 1 min 30 s: for reservation 7
            4  agent 4  2 cores   5 s  told to end, within 400 ms: it has expired

      Hint: Nothing to do: what it lacks was told to end, and is back within 8 s."
    `)
  })

  it("an agent that waits for nothing was refused", () => {
    expect(show(page("builder", 80))).toMatchInlineSnapshot(`
      "builder waits for nothing
      holds          cpu 4, memory 4 GiB
      of its quotas  cpu 4 / 6 cores, memory 4 / 4 GiB
      failed         1 over quota

      Hint: Its quota of memory is 4 GiB, and it holds 4 GiB. To double it:
        resource-manager quota set builder memory 8GiB"
    `)
  })

  it("a number that is a lease's is no waiter", () => {
    expect(show(page("1", 80))).toMatchInlineSnapshot(`
      "1 does not wait: it is a lease of builder (cpu 4, memory 4 GiB), held for 2 min
      8 s."
    `)
    expect(show(whyNobody("nobody", sheet(80)))).toMatchInlineSnapshot(`
      "Neither a waiter nor an agent is called nobody: see \`resource-manager waiters
      list\` and \`resource-manager agents list\`."
    `)
    assert.isUndefined(why("nobody", busy.overview, sheet(80)))
    assert.isUndefined(why("99999", busy.overview, sheet(80)))
  })

  it("shows what holders wait for themselves", () => {
    expect(show(why("c", deadlocked.overview, sheet(100)) ?? [])).toMatchInlineSnapshot(`
      "Waiter 3: c asks for x 1
      waited  5 s

      x  capacity: asks for 1 unit, 0 / 1 unit free
        LEASE  AGENT  AMOUNT  HELD  NOTE
            1  a      1 unit   5 s  waits for y 1 (waiter 4)

      Hint: Lease 1 of a holds 1 unit of x: wait for it, or take it back.
        resource-manager leases revoke 1"
    `)
  })

  it("names the groups whose shares decide who is ahead, and not only their agents", () => {
    const standing = { priority: 0, inherits: false, rescued: false, passed: 0, share: 0.5 }
    const told = (groups: { readonly group?: string; readonly behind?: string }) => {
      const ahead = [{ id: 3, agent: "b", because: "share" as const, ...groups }]
      const me = waiter([behind("cpu", 1)], { standing: { ...standing, ahead } })
      const scene = overview({ waiters: [waiter([], { id: 3, agent: "b" }), me], pools: [pool("cpu", 4)] })
      return (why("50", scene, sheet(200)) ?? [])
        .find((each) => each.includes("order:"))
        ?.split(", ")
        .at(-1)
    }
    assert.strictEqual(told({}), "of an agent with a lower share")
    assert.strictEqual(told({ group: "blue", behind: "red" }), "whose group blue has a lower share than its group red")
    assert.strictEqual(told({ group: "blue" }), "whose group blue has a lower share than its agent")
    assert.strictEqual(told({ behind: "red" }), "which has a lower share than its group red")
  })

  it("names ten holders, waiters and waits, and counts the rest", () => {
    const many = Array.from({ length: 12 }, (_, index) =>
      waiter([lacks("cpu", 1), behind("cpu", index)], { id: 100 + index })
    )
    const holders = Array.from({ length: 12 }, (_, index) => lease(index + 1, `a${index}`, { cpu: 1 }))
    const lines = why("me", overview({ waiters: many, leases: holders, pools: [pool("cpu", 12)] }), sheet(80)) ?? []
    assert.strictEqual(lines[0], "me has 12 waits; the 10 that are first:")
    assert.strictEqual(lines.filter((text) => text.startsWith("Waiter ")).length, 10)
    assert.include(lines, "  and 2 more leases")
    assert.match(lines.at(-1)!, /^ {2}resource-manager leases revoke \d+$/)
    const last = why("111", overview({ waiters: many, leases: holders, pools: [pool("cpu", 12)] }), sheet(80)) ?? []
    assert.include(last, "  and 1 more waiter")
  })

  it("stays within its width but for the command, whatever the names", () => {
    for (const name of hostileNames) {
      const scene = overview({
        waiters: [
          waiter([lacks(name, 2), behind(name, 1), rated(name), { ...lacks(name, 9), _tag: "Growth" }], {
            agent: name,
            parent: 1
          }),
          waiter([lacks(name, 1)], { id: 3, agent: name, earmarked: [name] })
        ],
        leases: [
          lease(1, name, { [name]: 1 }),
          lease(2, name, { [name]: 1 }, { orphaned: true, expiresInMillis: 1e15 })
        ],
        pools: [pool(name, Number.MAX_SAFE_INTEGER, { note: name })],
        agents: [
          { ...agent({ QuotaExceeded: 1 }, { [name]: { held: 1, waiting: 1, peak: 1, quota: 1 } }), agent: "quiet" }
        ]
      })
      for (const width of [1, 20, 80]) {
        for (const target of ["50", "3", "1", "quiet"]) {
          for (const each of why(target, scene, sheet(width, colored)) ?? []) {
            const text = withoutColors(each)
            // oxlint-disable-next-line no-control-regex
            assert.notMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e\u200b]/)
            if (!text.startsWith("  resource-manager ")) assert.isAtMost(stringWidth(text), Math.max(width, 4), text)
          }
        }
      }
    }
  })
})
