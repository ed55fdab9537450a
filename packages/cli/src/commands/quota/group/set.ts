/** `quota group set`: makes a group, or changes what is named of it. */
import type { GroupInput, GroupStatistics, OnQuota } from "@resource-manager/core/QuotaTree"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { exitCodes } from "../../../exitCodes.ts"
import { failed } from "../../../frame/CommandFailed.ts"
import { withDaemon } from "../../../frame/daemon.ts"
import { print } from "../../../frame/output.ts"
import { typesOf } from "../../../frame/question.ts"
import { QuotaTreeOutput } from "../../../output/daemon.ts"
import { quotaTree } from "../../../render/quotaTree.ts"
import { limitsOf, withLimits } from "./limits.ts"

export interface SetGroupOptions {
  readonly connect: Option.Option<string>
  readonly group: string
  readonly parent: Option.Option<string>
  readonly onQuota: Option.Option<OnQuota | "inherit">
  readonly weight: Option.Option<number>
  readonly limit: ReadonlyArray<string>
}

const optionsOf = (
  before: GroupStatistics | undefined,
  { limit, onQuota, parent, weight }: SetGroupOptions
): Result.Result<GroupInput, string> =>
  Result.map(withLimits(limitsOf(before), limit), (limits) => {
    const above = Option.getOrElse(parent, () => before?.parent ?? "none")
    const mode = Option.getOrElse(onQuota, () => before?.onQuota ?? "inherit")
    const share = Option.getOrElse(weight, () => before?.weight)
    return {
      limits,
      ...(above === "none" ? {} : { parent: above }),
      ...(mode === "inherit" ? {} : { onQuota: mode }),
      ...(share === undefined ? {} : { weight: share })
    }
  })

export const set = (options: SetGroupOptions) =>
  withDaemon(
    options.connect,
    Effect.fnUntraced(function* (daemon) {
      const { group } = options
      const before = yield* daemon.call((rpc) => rpc.Groups())
      const said = optionsOf(
        before.find((one) => one.group === group),
        options
      )
      if (Result.isFailure(said)) return yield* failed(exitCodes.usage, said.failure)
      yield* daemon.call((rpc) => rpc.SetGroup({ group, options: said.success }))
      const groups = yield* daemon.call((rpc) => rpc.Groups())
      const types = yield* typesOf(daemon)
      yield* print({ schema: QuotaTreeOutput, value: groups, types, lines: (sheet) => quotaTree(groups, sheet) })
    })
  )
