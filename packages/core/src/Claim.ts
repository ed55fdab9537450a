/** What agents ask for, and how they wait for it. */
import * as Schema from "effect/Schema"
import { Amount } from "./Amount.ts"
import type { Claim as LedgerClaim } from "./ledger/Claim.ts"
import { agentIdLengthMax } from "./ledger/admission.ts"

export type { CheckOptions, SchedulingOptions, WaitOptions } from "./internal/claimOptions.ts"

/** The amounts asked for at once, for claims that come from outside. */
export type Claim = LedgerClaim
export const Claim: Schema.Codec<LedgerClaim> = Schema.Record(Schema.String, Amount)

/** Who is charged: any string of 1 to 256 characters. */
export const AgentId = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(agentIdLengthMax))
export type AgentId = typeof AgentId.Type
