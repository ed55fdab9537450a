/** The lease that a report is of: the one that is named, else the one around. */
import { markerVariable } from "@resource-manager/daemon/process/Identity"
import * as Option from "effect/Option"

/** A number, or the key of the lease around; none where there is neither. */
export const leaseOf = (
  named: Option.Option<number>,
  environment: Readonly<Record<string, string | undefined>>
): Option.Option<number | string> =>
  Option.orElse(named, () => Option.fromUndefinedOr(environment[markerVariable] || undefined))

export const howToName = `name one with --lease, or report within \`run\`, whose command has ${markerVariable}`
