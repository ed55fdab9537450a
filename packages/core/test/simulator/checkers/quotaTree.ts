/**
 * Quotas as a tree, where a run has groups: nothing is granted over a limit of any
 * level, the levels say what the sums say, nobody waits for quota who could have it, and
 * if every lease without waits inside comes back, everybody is served sooner or later.
 */
import { isDeepStrictEqual } from "node:util"
import { capture, Ledger, type LedgerEvent, restore } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { Random } from "../random.ts"
import type { ModelClaim, Tree } from "../tree.ts"
import { treeOf } from "../model.ts"

const name = "quotaTree"
const fail = failing(name)

/** Rounds of giving back after which a drain has failed. */
const roundsMax = 5_000

/** Gives back all that can be, again and again: whoever waits then waits for ever. */
export const drains = (
  ledger: Ledger,
  { backfill, deadlock, order }: Pick<Run, "backfill" | "deadlock" | "order">
): string | undefined => {
  const books = restore(JSON.parse(JSON.stringify(capture(ledger.books))))
  const copy = new Ledger({
    books,
    indexed: true,
    order,
    backfill: backfill?.kind === "conservative" ? backfill : undefined,
    // Whoever is kept waiting because it is not safe is let go by who looks at that.
    ...(deadlock.avoids === true ? { deadlock } : {})
  })
  const { index } = copy.books
  let now = copy.now
  // Who asks for more than there is waits for growth.
  for (const pool of copy.books.pools.values()) copy.setCapacity(pool, pool.limit, now)
  for (let round = 0; copy.books.waiting > 0; round++) {
    if (round > roundsMax) return `${copy.books.waiting} still wait after ${round} rounds of giving back`
    const free = [...index!.values()].filter(
      (request) => request.status === "held" && request.grows === undefined && (request.waitsInside?.size ?? 0) === 0
    )
    for (const lease of free) copy.release(lease, now)
    const growths = [...index!.values()].filter((request) => request.grows !== undefined)
    for (const growth of growths) copy.keep(growth, now)
    if (free.length > 0) continue
    if (copy.nextDueAt === Infinity) return `${copy.books.waiting} wait for ever`
    // A debt that is paid in centuries: instants are not told apart any more.
    if (copy.nextDueAt > Number.MAX_SAFE_INTEGER) return undefined
    now = copy.nextDueAt
    copy.advance(now)
  }
  return undefined
}

/** The first rule of the tree that does not hold between commands, in words. */
export const broken = (tree: Tree, ledger: Ledger): string | undefined => {
  const held = tree.having("held")
  const waiting = tree.having("waiting")
  for (const group of ledger.books.groups.byId.values()) {
    for (const [pool, level] of group.levels) {
      const use = tree.inUseBelow(group.id, pool.type, held)
      const kept = tree.inUseBelow(group.id, pool.type, waiting)
      const told = [level.inUse, level.leases, level.amountWaiting, level.countWaiting]
      const expected = [use.amount, use.leases, kept.amount, kept.leases]
      if (!isDeepStrictEqual(told, expected)) return `${group.id} ${pool.type}: ${told.join()}, not ${expected.join()}`
    }
  }
  const parked = tree.having("parked")
  const able = parked.filter((claim) => {
    // What a rate lacks it has by time.
    if (tree.isRated(claim.agent)) return false
    const nested = tree.around(claim).length > 0
    const can = tree.allows(nested ? held : [...held, ...waiting], claim)
    return can && (nested || tree.isFirst(claim, parked))
  })
  return able.length === 0 ? undefined : `${able[0]!.id} waits for quota that is there`
}

export const quotaTree = (run: Run): Checker => {
  const { ledger, world } = run
  const tree = treeOf(world)
  // Its own: what is looked at must not change what happens.
  const random = new Random(run.seed)
  const checkGrant = (event: Extract<LedgerEvent, { readonly _tag: "Granted" | "GrantedAtOnce" }>) => {
    const next: ModelClaim = event._tag === "Granted" ? tree.claims.get(event.id)! : tree.arrived(event)
    if (!tree.allows(tree.having("held"), next)) fail(`${next.id} was granted over a quota`)
  }
  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Granted" || event._tag === "GrantedAtOnce") checkGrant(event)
      if (event._tag === "Queued" && event.parked === true) run.count("waits for quota")
      if (event._tag === "Refused" && event.reason === "QuotaExceeded" && tree.groupOf(event.agent) !== undefined) {
        run.count("refused in a group")
      }
    },
    afterCommand: (answer) => {
      if (tree.groups.size === 0) return
      const { agent, claim, grows, scheduling } = run.command
      // A refusal changes nothing: what refused it is still there.
      if (
        typeof answer === "object" &&
        "_tag" in answer &&
        answer._tag === "QuotaExceeded" &&
        answer.level !== undefined
      ) {
        run.count(`refused by ${answer.level.limit}`)
        const isRate = answer.level.limit === "rate" || answer.level.limit === "order"
        const next: ModelClaim = {
          id: Infinity,
          agent: agent ?? "",
          amounts: new Map(Object.entries(claim ?? {}).filter(([, amount]) => amount > 0)),
          parent: undefined,
          grows: grows?.id,
          onQuota: scheduling?.onQuota,
          status: "waiting"
        }
        const alone = tree.having("parked").length === 0
        if (!isRate && alone && tree.allows(tree.having("held", "waiting"), next)) {
          fail(`${JSON.stringify(answer)}, but it is within all limits`)
        }
      }
      const wrong = broken(tree, ledger)
      if (wrong !== undefined) fail(wrong)
      // Beside promises at all times detection does not see all that order keeps for ever.
      if (!run.detects || ledger.books.stopped || !random.chance(0.01)) return
      const stuck = drains(ledger, run)
      if (stuck !== undefined) fail(stuck)
      run.count("drained")
    }
  }
}
