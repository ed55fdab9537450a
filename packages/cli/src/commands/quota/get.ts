/** `quota get`: what one agent may hold. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { type Quota, QuotasOutput } from "../../output/daemon.ts"
import { printableLine } from "../../printable.ts"
import { amount, type Types } from "../../render/amounts.ts"
import { quotaOfType, quotasOf } from "./quotas.ts"

const lineOf = ({ agent, held, quota, resourceType, waiting }: Quota, types: Types): string => {
  const of = (value: number) => amount(types, resourceType, value)
  const limit = quota === null ? "no quota" : `quota ${of(quota)}`
  return printableLine(`${agent}, ${resourceType}: ${limit}, holds ${of(held)}, waits for ${of(waiting)}`)
}

export const get = (connect: Option.Option<string>, agent: string, type: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const { agents, pools } = overview
      if (Option.isSome(type)) yield* find("pool", type.value, pools, ({ resourceType }) => resourceType)
      const value = Option.match(type, {
        onNone: () => quotasOf(agents.filter((one) => one.agent === agent)),
        onSome: (name) => [quotaOfType(agents, agent, name)]
      })
      yield* print({
        schema: QuotasOutput,
        value,
        types,
        lines: () =>
          value.length === 0 ? [printableLine(`${agent}: no quotas`)] : value.map((quota) => lineOf(quota, types))
      })
    })
  )
