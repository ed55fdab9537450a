/** `waiters list`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { WaitersListOutput } from "../../output/daemon.ts"
import { waiterList } from "../../render/waiters.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const waiters = yield* daemon.call((rpc) => rpc.Waiters())
      const types = yield* typesOf(daemon)
      yield* print({ schema: WaitersListOutput, value: waiters, types, lines: (sheet) => waiterList(waiters, sheet) })
    })
  )
