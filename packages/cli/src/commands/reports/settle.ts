/** `settle`: what the call of a lease took in the end. */
import type { CallCost } from "@resource-manager/daemon/Protocol"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { readTokenCount } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { readAmounts } from "../../frame/amounts.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { SettleOutput } from "../../output/daemon.ts"
import { settledLine } from "../../render/limits.ts"
import { howToName, leaseOf } from "./lease.ts"

export interface SettleOptions {
  readonly connect: Option.Option<string>
  readonly lease: Option.Option<number>
  readonly inputTokens: Option.Option<string>
  readonly outputTokens: Option.Option<string>
  readonly failed: boolean
  readonly amounts: ReadonlyArray<string>
}

const usage = (problem: string) => Effect.fail(failed(exitCodes.usage, problem))

const tokensOf = (flag: string, text: Option.Option<string>) => {
  if (Option.isNone(text)) return usage(`settle needs ${flag} beside the other tokens: 0 where it took none`)
  const read = readTokenCount(text.value)
  return Result.isSuccess(read)
    ? Effect.succeed(read.success)
    : usage(`${flag} is ${JSON.stringify(text.value)}; allowed: ${read.failure}`)
}

/** What is told of: one of tokens, pools and that it failed. */
const kindOf = ({ amounts, failed, inputTokens, outputTokens }: SettleOptions) => {
  const kinds = [
    ...(Option.isSome(inputTokens) || Option.isSome(outputTokens) ? (["usage"] as const) : []),
    ...(failed ? (["refund"] as const) : []),
    ...(amounts.length > 0 ? (["amounts"] as const) : [])
  ]
  const [kind] = kinds
  return kind !== undefined && kinds.length === 1
    ? Effect.succeed(kind)
    : usage(
        `settle needs what the call took: one of --input-tokens with --output-tokens, --failed, and POOL=N, not ${kinds.length}`
      )
}

export const settle = Effect.fnUntraced(function* (options: SettleOptions) {
  const kind = yield* kindOf(options)
  const lease = leaseOf(options.lease, process.env)
  if (Option.isNone(lease)) return yield* usage(`settle needs a lease: ${howToName}`)
  const tokens =
    kind === "usage"
      ? {
          input: yield* tokensOf("--input-tokens", options.inputTokens),
          output: yield* tokensOf("--output-tokens", options.outputTokens)
        }
      : { input: 0, output: 0 }
  return yield* withDaemon(
    options.connect,
    Effect.fnUntraced(function* (daemon) {
      const types = yield* typesOf(daemon)
      const cost: CallCost =
        kind === "amounts"
          ? {
              _tag: "Amounts",
              actual: yield* readAmounts(types, options.amounts, { name: "POOL=N", such: "such as rows=812" })
            }
          : kind === "usage"
            ? { _tag: "Usage", ...tokens }
            : { _tag: "Refund" }
      const settled = yield* daemon.call((rpc) => rpc.SettleLease({ lease: lease.value, cost }))
      yield* print({ schema: SettleOutput, value: settled, types, lines: (sheet) => [settledLine(settled, sheet)] })
    })
  )
})
