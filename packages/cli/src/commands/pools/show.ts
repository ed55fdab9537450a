/** `pools show`: one pool, who holds it and who waits for it. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { PoolsShowOutput } from "../../output/daemon.ts"
import { poolShow } from "../../render/pools.ts"

export const show = (connect: Option.Option<string>, name: string) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const pool = yield* find("pool", name, overview.pools, ({ resourceType }) => resourceType)
      const asks = ({ claim }: { readonly claim: Readonly<Record<string, number>> }) => (claim[name] ?? 0) > 0
      const value = { pool, leases: overview.leases.filter(asks), waiters: overview.waiters.filter(asks) }
      yield* print({ schema: PoolsShowOutput, value, types, lines: (sheet) => poolShow(pool, value, sheet) })
    })
  )
