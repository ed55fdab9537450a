/** Amounts that are arguments: they are read with the unit of their type. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { isSize, readAmount } from "../config/units.ts"
import { exitCodes } from "../exitCodes.ts"
import type { Types } from "../render/amounts.ts"
import { failed } from "./CommandFailed.ts"

/** `4`, `4GiB`. */
export const readAmountOf = (types: Types, type: string, text: string) =>
  Effect.suspend(() => {
    const unit = types.get(type)?.unit
    if (isSize(text) && unit !== undefined && unit !== "bytes") {
      return Effect.fail(failed(exitCodes.usage, `${text} is a size in bytes, but ${type} counts ${unit}`))
    }
    const read = readAmount(text)
    return Result.isSuccess(read)
      ? Effect.succeed(read.success)
      : Effect.fail(failed(exitCodes.usage, `${JSON.stringify(text)} is not an amount; allowed: ${read.failure}`))
  })
