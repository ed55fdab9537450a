/** `agents show`: one agent, its leases and its waits. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { AgentsShowOutput } from "../../output/daemon.ts"
import { agentShow } from "../../render/agents.ts"

export const show = (connect: Option.Option<string>, name: string) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const agent = yield* find("agent", name, overview.agents, (one) => one.agent)
      const isIts = (one: { readonly agent: string }) => one.agent === name
      const value = { agent, leases: overview.leases.filter(isIts), waiters: overview.waiters.filter(isIts) }
      yield* print({ schema: AgentsShowOutput, value, types, lines: (sheet) => agentShow(agent, value, sheet) })
    })
  )
