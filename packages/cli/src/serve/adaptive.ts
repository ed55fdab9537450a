/** The limits that settings say adapt: each governs its pool by how leases end. */
import * as AdaptiveLeases from "@resource-manager/core/AdaptiveLeases"
import * as Aimd from "@resource-manager/core/Aimd"
import * as Gradient2 from "@resource-manager/core/Gradient2"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import * as LimitPolicy from "@resource-manager/core/LimitPolicy"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Vegas from "@resource-manager/core/Vegas"
import type { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type AdaptiveOptions, dropDefault, optionsOf } from "../config/adaptive.ts"
import type { ConfigInvalid } from "../config/errors.ts"
import type { FieldPath } from "../config/problems.ts"
import type { Complete } from "../config/schema.ts"
import { concurrencyState } from "./limitStates.ts"
import { outcomesBy } from "./outcomes.ts"

/** One pool that is governed, and where settings say so. */
export interface Governed {
  readonly path: FieldPath
  readonly type: string
  readonly options: AdaptiveOptions
  readonly min: number
  readonly max: number
}

export const governedPools = ({ pools }: Complete): ReadonlyArray<Governed> =>
  Object.entries(pools).flatMap(([type, { adaptive, capacity, max = capacity, min = 1 }]) =>
    adaptive === undefined
      ? []
      : [{ path: ["pools", type, "adaptive"], type, options: optionsOf(adaptive), min: Math.max(1, min), max }]
  )

const policyOf = (
  options: AdaptiveOptions,
  bounds: { readonly initial: number; readonly min: number; readonly max: number }
) => {
  switch (options.limit) {
    case "aimd":
      return LimitPolicy.fromAlgorithm(Aimd.make({ ...options, ...bounds }))
    case "vegas":
      return LimitPolicy.fromAlgorithm(Vegas.make({ ...options, ...bounds }))
    case "gradient2":
      return LimitPolicy.fromAlgorithm(Gradient2.make({ ...options, ...bounds }))
  }
}

const govern = Effect.fnUntraced(function* ({ max, min, options, type }: Governed) {
  const manager = yield* ResourceManager
  const reports = yield* LeaseReports
  // Where the one before it left off, if a journal has that.
  const { capacity } = yield* manager.poolStatistics(type)
  const outcomeOf = yield* outcomesBy(options.drop ?? dropDefault)
  const { samplesMax, samplesMin, window } = options
  const limit = yield* Effect.provideService(
    AdaptiveLeases.make({
      resourceType: type,
      outcomeOf,
      ...(samplesMin === undefined ? {} : { samplesMin }),
      ...(samplesMax === undefined ? {} : { samplesMax }),
      ...(window === undefined ? {} : { window })
    }),
    LimitPolicy.LimitPolicy,
    policyOf(options, { initial: Math.min(max, Math.max(min, capacity)), min, max })
  )
  yield* reports.join({
    name: type,
    covers: (held) => held === type,
    view: Effect.map(limit.view, (view) => ({ name: type, pools: [type], concurrency: concurrencyState(view) }))
  })
})

export const adaptive = (
  pools: ReadonlyArray<Governed>,
  refused: (path: FieldPath) => (error: { readonly message: string }) => ConfigInvalid
): Layer.Layer<never, ConfigInvalid, ResourceManager | LeaseTable | LeaseExits | LeaseReports> =>
  Layer.effectDiscard(
    Effect.forEach(pools, (pool) => Effect.mapError(govern(pool), refused(pool.path)), { discard: true })
  )
