/**
 * Deadlocks are found exactly where there is one. With a policy that detects,
 * after every command all waits can be served without order, and with order given
 * the exempt; a wait fails with `DeadlockDetected` only where no order of service
 * reaches it; a wait is exempted only where order alone blocks, and it is the
 * earliest that suffices.
 *
 * The oracle runs after every command where at most `everyStepMax` wait, else
 * after every eighth.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import { around, type World, type WorldClaim } from "../model.ts"
import { type OracleState, search } from "../oracle.ts"
import { needsOlder } from "../prevention.ts"
import { standingPromises } from "../promises.ts"

const name = "deadlock"
const fail = failing(name)
const everyStepMax = 12

/** Whoever waits: in order, then those that wait for quota. */
const inLine = (world: World): ReadonlyArray<WorldClaim> => [
  ...world.line,
  ...world.waiters.filter((waiter) => waiter.parked)
]

/** Whether one that waits for quota has it beside some leases. What a rate lacks it has by time. */
const hasQuota = (world: World, waiter: WorldClaim, leases: ReadonlyArray<WorldClaim>): boolean => {
  const { claims, tree } = world
  if (tree === undefined) return true
  const held = leases.flatMap(({ id }) => tree.claims.get(id) ?? [])
  return claims.has(waiter.id) && tree.allows(held, tree.claims.get(waiter.id)!)
}

/**
 * Who waits for quota needs that. With `all` whoever waits does: a claim inside a lease may have taken what
 * was kept for one, which waits for it again as its turn comes.
 */
export const oracleState = (world: World, now: number, all = false): OracleState => {
  const line = inLine(world)
  const inside = line.map((waiter) => around(waiter).filter((lease) => lease.ttl === 0 && lease.notice === undefined))
  const leases = [...new Set(inside.flat())]
  return {
    pools: world.pools.map(({ burstLimit, limit }) => ({ limit, burst: burstLimit })),
    leases: leases.map((lease) => ({
      amounts: world.pools.map((pool) => lease.needs.find((need) => need.pool === pool)?.amount ?? 0)
    })),
    promises: standingPromises(world, now).map(({ amount, draws, isFor, pool }) => ({
      pool: pool.index,
      amount,
      leases: leases.flatMap((lease, at) => (draws(lease) ? [at] : [])),
      waits: line.flatMap((waiter, at) => (isFor(waiter) ? [at] : [])),
      drawnBy: line.flatMap((waiter, at) => (draws(waiter) ? [at] : []))
    })),
    waits: line.map((waiter, index) => ({
      needs: waiter.needs.map(({ amount, cost, pool }) => ({ pool: pool.index, amount, cost })),
      inside: inside[index]!.map((lease) => leases.indexOf(lease)),
      exempt: waiter.exempt,
      outside: waiter.parked,
      hasQuota:
        world.tree === undefined || (!all && !waiter.parked)
          ? undefined
          : (held) =>
              hasQuota(
                world,
                waiter,
                held.map((at) => leases[at]!)
              )
    }))
  }
}

const exempting = (state: OracleState, wait: number): OracleState => ({
  ...state,
  waits: state.waits.map((other, index) => (index === wait ? { ...other, exempt: true } : other))
})

export const deadlock = (run: Run): Checker => {
  const { detects, world } = run
  /** Whether a lease grew in this command: a cycle that this closes has no requester. */
  let grown = false
  /** Whether somebody had its quota, or lost it: it may have closed one too. */
  let moved = false
  /** Those that had their quota in this command, and came to the queues of their pools. */
  const admitted = new Set<number>()
  const checkExemption = (id: number, now: number) => {
    const state = oracleState(world, now)
    if (search(state, false).possible === false) fail(`${id} was exempted from order in a deadlock`)
    if (search(state, true).possible === true) fail(`${id} was exempted from order, which blocked nothing`)
    const line = inLine(world)
    const at = line.findIndex((waiter) => waiter.id === id)
    for (let wait = 0; wait < at; wait++) {
      if (search(exempting(state, wait), true).possible === true) {
        fail(`${id} was exempted, where to exempt ${line[wait]!.id} would have been enough`)
      }
    }
    run.count("oracle: exemption judged")
  }
  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Left" && event.reason === "DeadlockDetected") {
        if (!detects) fail("a deadlock was detected with detection off")
        const victim = inLine(world).findIndex((waiter) => waiter.id === event.id)
        const verdict = search(oracleState(world, event.at, true), false)
        const younger = run.deadlock.ages === "wait-die" && needsOlder(world, world.claim(event.id))
        if (younger) run.count("wait-die: died")
        else if (verdict.possible === true || (verdict.reachable & (1 << victim)) !== 0) {
          fail(`${event.id} failed for a deadlock, but could have been served`)
        }
        if (verdict.possible === false) run.count("oracle: deadlock confirmed")
        if (verdict.possible === false && standingPromises(world, event.at).length > 0)
          run.count("oracle: deadlock beside promises")
        const claimed = world.waiters.at(-1)
        // What one inside a lease took of it is seen whenever somebody looks.
        const lost = !hasQuota(world, world.claim(event.id), world.leases) && !world.claim(event.id).parked
        const isExcused = grown || moved || lost || younger
        if (claimed?.arrivedIn === world.command && claimed.id !== event.id && !isExcused) {
          fail(`${event.id} failed for the deadlock that ${claimed.id} closed`)
        }
      }
      if (event._tag === "Granted" && world.claim(event.id).grows !== undefined) grown = true
      if (event._tag === "Admitted" || event._tag === "Withdrawn") moved = true
      if (event._tag === "Admitted") admitted.add(event.id)
      if (event._tag === "Exempted") {
        if (!detects) fail("a wait was exempted with detection off")
        const claim = world.claim(event.id)
        // Where deadlocks are avoided a claim inside a lease waits for no order, whatever it waits for.
        const isNew = claim.arrivedIn === world.command || admitted.has(claim.id)
        if (world.avoids && around(claim).length > 0 && isNew) {
          run.count("banker: waits for no order")
        } else if (world.waiters.length <= everyStepMax) checkExemption(event.id, event.at)
      }
    },
    afterCommand: () => {
      grown = false
      moved = false
      admitted.clear()
      if (!detects || (world.waiters.length > everyStepMax && run.step % 8 !== 0)) return
      const state = oracleState(world, run.ledger.now)
      if (search(state, false).possible === false) fail("the waits can never all be served")
      const ordered = search(state, true).possible
      if (ordered === false) fail("the waits can never all be served in order")
      run.count(ordered === undefined ? "oracle: given up" : "oracle: all served")
      if (ordered === true && state.promises?.length !== 0 && state.leases.length > 0) {
        run.count("oracle: all served beside promises")
      }
    }
  }
}
