/** What a lease cost in the end, told to the Ledger. */
import * as Effect from "effect/Effect"
import type { InvalidClaim, LeaseRevoked } from "../Errors.ts"
import type { Claim } from "../ledger/Claim.ts"
import type { Request } from "../ledger/Request.ts"
import type { LedgerRuntime } from "./LedgerRuntime.ts"
import { invalidClaim, leaseGone } from "./refusal.ts"

export const settleLease = (
  runtime: LedgerRuntime,
  lease: Request,
  actual: Claim
): Effect.Effect<void, InvalidClaim | LeaseRevoked> =>
  Effect.suspend((): Effect.Effect<void, InvalidClaim | LeaseRevoked> => {
    const refusal = runtime.command((ledger, now) => {
      ledger.advance(now)
      return lease.status === "held" ? ledger.settleLease(lease, actual, now) : undefined
    })
    if (lease.status !== "held") return Effect.fail(leaseGone(lease))
    return refusal === undefined
      ? Effect.void
      : Effect.fail(invalidClaim(refusal.field, refusal.value, refusal.allowed))
  })
