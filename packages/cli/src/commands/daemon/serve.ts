/** `serve`: a daemon, here or in the background. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Json } from "../../frame/flags.ts"
import { print } from "../../frame/output.ts"
import { programName } from "../../program.ts"
import { ServeOutput } from "../../output/serve.ts"
import { backgroundVariable, launch } from "../../serve/launch.ts"
import { serve as serveHere } from "../../serve/serve.ts"

export interface ServeFlags {
  readonly config: Option.Option<string>
  readonly listen: ReadonlyArray<string>
  readonly background: boolean
}

const printed = (addresses: ReadonlyArray<string>, pid: number, isStarted = true) =>
  print({
    schema: ServeOutput,
    value: { pid, addresses },
    lines: () => [
      `the daemon with pid ${pid} listens on ${addresses.join(", ")}`,
      // Whoever has changed the settings would think that they count now.
      ...(isStarted ? [] : [`it ran already, with the settings it began with: \`${programName} stop\` ends it`])
    ]
  })

export const serve = Effect.fnUntraced(function* ({ background, config, listen }: ServeFlags) {
  const file = Option.getOrUndefined(config)
  if (background) {
    const { isStarted, status } = yield* launch({ file, listen })
    return yield* printed(status.addresses, status.pid, isStarted)
  }
  const json = yield* Json
  return yield* serveHere({
    file,
    listen,
    isBackground: process.env[backgroundVariable] === "1",
    onListening: (addresses) => Effect.provideService(printed(addresses, process.pid), Json, json)
  })
})
