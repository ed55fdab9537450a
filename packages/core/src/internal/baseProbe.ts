/**
 * When to measure the base latency anew.
 *
 * While calls queue at the backend, its latency without a queue cannot be seen, and
 * what is taken for it grows old: too low once the backend became slower (the limit
 * would fall for ever), too high where it was measured under a queue (the limit would
 * creep up for ever). So from time to time one round trip runs at a part of the
 * limit, which drains the queue, and what it takes is the base from then on. As in
 * BBR (Cardwell et al. 2016); the number of updates between two of them is spread, so
 * that many clients of one backend do not measure each other's probes.
 */
export interface BaseProbe {
  /** Whether this round trip runs at a part of the limit. */
  readonly isProbing: boolean
  /** Updates until the next one. */
  readonly updatesLeft: number
  readonly seed: number
}

/** A probe that is due after `every` updates or up to half as many fewer. `Infinity` is never. */
export const beginProbe = (seed: number, every: number): BaseProbe => {
  // A linear congruential generator (Numerical Recipes): spread is all that is asked of it.
  const next = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  const spread = 0.5 + next / 0x2_0000_0000
  return { isProbing: false, updatesLeft: Math.max(1, Math.ceil(every * spread)), seed: next }
}

/** Counts an update; the one that was due begins the round trip of the probe. */
export const countDown = (probe: BaseProbe): BaseProbe =>
  probe.updatesLeft > 1
    ? { isProbing: false, updatesLeft: probe.updatesLeft - 1, seed: probe.seed }
    : { isProbing: true, updatesLeft: 0, seed: probe.seed }
