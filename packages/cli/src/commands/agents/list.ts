/** `agents list`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { AgentsListOutput } from "../../output/daemon.ts"
import { agentList } from "../../render/agents.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const agents = yield* daemon.call((rpc) => rpc.Agents())
      const types = yield* typesOf(daemon)
      yield* print({ schema: AgentsListOutput, value: agents, types, lines: (sheet) => agentList(agents, sheet) })
    })
  )
