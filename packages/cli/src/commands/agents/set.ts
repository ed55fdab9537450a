/** `agents set-weight`, `agents set-priority`: what an agent is to the order. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import { readPriority } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { AgentsSetOutput } from "../../output/daemon.ts"
import { printableLine } from "../../printable.ts"

/** Which classes there are is known to the daemon, which refuses what is none. */
export const setPriority = (connect: Option.Option<string>, agent: string, written: string) => {
  const priority = readPriority(written)
  return Result.isSuccess(priority)
    ? set(connect, agent, { priority: priority.success })
    : Effect.fail(failed(exitCodes.usage, `N|CLASS is ${JSON.stringify(written)}; allowed: ${priority.failure}`))
}

export const set = (
  connect: Option.Option<string>,
  agent: string,
  attributes: { readonly weight: number } | { readonly priority: number | string }
) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      yield* daemon.call((rpc) => rpc.SetAgent({ agent, ...attributes }))
      const types = yield* typesOf(daemon)
      const said = "weight" in attributes ? `weight ${attributes.weight}` : `priority ${attributes.priority}`
      yield* print({
        schema: AgentsSetOutput,
        value: { agent, ...attributes },
        types,
        lines: () => [printableLine(`${agent}: ${said}`)]
      })
    })
  )
