/** Why telemetry cannot start. */
import * as Schema from "effect/Schema"

/** An option that makes no sense. */
export class InvalidTelemetryOption extends Schema.TaggedError<InvalidTelemetryOption>()("InvalidTelemetryOption", {
  message: Schema.String,
  option: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** @internal */
export const invalidOption = (option: string, value: unknown, allowed: string): InvalidTelemetryOption =>
  new InvalidTelemetryOption({ message: `${option} is ${String(value)}; allowed: ${allowed}`, option, value, allowed })
