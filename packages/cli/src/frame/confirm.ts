/** Asks before something is done that cannot be undone. */
import * as Prompt from "effect/cli/Prompt"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import { printable } from "../printable.ts"
import { failed } from "./CommandFailed.ts"
import { Json } from "./flags.ts"

/** Goes on where `yes` was said beforehand or is said now; without a terminal to ask on, it does not. */
export const confirm = Effect.fnUntraced(function* (question: string, yes: boolean) {
  if (yes) return
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (!canPrompt || (yield* Json)) {
    return yield* failed(exitCodes.unconfirmed, `${question} Nothing was done: add --yes to do it without being asked`)
  }
  const isConfirmed = yield* Prompt.run(Prompt.Confirm({ message: printable(question), initial: false }))
  return isConfirmed ? undefined : yield* failed(exitCodes.unconfirmed, "nothing was done")
})
