/** The rates that settings say adapt: each backs off by what holders of its pool's leases report. */
import * as AdaptiveRateLeases from "@resource-manager/core/AdaptiveRateLeases"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { RateConfig } from "@resource-manager/core/PoolConfig"
import * as RatePolicy from "@resource-manager/core/RatePolicy"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type AdaptiveRateOptions, overloadDefault, rateOptionsOf } from "../config/adaptiveRate.ts"
import type { ConfigInvalid } from "../config/errors.ts"
import type { FieldPath } from "../config/problems.ts"
import type { Complete } from "../config/schema.ts"
import { rateState } from "./limitStates.ts"
import { outcomesBy } from "./outcomes.ts"

/** One pool whose rate is governed, and where settings say so. */
export interface GovernedRate {
  readonly path: FieldPath
  readonly type: string
  readonly rate: RateConfig
  readonly options: AdaptiveRateOptions
}

export const governedRates = ({ pools }: Complete): ReadonlyArray<GovernedRate> =>
  Object.entries(pools).flatMap(([type, { adaptiveRate, rate }]) =>
    adaptiveRate === undefined || rate === undefined
      ? []
      : [{ path: ["pools", type, "adaptiveRate"], type, rate, options: rateOptionsOf(adaptiveRate) }]
  )

/** How a rate backs off and recovers, as settings say it. */
export const ratePolicyOf = ({ drop: _drop, retryAfterMax: _retryAfterMax, ...options }: AdaptiveRateOptions) =>
  RatePolicy.multiplicative(options)

const govern = Effect.fnUntraced(function* ({ options, rate, type }: GovernedRate) {
  const reports = yield* LeaseReports
  const { drop = overloadDefault, retryAfterMax } = options
  const governed = yield* Effect.provideService(
    AdaptiveRateLeases.make({
      resourceType: type,
      rate,
      outcomeOf: yield* outcomesBy(drop),
      ...(retryAfterMax === undefined ? {} : { retryAfterMax })
    }),
    RatePolicy.RatePolicy,
    ratePolicyOf(options)
  )
  yield* reports.join({
    name: type,
    covers: (held) => held === type,
    view: Effect.map(governed.view, (view) => ({ name: type, pools: [type], rate: rateState(view) })),
    overload: governed.overload
  })
})

export const adaptiveRates = (
  pools: ReadonlyArray<GovernedRate>,
  refused: (path: FieldPath) => (error: { readonly message: string }) => ConfigInvalid
): Layer.Layer<never, ConfigInvalid, ResourceManager | LeaseTable | LeaseExits | LeaseReports> =>
  Layer.effectDiscard(
    Effect.forEach(pools, (pool) => Effect.mapError(govern(pool), refused(pool.path)), { discard: true })
  )
