/** `pools set-rate`: how fast units of a pool may be taken, from now on. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import { rateAllowed, readRate } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { find, overviewOf } from "../../frame/question.ts"
import { PoolOutput } from "../../output/daemon.ts"
import { rateText } from "../../render/amounts.ts"

export interface SetRateOptions {
  readonly connect: Option.Option<string>
  readonly name: string
  readonly rate: string
  readonly per: "unit" | "request"
}

const read = ({ per, rate }: Pick<SetRateOptions, "per" | "rate">) =>
  Effect.suspend(() => {
    if (rate === "off") return Effect.succeed(null)
    const found = readRate(rate)
    if (Result.isFailure(found)) {
      const problem = `RATE is ${JSON.stringify(rate)}; allowed: ${rateAllowed}, or off`
      return Effect.fail(failed(exitCodes.usage, problem))
    }
    const { interval, ...fields } = found.success
    return Effect.succeed({ ...fields, interval: Duration.toMillis(interval), per })
  })

export const setRate = (options: SetRateOptions) =>
  withDaemon(
    options.connect,
    Effect.fnUntraced(function* (daemon) {
      const { name } = options
      const rate = yield* read(options)
      const { overview, types } = yield* overviewOf(daemon)
      yield* find("pool", name, overview.pools, ({ resourceType }) => resourceType)
      yield* daemon.call((rpc) => rpc.SetRate({ type: name, rate }))
      const pool = yield* daemon.call((rpc) => rpc.Pool({ type: name }))
      const now =
        pool.rate === undefined
          ? "no rate"
          : `${rateText(pool.rate)}, a token for each ${pool.rate.per}, at most ${pool.rate.burst} saved up`
      yield* print({ schema: PoolOutput, value: pool, types, lines: () => [`${name}: ${now}`] })
    })
  )
