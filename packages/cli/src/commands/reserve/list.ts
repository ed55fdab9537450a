/** `reserve list`: what is promised, and the plan over time. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { ReserveListOutput } from "../../output/daemon.ts"
import { reservationList } from "../../render/reservations.ts"

export const list = (connect: Option.Option<string>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const all = yield* daemon.call((rpc) => rpc.Reservations())
      const types = yield* typesOf(daemon)
      yield* print({ schema: ReserveListOutput, value: all, types, lines: (sheet) => reservationList(all, sheet) })
    })
  )
