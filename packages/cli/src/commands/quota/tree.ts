/** `quota tree`: all groups, each tree from its root down. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { QuotaTreeOutput } from "../../output/daemon.ts"
import { quotaTree } from "../../render/quotaTree.ts"

export const tree = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const groups = yield* daemon.call((rpc) => rpc.Groups())
      const types = yield* typesOf(daemon)
      yield* print({ schema: QuotaTreeOutput, value: groups, types, lines: (sheet) => quotaTree(groups, sheet) })
    })
  )
