/** `status`: the daemon and its pools. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { overviewOf } from "../../frame/question.ts"
import { StatusOutput } from "../../output/daemon.ts"
import { statusPage } from "../../render/status.ts"

export const status = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const { pools, status } = overview
      yield* print({
        schema: StatusOutput,
        value: { status, pools },
        types,
        lines: (sheet) => statusPage(overview, sheet)
      })
    })
  )
