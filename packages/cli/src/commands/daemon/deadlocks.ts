/** `deadlocks`: who waits for whom, and the last deadlocks that were refused. */
import { writeFileSync } from "node:fs"
import type { Deadlocks } from "@resource-manager/core/WaitGraph"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { Json } from "../../frame/flags.ts"
import { print, sheetFor } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { DeadlocksOutput } from "../../output/daemon.ts"
import type { Types } from "../../render/amounts.ts"
import { deadlocksMermaid } from "../../render/deadlocks/mermaid.ts"
import { deadlocksText } from "../../render/deadlocks/text.ts"
import { describeWriteError } from "../../replay/problems.ts"

export interface DeadlocksOptions {
  readonly connect: Option.Option<string>
  readonly format: "text" | "mermaid" | "svg"
  readonly out: Option.Option<string>
}

const drawn = Effect.fnUntraced(function* (deadlocks: Deadlocks, format: DeadlocksOptions["format"], types: Types) {
  const sheet = sheetFor(types)
  if (format === "text") return deadlocksText(deadlocks, { ...sheet, width: Infinity }).join("\n")
  if (format === "mermaid") return deadlocksMermaid(deadlocks, sheet)
  // It brings the layout of graphs with it.
  const { deadlocksSvg } = yield* Effect.promise(() => import("../../render/deadlocks/svg.ts"))
  return deadlocksSvg(deadlocks, sheet)
})

const write = (file: string, text: string) =>
  Effect.try({
    try: () => writeFileSync(file, text.endsWith("\n") ? text : `${text}\n`),
    catch: (error) => failed(exitCodes.output, `--out ${file}: ${describeWriteError(error)}`)
  })

export const deadlocks = ({ connect, format, out }: DeadlocksOptions) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const found = yield* daemon.call((rpc) => rpc.Deadlocks())
      const types = yield* typesOf(daemon)
      if (Option.isSome(out)) yield* write(out.value, yield* drawn(found, format, types))
      if ((yield* Json) || format === "text") {
        if (Option.isSome(out) && !(yield* Json)) return
        return yield* print({
          schema: DeadlocksOutput,
          value: found,
          types,
          lines: (sheet) => deadlocksText(found, sheet)
        })
      }
      if (Option.isNone(out)) yield* Console.log(yield* drawn(found, format, types))
    })
  )
