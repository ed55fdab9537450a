/**
 * Orders by size: the smallest first, by what claims declare of how long they last.
 * Who declares nothing is larger than all who do. A size is read once, as the claim arrives.
 */
import type { Request } from "../Request.ts"

const second = 1_000_000

/** In seconds, but never so few that a logarithm means nothing. */
const atLeastATenth = (micros: number): number => Math.max(micros / second, 0.1)

const declared = (request: Request): number => {
  const { expected } = request.scheduling
  const { ttl } = request
  return Math.min(expected === 0 ? Infinity : expected, ttl === 0 ? Infinity : ttl)
}

/** Shortest job first: by declared duration. */
export const shortestFirst = (request: Request): number => declared(request)

/**
 * The score F1 that Carastan-Santos and de Camargo fitted to batch schedules ("Obtaining Dynamic Scheduling
 * Policies with Simulation and Machine Learning", SC'17): log10(duration) x units of the first type asked
 * for + 870 x log10(when it was asked for), in seconds. It lets the short and small go
 * first, and the old before the young.
 *
 * `originMicros` is when the Ledger's clock began, counted from where the times that the score is to
 * see begin: 0, unless a recorded workload is replayed.
 */
export const byF1 =
  (originMicros = 0) =>
  (request: Request): number => {
    const duration = declared(request)
    if (duration === Infinity) return Infinity
    const amount = request.parts[0]?.amount ?? 0
    return (
      Math.log10(atLeastATenth(duration)) * amount + 870 * Math.log10(atLeastATenth(request.askedAt + originMicros))
    )
  }
