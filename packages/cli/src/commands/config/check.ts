/** `config check`: reads, checks, says what is wrong. */
import * as Effect from "effect/Effect"
import type { ConfigInvalid } from "../../config/errors.ts"
import { loadSettings } from "../../config/load.ts"
import type { Complete } from "../../config/schema.ts"
import { exitCodes } from "../../exitCodes.ts"
import { told } from "../../frame/CommandFailed.ts"
import { Json } from "../../frame/flags.ts"
import { print } from "../../frame/output.ts"
import { ConfigCheckOutput } from "../../output/config.ts"
import { counted } from "../../render/amounts.ts"

const summary = ({ daemon, plugins, pools, quotas }: Complete): string => {
  const names = Object.keys(plugins)
  return [
    counted(Object.keys(pools).length, "pool"),
    counted(Object.keys(quotas).length, "agent with quotas", "agents with quotas"),
    names.length === 0 ? "no plugins" : `plugins ${names.join(", ")}`,
    `listens on ${daemon.listen.join(", ")}`
  ].join("; ")
}

/** A program is told what is wrong where it looks for results. */
const reportProblems = Effect.fnUntraced(function* (error: ConfigInvalid) {
  if (!(yield* Json)) return yield* error
  yield* print({
    schema: ConfigCheckOutput,
    value: { file: error.file, valid: false, problems: error.problems },
    lines: () => []
  })
  return yield* told(exitCodes.input)
})

export const check = Effect.fnUntraced(function* (file: string | undefined) {
  const { complete, file: found } = yield* Effect.catchTag(loadSettings(file), "ConfigInvalid", reportProblems)
  yield* print({
    schema: ConfigCheckOutput,
    value: { ...(found === undefined ? {} : { file: found }), valid: true, problems: [] },
    lines: () => [`${found ?? "no file of settings, only those that are built in"}: all right`, summary(complete)]
  })
})
