/** `reserve cancel`: ends a promise early. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { confirm } from "../../frame/confirm.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { ReserveCancelOutput } from "../../output/daemon.ts"
import { command } from "../../render/commands.ts"
import { reservationText } from "../../render/reservations.ts"

export interface CancelOptions {
  readonly connect: Option.Option<string>
  readonly id: number
  readonly yes: boolean
}

export const cancel = ({ connect, id, yes }: CancelOptions) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const all = yield* daemon.call((rpc) => rpc.Reservations())
      const types = yield* typesOf(daemon)
      const known = all.find((reservation) => reservation.id === id)
      const unknown = failed(
        exitCodes.refused,
        `there is no reservation ${id}; \`${command("reserve list")}\` shows those that there are`
      )
      if (known === undefined) return yield* unknown
      yield* confirm(`Cancel reservation ${id}: ${reservationText(known, types)}?`, yes)
      const ended = yield* daemon.call((rpc) => rpc.EndReservation({ id }))
      if (!ended) return yield* unknown
      yield* print({
        schema: ReserveCancelOutput,
        value: { cancelled: id },
        types,
        lines: () => [`reservation ${id} cancelled`]
      })
    })
  )
