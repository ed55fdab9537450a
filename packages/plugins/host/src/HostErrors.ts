/** Why the host's resources cannot be offered. */
import * as Schema from "effect/Schema"

/**
 * A file that tells a limit or a use is there and cannot be read, or does not hold what
 * the kernel writes; or one that tells of pressure, which was asked for, is not there.
 */
export class HostUnreadable extends Schema.TaggedError<HostUnreadable>()("HostUnreadable", {
  message: Schema.String,
  path: Schema.String,
  reason: Schema.Literals(["unreadable", "malformed", "missing"]),
  detail: Schema.String
}) {}

/** An option that makes no sense. */
export class InvalidHostOption extends Schema.TaggedError<InvalidHostOption>()("InvalidHostOption", {
  message: Schema.String,
  option: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

export const invalid = (option: string, value: unknown, allowed: string) =>
  new InvalidHostOption({ message: `${option} is ${String(value)}; allowed: ${allowed}`, option, value, allowed })
