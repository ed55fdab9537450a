/** What a claim would meet, against what it then meets: by every policy that has a say in it. */
import { assert, describe, it } from "vitest"
import {
  type BackfillOptions,
  bankers,
  type Claim,
  Ledger,
  Order,
  type OrderPolicy,
  reasonsOf,
  Request,
  type Scheduling
} from "../../src/Ledger.ts"
import { Random } from "../simulator/random.ts"

interface Policies {
  readonly name: string
  readonly order?: Partial<OrderPolicy>
  readonly backfill?: BackfillOptions
  readonly bankers?: boolean
}

const bypass = { max: 2, withinMicros: Infinity, depth: 3 }
const priority = { inherits: true, aging: undefined }

const policies: ReadonlyArray<Policies> = [
  { name: "arrival" },
  { name: "priority", order: { priority } },
  { name: "fair share", order: { fairShare: { by: "held" } } },
  { name: "fair share of what was served", order: { fairShare: { by: "served" }, priority } },
  { name: "bypass", order: { bypass } },
  { name: "bypass and priority", order: { bypass, priority } },
  { name: "easy", backfill: { kind: "easy" } },
  { name: "shadow, by size", backfill: { kind: "shadow" }, order: { size: (request) => request.scheduling.expected } },
  { name: "easy and priority", backfill: { kind: "easy" }, order: { priority } },
  { name: "conservative", backfill: { kind: "conservative" } },
  { name: "conservative and priority", backfill: { kind: "conservative" }, order: { priority } },
  { name: "bankers", bankers: true }
]

const agents = ["a", "b", "c", "d"]

const randomClaim = (random: Random): Claim => ({
  ...(random.chance(0.8) ? { cpu: random.between(1, 8) } : { disk: random.between(1, 5) }),
  ...(random.chance(0.3) ? { disk: random.between(1, 5) } : {})
})

const randomScheduling = (random: Random, claim: Claim, declares: boolean): Scheduling => ({
  ...(random.chance(0.5) ? { priority: random.between(-2, 2) } : {}),
  expected: random.chance(0.8) ? random.between(1, 40) : 0,
  preemptible: false,
  ...(random.chance(0.5) ? { onQuota: random.chance(0.5) ? "wait" : "fail" } : {}),
  ...(declares
    ? {
        maximum: Object.fromEntries(
          Object.entries(claim).map(([type, amount]) => [type, amount + random.between(0, 3)])
        )
      }
    : {})
})

describe("a check", () => {
  it.each(policies)("tells what the claim then meets: $name", (chosen) => {
    const told = { granted: 0, passing: 0, waits: 0, refused: 0, safety: 0 }
    for (let seed = 1; seed <= 25; seed++) {
      const random = new Random(seed)
      const ledger = new Ledger({
        order: chosen.order === undefined ? undefined : new Order({ name: chosen.name, ...chosen.order }),
        backfill: chosen.backfill,
        ...(chosen.bankers === true ? { deadlock: bankers } : {})
      })
      ledger.definePool("cpu", { capacity: 10, rate: { limit: 3, intervalMicros: 2, burst: 12, per: "unit" } }, 0)
      ledger.definePool("disk", { capacity: 6 }, 0)
      ledger.setAgent("a", { priority: 1, weight: 2 }, 0)
      ledger.setQuota("b", "cpu", 9, 0)
      if (seed % 3 === 0) {
        ledger.setGroup("team", { limits: { cpu: { nominal: 8 } } }, 0)
        ledger.assign("c", { group: "team", onQuota: undefined }, 0)
      }
      if (seed % 4 === 0) {
        ledger.reserve({ holder: { _tag: "Priority", atLeast: 2 }, claim: { cpu: 2 }, from: 0 }, 0)
        ledger.reserve({ holder: { _tag: "Agent", agent: "d" }, claim: { disk: 3 }, from: 90, until: 140 }, 0)
      }
      const live: Array<Request> = []
      let now = 0
      for (let step = 0; step < 120; step++) {
        now += random.between(0, 4)
        if (live.length > 0 && random.chance(0.4)) {
          const at = random.between(0, live.length - 1)
          const [ended] = live.splice(at, 1)
          if (ended?.status === "held") ledger.release(ended, now)
          else if (ended !== undefined) ledger.abandon(ended, now)
          continue
        }
        const agent = random.pick(agents) ?? "a"
        const claim = randomClaim(random)
        const scheduling = randomScheduling(random, claim, chosen.bankers === true && random.chance(0.7))
        const wait = random.chance(0.7)
        ledger.advance(now)
        const { granted, passing, reasons, refusals } = ledger.check(agent, claim, { scheduling })
        const answer = ledger.claim(agent, claim, now, { scheduling, wait })
        const where = `seed ${seed}, step ${step}: ${agent} ${JSON.stringify({ claim, scheduling, wait, granted, passing, reasons, refusals })}`
        if (answer instanceof Request) {
          live.push(answer)
          const atOnce = granted || (wait && passing !== undefined)
          assert.strictEqual(answer.status, atOnce ? "held" : "waiting", where)
          if (granted) told.granted++
          else if (atOnce) told.passing++
          else told.waits++
          if (answer.status === "waiting") {
            assert.isNotEmpty(reasons, where)
            assert.isNotEmpty([...reasonsOf(answer, now), ...ledger.safetyOf(answer)], where)
          }
        } else if (wait) {
          told.refused++
          assert.include(
            refusals.map(({ _tag }) => _tag),
            answer._tag,
            where
          )
        } else {
          assert.isFalse(granted, where)
        }
        if (reasons.some(({ _tag }) => _tag === "Safety")) told.safety++
      }
    }
    // It says something only where each of these came about.
    assert.isAbove(Math.min(told.granted, told.waits, told.refused), 80, JSON.stringify(told))
    const mayPass = chosen.order?.bypass !== undefined || chosen.backfill !== undefined
    if (mayPass) assert.isAbove(told.passing, chosen.backfill?.kind === "shadow" ? 3 : 30, JSON.stringify(told))
    else assert.strictEqual(told.passing, 0)
    if (chosen.bankers === true) assert.isAbove(told.safety, 30, JSON.stringify(told))
  })
})
