/**
 * Runs in which all policies are at work at once, drawn by the seed: who goes first, who may
 * pass, who gives way, what is promised, what groups may have, and what is done about
 * deadlocks. What no checker can judge together is not drawn together: see `docs/design/simulation.md`.
 */
import {
  bankers,
  type DeadlockPolicy,
  detectionOff,
  failRequester,
  type PoolOptions,
  preemptionOff,
  type PreemptionPolicy,
  revokeVictim,
  waitDie,
  woundWait
} from "../../src/Ledger.ts"
import { drawPolicy, drawUnpassed } from "./order.ts"
import {
  base,
  drawConservative,
  drawPastHeads,
  plain,
  type Profile,
  randomPreemption,
  randomRate,
  weights
} from "./profile.ts"
import type { Random } from "./random.ts"

/** What a run is made of. */
export interface Mix {
  readonly order: boolean
  readonly backfill: "past heads" | "conservative" | undefined
  readonly preemption: boolean
  /** Whether what was lent is taken back, in a tree in which much is. */
  readonly reclaim: boolean
  readonly groups: boolean
  readonly reserved: boolean
  readonly rated: boolean
  readonly growing: boolean
  readonly deadlock: DeadlockPolicy
}

const policies: ReadonlyArray<DeadlockPolicy> = [failRequester, revokeVictim, woundWait, waitDie, bankers, detectionOff]

export const drawMix = (random: Random): Mix => {
  const deadlock = random.pick(policies) ?? failRequester
  const groups = random.chance(0.25)
  const mix: Mix = {
    deadlock,
    order: random.chance(0.75),
    backfill: random.chance(0.35) ? "past heads" : undefined,
    preemption: random.chance(0.55),
    groups,
    reclaim: groups && random.chance(0.5),
    reserved: random.chance(0.25),
    rated: random.chance(0.4),
    growing: random.chance(0.3)
  }
  if (deadlock.avoids === true || !random.chance(0.15)) return mix
  // What is taken from others would go to those who were told by when they start.
  return { ...mix, backfill: "conservative", preemption: false, reclaim: false }
}

const poolsOf =
  ({ growing, rated }: Mix) =>
  (random: Random): ReadonlyArray<PoolOptions> =>
    plain(random, random.between(1, 3)).map(({ capacity }) => ({
      capacity,
      ...(growing ? { minCapacity: 1, maxCapacity: capacity + random.between(0, 8) } : {}),
      ...(rated && random.chance(0.6) ? { rate: randomRate(random, capacity) } : {})
    }))

const preemptionOf = ({ preemption, reclaim }: Mix, random: Random): PreemptionPolicy => {
  if (!preemption && !reclaim) return preemptionOff
  const drawn = randomPreemption(random)
  return reclaim ? { ...drawn, name: "reclaim", byPriority: preemption && random.chance(0.5), reclaim } : drawn
}

/** The run that a mix is. */
export const profileOf = (name: string, mix: Mix): Profile => {
  const { backfill, deadlock, groups, order, rated, reclaim, reserved } = mix
  return {
    ...base,
    name,
    pools: poolsOf(mix),
    agents: 5,
    live: 14,
    nested: 0.35,
    priorities: 0.6,
    preemptible: reclaim ? 0.7 : 0.4,
    expected: backfill === undefined ? 0.3 : 0.7,
    deadline: deadlock.detects ? 0.15 : 0.5,
    moves: 0.6,
    groups,
    ...(reclaim ? { lends: true } : {}),
    maxima: deadlock.avoids === true,
    detects: deadlock.detects,
    deadlock: () => deadlock,
    preemption: (random) => preemptionOf(mix, random),
    ...(order ? { policy: backfill === "conservative" ? drawUnpassed : drawPolicy } : {}),
    ...(backfill === undefined ? {} : { backfill: backfill === "conservative" ? drawConservative : drawPastHeads }),
    weights: {
      ...weights,
      grow: 6,
      yieldUp: 3,
      setCapacity: 3,
      settle: rated ? 4 : 1,
      setRate: rated ? 1 : 0,
      refund: rated ? 1 : 0,
      undo: 4,
      setAgent: order ? 2 : 0,
      advance: 8,
      ...(reserved ? { reserve: 4, endReservation: 1 } : {}),
      ...(groups ? { setGroup: 4, removeGroup: 1, assign: 2 } : {})
    }
  }
}

export const mixed: Profile = {
  ...base,
  name: "mixed",
  draw: (random) => profileOf("mixed", drawMix(random))
}
