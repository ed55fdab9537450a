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
