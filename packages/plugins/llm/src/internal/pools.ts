/** The pools of a provider's limits, but for money. */
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as Effect from "effect/Effect"
import { type LlmLimits, owner, type Types } from "../LlmOptions.ts"

export const perMinute = (limit: number, per: "request" | "unit") =>
  ({ limit, interval: "1 minute", burst: limit, per }) as const

/** Units without bound: only the rates limit requests and tokens, and calls that run hold theirs meanwhile. */
const unbounded = Number.MAX_SAFE_INTEGER

export const registerPools = Effect.fnUntraced(function* (
  manager: ResourceManager["Service"],
  types: Types,
  options: LlmLimits
) {
  const { concurrent, inputTokensPerMinute, outputTokensPerMinute, requestsPerMinute } = options
  const register = (name: string, unit: string, pool: Parameters<typeof manager.register>[2]) =>
    manager.register(owner, ResourceType.make(name, { unit }), pool)
  yield* register(types.requests, "requests", { capacity: unbounded, rate: perMinute(requestsPerMinute, "request") })
  for (const [type, limit] of [
    [types.input, inputTokensPerMinute],
    [types.output, outputTokensPerMinute]
  ] as const) {
    if (limit !== undefined) yield* register(type, "tokens", { capacity: unbounded, rate: perMinute(limit, "unit") })
  }
  if (concurrent !== undefined) {
    yield* register(types.calls, "calls", { capacity: typeof concurrent === "number" ? concurrent : concurrent.max })
  }
})
