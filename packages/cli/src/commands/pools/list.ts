/** `pools list`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { PoolsListOutput } from "../../output/daemon.ts"
import { poolList } from "../../render/pools.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const pools = yield* daemon.call((rpc) => rpc.Pools())
      const types = yield* typesOf(daemon)
      yield* print({ schema: PoolsListOutput, value: pools, types, lines: (sheet) => poolList(pools, sheet) })
    })
  )
