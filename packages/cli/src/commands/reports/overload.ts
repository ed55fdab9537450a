/** `overload`: a service said that it has too much to do. */
import * as RetryAfter from "@resource-manager/core/RetryAfter"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { readDuration } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { LimitsOutput } from "../../output/daemon.ts"
import { overloadLines } from "../../render/limits.ts"
import { howToName, leaseOf } from "./lease.ts"

export interface OverloadOptions {
  readonly connect: Option.Option<string>
  readonly limit: Option.Option<string>
  readonly lease: Option.Option<number>
  readonly retryAfter: Option.Option<string>
}

const retryAfterAllowed = "seconds, a date as HTTP has it, or a duration such as 30s"

/** Milliseconds, of a header as it came or of a duration. */
const millisOf = (text: string) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const header = RetryAfter.parse(text, now)
    if (header !== undefined) return Effect.succeed(header)
    const duration = readDuration(text)
    return Result.isSuccess(duration)
      ? Effect.succeed(Duration.toMillis(duration.success))
      : Effect.fail(failed(exitCodes.usage, `--retry-after is ${JSON.stringify(text)}; allowed: ${retryAfterAllowed}`))
  })

export const overload = Effect.fnUntraced(function* (options: OverloadOptions) {
  const lease = leaseOf(options.lease, process.env)
  if (Option.isNone(lease) && Option.isNone(options.limit)) {
    return yield* failed(exitCodes.usage, `overload needs a limit or a lease: ${howToName}`)
  }
  const retryAfter = Option.isNone(options.retryAfter) ? undefined : yield* millisOf(options.retryAfter.value)
  return yield* withDaemon(
    options.connect,
    Effect.fnUntraced(function* (daemon) {
      const states = yield* daemon.call((rpc) =>
        rpc.ReportOverload({
          ...(Option.isNone(lease) ? {} : { lease: lease.value }),
          ...(Option.isNone(options.limit) ? {} : { limit: options.limit.value }),
          ...(retryAfter === undefined ? {} : { retryAfterMillis: retryAfter })
        })
      )
      yield* print({ schema: LimitsOutput, value: states, lines: () => overloadLines(states) })
    })
  )
})
