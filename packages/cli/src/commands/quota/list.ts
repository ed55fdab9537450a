/** `quota list`: all quotas of all agents. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { QuotasOutput } from "../../output/daemon.ts"
import { quotaList } from "../../render/agents.ts"
import { quotasOf } from "./quotas.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const agents = yield* daemon.call((rpc) => rpc.Agents())
      const types = yield* typesOf(daemon)
      yield* print({
        schema: QuotasOutput,
        value: quotasOf(agents),
        types,
        lines: (sheet) => quotaList(agents, sheet)
      })
    })
  )
