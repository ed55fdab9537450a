/** `quota group remove`: of a group that nobody is in, and nothing is below. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../../frame/daemon.ts"
import { print } from "../../../frame/output.ts"
import { QuotaTreeOutput } from "../../../output/daemon.ts"
import { printableLine } from "../../../printable.ts"

export const remove = (connect: Option.Option<string>, group: string) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      yield* daemon.call((rpc) => rpc.RemoveGroup({ group }))
      const groups = yield* daemon.call((rpc) => rpc.Groups())
      yield* print({ schema: QuotaTreeOutput, value: groups, lines: () => [printableLine(`${group}: removed`)] })
    })
  )
