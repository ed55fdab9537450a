/**
 * Starts a command behind a gate, as `run` does: tells its target in a file, opens
 * the gate where it should, passes signals on, and ends as the command ended.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { renameSync, writeFileSync } from "node:fs"
import { endLike } from "../../../src/process/ExitStatus.ts"
import * as Gate from "../../../src/process/Gate.ts"
import { ProcessTable } from "../../../src/process/ProcessTable.ts"
import { passSignals } from "../../../src/process/signals.ts"

const Options = Schema.fromJsonString(
  Schema.Struct({
    command: Schema.String,
    args: Schema.Array(Schema.String),
    marker: Schema.optionalKey(Schema.String),
    placement: Schema.optionalKey(Schema.Literals(["own", "shared"])),
    env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    shell: Schema.optionalKey(Schema.String),
    wrapper: Schema.optionalKey(Schema.Array(Schema.String)),
    report: Schema.optionalKey(Schema.String),
    open: Schema.optionalKey(Schema.Boolean)
  })
)

const program = Effect.gen(function* () {
  const { open = true, report, ...command } = yield* Schema.decodeUnknownEffect(Options)(process.argv[2])
  const gated = yield* Gate.start(command)
  yield* passSignals(gated)
  if (report !== undefined) {
    writeFileSync(`${report}.new`, JSON.stringify(gated.target))
    renameSync(`${report}.new`, report)
  }
  if (open) yield* gated.open
  return yield* gated.exit
})

const status = await Effect.runPromise(Effect.provide(Effect.scoped(program), ProcessTable.layer))
endLike(status)
