/** `serve`: a daemon, here or in the background. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Json } from "../../frame/flags.ts"
import { print } from "../../frame/output.ts"
import { ServeOutput } from "../../output/serve.ts"
import { backgroundVariable, launch } from "../../serve/launch.ts"
import { serve as serveHere } from "../../serve/serve.ts"

export interface ServeFlags {
  readonly config: Option.Option<string>
  readonly listen: ReadonlyArray<string>
  readonly background: boolean
}

const printed = (addresses: ReadonlyArray<string>, pid: number) =>
  print({
    schema: ServeOutput,
    value: { pid, addresses },
    lines: () => [`the daemon with pid ${pid} listens on ${addresses.join(", ")}`]
  })

export const serve = Effect.fnUntraced(function* ({ background, config, listen }: ServeFlags) {
  const file = Option.getOrUndefined(config)
  if (background) {
    const { addresses, pid } = yield* launch({ file, listen })
    return yield* printed(addresses, pid)
  }
  const json = yield* Json
  return yield* serveHere({
    file,
    listen,
    isBackground: process.env[backgroundVariable] === "1",
    onListening: (addresses) => Effect.provideService(printed(addresses, process.pid), Json, json)
  })
})
