/** `quota group assign`: in which group an agent is. */
import type { OnQuota } from "@resource-manager/core/QuotaTree"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { withDaemon } from "../../../frame/daemon.ts"
import { print } from "../../../frame/output.ts"
import { QuotaTreeOutput } from "../../../output/daemon.ts"
import { printableLine } from "../../../printable.ts"

export interface AssignOptions {
  readonly connect: Option.Option<string>
  readonly agent: string
  readonly group: string
  readonly onQuota: Option.Option<OnQuota | "inherit">
}

export const assign = ({ agent, connect, group, onQuota }: AssignOptions) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const mode = Option.getOrElse(onQuota, () => "inherit" as const)
      yield* daemon.call((rpc) =>
        rpc.Assign({
          agent,
          ...(group === "none" ? {} : { group }),
          ...(mode === "inherit" ? {} : { onQuota: mode })
        })
      )
      const groups = yield* daemon.call((rpc) => rpc.Groups())
      const path = groups.find((one) => one.group === group)?.path.join("/")
      yield* print({
        schema: QuotaTreeOutput,
        value: groups,
        lines: () => [printableLine(path === undefined ? `${agent}: in no group` : `${agent}: in ${path}`)]
      })
    })
  )
