/** `waiters list`. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { Json } from "../../frame/flags.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { WaitersListOutput } from "../../output/daemon.ts"
import { waiterList } from "../../render/waiters.ts"

/** A terminal holds no more, and nobody reads so many. */
const onTerminal = 100

export const list = (connect: Option.Option<string>, given: Option.Option<number>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const isForPeople = process.stdout.isTTY && !(yield* Json)
      const limit = Option.getOrElse(given, () => (isForPeople ? onTerminal : Number.MAX_SAFE_INTEGER))
      const { total, waiters } = yield* daemon.call((rpc) => rpc.WaitersPage({ limit }))
      const types = yield* typesOf(daemon)
      yield* print({
        schema: WaitersListOutput,
        value: waiters,
        types,
        lines: (sheet) => waiterList(waiters, total, sheet)
      })
    })
  )
