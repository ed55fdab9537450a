/** `pools set-capacity`: more or fewer units of a pool, from now on. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { readAmountOf } from "../../frame/amounts.ts"
import { confirm } from "../../frame/confirm.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { PoolOutput } from "../../output/daemon.ts"
import { amount } from "../../render/amounts.ts"

export interface SetCapacityOptions {
  readonly connect: Option.Option<string>
  readonly name: string
  readonly capacity: string
  readonly note: Option.Option<string>
  readonly yes: boolean
}

export const setCapacity = ({ capacity: text, connect, name, note, yes }: SetCapacityOptions) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const before = yield* find("pool", name, overview.pools, ({ resourceType }) => resourceType)
      const capacity = yield* readAmountOf(types, name, text)
      const of = (value: number) => amount(types, name, value)
      // Whoever holds keeps what it has; whoever waits for more than there will ever be fails.
      if (capacity < before.inUse + before.waitingAmount) {
        const wanted = `${of(before.inUse)} in use, ${of(before.waitingAmount)} waited for`
        yield* confirm(
          `Set the capacity of ${name} to ${of(capacity)}? ${wanted}: claims for more than it can have will fail.`,
          yes
        )
      }
      yield* daemon.call((rpc) =>
        rpc.SetCapacity({ type: name, capacity, ...(Option.isNone(note) ? {} : { note: note.value }) })
      )
      const pool = yield* daemon.call((rpc) => rpc.Pool({ type: name }))
      yield* print({
        schema: PoolOutput,
        value: pool,
        types,
        lines: () => [`${name}: ${of(before.capacity)} -> ${of(pool.capacity)}`]
      })
    })
  )
