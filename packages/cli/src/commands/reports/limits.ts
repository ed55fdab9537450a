/** `limits list`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { LimitsOutput } from "../../output/daemon.ts"
import { limitList } from "../../render/limits.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const limits = yield* daemon.call((rpc) => rpc.Limits())
      const types = yield* typesOf(daemon)
      yield* print({ schema: LimitsOutput, value: limits, types, lines: (sheet) => limitList(limits, sheet) })
    })
  )
