/** `leases list`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { LeasesListOutput } from "../../output/daemon.ts"
import { leaseList } from "../../render/leases.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const leases = yield* daemon.call((rpc) => rpc.Leases())
      const types = yield* typesOf(daemon)
      yield* print({ schema: LeasesListOutput, value: leases, types, lines: (sheet) => leaseList(leases, sheet) })
    })
  )
