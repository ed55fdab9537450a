/** `top`: everything, live; lines where nobody looks at a screen. */
import * as Console from "effect/Console"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { durationAllowed, readDuration } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { Json } from "../../frame/flags.ts"
import { printOne, sheetFor } from "../../frame/output.ts"
import { overviewOf } from "../../frame/question.ts"
import { TopOutput } from "../../output/daemon.ts"
import { topPlain } from "../../top/plain.ts"
import { top as topOnTerminal } from "../../top/top.ts"

export interface TopFlags {
  readonly connect: Option.Option<string>
  readonly interval: string
  readonly times: Option.Option<number>
}

/** Looking more often would itself be a load. */
const intervalLeast = Duration.millis(100)

const readInterval = (text: string) =>
  Effect.suspend(() => {
    const read = readDuration(text)
    return Result.isSuccess(read) && Duration.isGreaterThanOrEqualTo(read.success, intervalLeast)
      ? Effect.succeed(read.success)
      : Effect.fail(
          failed(exitCodes.usage, `--interval: ${JSON.stringify(text)}; allowed: ${durationAllowed}, at least 100ms`)
        )
  })

export const top = Effect.fnUntraced(function* ({ connect, interval: text, times }: TopFlags) {
  const interval = yield* readInterval(text)
  const { canAnimate, canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  const json = yield* Json
  const limit = Option.getOrUndefined(times)
  yield* withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const look = overviewOf(daemon)
      if (!json && canAnimate && canPrompt && limit === undefined) {
        return yield* topOnTerminal({ source: look, interval, style: sheetFor(new Map()).style })
      }
      if (!json) {
        const source = Effect.map(look, ({ overview }) => overview)
        return yield* topPlain({ source, interval, times: limit, write: (lines) => Console.log(lines.join("\n")) })
      }
      for (let looked = 0; looked < (limit ?? Infinity); looked++) {
        if (looked > 0) yield* Effect.sleep(interval)
        const { overview } = yield* look
        yield* printOne({ schema: TopOutput, value: overview, lines: () => [] })
      }
      return undefined
    })
  )
})
