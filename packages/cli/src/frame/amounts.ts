/** Amounts that are arguments: they are read with the unit of their type. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { amountAllowed, isSize, readAmount, unitsAllowed } from "../config/units.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Types } from "../render/amounts.ts"
import { failed } from "./CommandFailed.ts"

/** `4`, `4GiB`. `orElse` is what the argument may be besides. */
export const readAmountOf = (types: Types, type: string, text: string, orElse = "") =>
  Effect.suspend(() => {
    const unit = types.get(type)?.unit
    const isBytes = unit === undefined || unit === "bytes"
    const allowed = `allowed: ${isBytes ? amountAllowed : unitsAllowed}${orElse}`
    if (isSize(text) && !isBytes) {
      const problem = `AMOUNT is ${JSON.stringify(text)}, a size in bytes, but ${type} counts ${unit}; ${allowed}`
      return Effect.fail(failed(exitCodes.usage, problem))
    }
    const read = readAmount(text)
    return Result.isSuccess(read)
      ? Effect.succeed(read.success)
      : Effect.fail(failed(exitCodes.usage, `AMOUNT is ${JSON.stringify(text)}; ${allowed}`))
  })

/** Amounts of several pools, each written `POOL=AMOUNT`. `name` and `such`: how they are called, and examples. */
export const readAmounts = Effect.fnUntraced(function* (
  types: Types,
  written: ReadonlyArray<string>,
  { name, such }: { readonly name: string; readonly such: string }
) {
  const wrong = (text: string, allowed: string) =>
    Effect.fail(failed(exitCodes.usage, `${name} is ${JSON.stringify(text)}; allowed: ${allowed}`))
  const amounts = new Map<string, number>()
  for (const text of written) {
    const equals = Math.max(0, text.indexOf("="))
    const type = text.slice(0, equals)
    if (type === "") return yield* wrong(text, such)
    if (amounts.has(type)) return yield* wrong(text, `${type} once`)
    amounts.set(type, yield* readAmountOf(types, type, text.slice(equals + 1)))
  }
  return Object.fromEntries(amounts)
})
