/**
 * What a lease is said to have cost is what it has paid from then on, for all of the
 * types or, where one of them makes no sense, for none: the difference goes back or is
 * charged, once. What makes no sense is told with true figures. (That a pool in debt
 * grants nothing is the rule of `rate`.)
 */
import { isDeepStrictEqual } from "node:util"
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldClaim } from "../model.ts"

const name = "settlement"
const fail = failing(name)

const wholeNumber = "a whole number from 0 to 9007199254740991"

interface Forecast {
  readonly refusal: unknown
  /** The tokens of the types that change. */
  readonly tokens: Readonly<Record<string, number>>
}

const foretell = (lease: WorldClaim, actual: Readonly<Record<string, number>>, now: number): Forecast => {
  const tokens: Record<string, number> = {}
  for (const [type, value] of Object.entries(actual)) {
    const refused = (allowed: string): Forecast => ({
      refusal: { _tag: "InvalidClaim", field: `actual.${type}`, value, allowed },
      tokens: {}
    })
    if (!Number.isSafeInteger(value) || value < 0) return refused(wholeNumber)
    const need = lease.status === "held" ? lease.needs.find(({ pool }) => pool.type === type) : undefined
    if (need === undefined) return refused("a type that the lease holds")
    const { cost, pool } = need
    if (pool.bucket === undefined || value === cost) continue
    const debt = BigInt(value) - BigInt(cost) - BigInt(pool.tokens(now))
    if (debt > 2n ** 53n - 1n) {
      return refused(`at most ${cost + pool.tokens(now) + (2 ** 53 - 1)}: a larger debt would not be exact`)
    }
    tokens[type] = value
  }
  return { refusal: undefined, tokens }
}

export const settlement = (run: Run): Checker => {
  const { world } = run
  let told: Extract<LedgerEvent, { readonly _tag: "Settled" }> | undefined
  let forecast: Forecast | undefined
  return {
    name,
    beforeCommand: () => {
      const { claim = {}, settles } = run.command
      forecast = settles === undefined ? undefined : foretell(settles, claim, run.ledger.now)
    },
    onEvent: (event) => {
      if (event._tag !== "Settled") return
      if (run.command.name !== "settle") fail(`${event.id} was settled by ${run.command.name}`)
      told = event
      for (const { cost, pool } of world.claim(event.id).needs) {
        const tokens = event.costs[pool.type]
        if (tokens === undefined) continue
        run.count(tokens < cost ? "settled: refunded" : "settled: charged")
        if (tokens - cost > pool.tokens(event.at)) run.count("settled: into debt")
      }
    },
    afterCommand: (answer) => {
      const event = told
      told = undefined
      if (run.command.name !== "settle" || forecast === undefined) return
      const { refusal, tokens } = forecast
      forecast = undefined
      if (!isDeepStrictEqual(answer, refusal))
        fail(`the caller was told ${JSON.stringify(answer)}, not ${JSON.stringify(refusal)}`)
      if (!isDeepStrictEqual(event?.costs ?? {}, tokens)) {
        fail(`${JSON.stringify(event?.costs)} was settled, not ${JSON.stringify(tokens)}`)
      }
    }
  }
}
