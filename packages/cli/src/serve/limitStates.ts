/** Limits that adapt, as the daemon tells them. */
import type { LimitView } from "@resource-manager/core/AdaptiveLimit"
import type { RateView } from "@resource-manager/core/AdaptiveRate"
import type { ConcurrencyState, RateState } from "@resource-manager/daemon/Protocol"

export const rateState = ({ policy: _policy, resourceType, ...rate }: RateView): RateState => ({
  pool: resourceType,
  ...rate
})

export const concurrencyState = ({ inFlight, limit, max, min, resourceType, why }: LimitView): ConcurrencyState => ({
  pool: resourceType,
  limit,
  min,
  max,
  inFlight,
  why
})
