/** `quota set`: what one agent may hold and wait for, from now on. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { readAmountOf } from "../../frame/amounts.ts"
import { confirm } from "../../frame/confirm.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { QuotaOutput } from "../../output/daemon.ts"
import { printableLine } from "../../printable.ts"
import { amount } from "../../render/amounts.ts"
import { quotaOfType } from "./quotas.ts"

export interface SetQuotaOptions {
  readonly connect: Option.Option<string>
  readonly agent: string
  readonly type: string
  readonly quota: string
  readonly yes: boolean
}

export const set = ({ agent, connect, quota: text, type, yes }: SetQuotaOptions) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      yield* find("pool", type, overview.pools, ({ resourceType }) => resourceType)
      const quota = text === "off" ? null : yield* readAmountOf(types, type, text, ", or off")
      const of = (value: number | null) => (value === null ? "no quota" : amount(types, type, value))
      const before = quotaOfType(overview.agents, agent, type)
      // Its leases stay; its youngest waiters over the quota fail.
      if (quota !== null && before.waiting > 0 && quota < before.held + before.waiting) {
        const wanted = `It holds ${of(before.held)} and waits for ${of(before.waiting)}`
        yield* confirm(
          `Set the quota of ${agent} to ${of(quota)} of ${type}? ${wanted}: what is over it will fail.`,
          yes
        )
      }
      if (quota === null) yield* daemon.call((rpc) => rpc.RemoveQuota({ agent, type }))
      else yield* daemon.call((rpc) => rpc.SetQuota({ agent, type, quota }))
      const value = { ...before, quota }
      yield* print({
        schema: QuotaOutput,
        value,
        types,
        lines: () => [printableLine(`${agent}, ${type}: ${of(before.quota)} -> ${of(quota)}`)]
      })
    })
  )
