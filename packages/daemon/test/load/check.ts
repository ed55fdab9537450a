/**
 * What the clients of the load test wrote down, and whether it can all be true. A lease
 * was surely held from when its grant was told until its return began, or its client was
 * killed: never more than the capacity at an instant, never an id or a token twice.
 */
import { readFileSync } from "node:fs"

export interface ClientLog {
  readonly path: string
  /** The last instant at which it surely lived, if it was killed. */
  readonly killedAt: bigint | undefined
}

interface Change {
  readonly at: bigint
  readonly claim: Readonly<Record<string, number>>
  readonly sign: 1 | -1
}

export interface LoadFigures {
  readonly grants: number
  readonly returned: number
  /** Held by clients that were killed. */
  readonly abandoned: number
  /** Taken from clients that live: there should be none. */
  readonly lost: number
  readonly peak: Readonly<Record<string, number>>
  readonly waitMillis: { readonly p50: number; readonly p99: number; readonly max: number }
}

const quantile = (sorted: ReadonlyArray<number>, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0

export const check = (logs: ReadonlyArray<ClientLog>, capacities: Readonly<Record<string, number>>): LoadFigures => {
  const changes: Array<Change> = []
  const ids = new Set<number>()
  const tokens = new Set<number>()
  const waits: Array<number> = []
  let returned = 0
  let lost = 0
  let abandoned = 0
  for (const { killedAt, path } of logs) {
    const open = new Map<number, Readonly<Record<string, number>>>()
    for (const line of readFileSync(path, "utf8").split("\n")) {
      const [kind, idText, ...rest] = line.split(" ")
      const at = BigInt(rest.at(-1) ?? 0)
      const id = Number(idText)
      if (kind === "g") {
        const [token, claimText, wait] = rest
        const claim: Record<string, number> = JSON.parse(claimText ?? "{}")
        if (ids.has(id)) throw new Error(`lease ${id} was granted twice`)
        if (tokens.has(Number(token))) throw new Error(`token ${token} was told twice`)
        ids.add(id)
        tokens.add(Number(token))
        waits.push(Number(wait))
        open.set(id, claim)
        changes.push({ at, claim, sign: 1 })
      } else if (kind === "r" || kind === "l") {
        const claim = open.get(id)
        if (claim === undefined) throw new Error(`lease ${id} was returned and never granted`)
        open.delete(id)
        changes.push({ at, claim, sign: -1 })
        if (kind === "r") returned++
        else lost++
      }
    }
    for (const [id, claim] of open) {
      if (killedAt === undefined) throw new Error(`lease ${id} was never returned by a client that ended well`)
      abandoned++
      changes.push({ at: killedAt, claim, sign: -1 })
    }
  }
  // At one instant what ends comes first: the other may have been granted just then.
  changes.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : one.sign - other.sign))
  const used: Record<string, number> = {}
  const peak: Record<string, number> = {}
  for (const { at, claim, sign } of changes) {
    for (const [type, amount] of Object.entries(claim)) {
      const now = (used[type] ?? 0) + sign * amount
      used[type] = now
      peak[type] = Math.max(peak[type] ?? 0, now)
      if (now > (capacities[type] ?? 0))
        throw new Error(`${now} of ${type} were told at ${at}, there are ${capacities[type]}`)
    }
  }
  waits.sort((one, other) => one - other)
  return {
    grants: ids.size,
    returned,
    abandoned,
    lost,
    peak,
    waitMillis: { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), max: waits.at(-1) ?? 0 }
  }
}
