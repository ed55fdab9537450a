/**
 * Amounts are counted in the resource type's smallest unit, as non-negative safe
 * integers, so that sums never round. These constructors say the unit at the
 * place of use: `{ memory: mebibytes(512), cpu: cores(2) }`.
 *
 * They multiply and check nothing: whatever is no amount (a fraction, `NaN`, a
 * negative, an overflow) is refused with `InvalidClaim` where it is used, with
 * the field and the value.
 */
import * as Schema from "effect/Schema"
import { wholeNumber, isAmount } from "./ledger/Claim.ts"

/** A non-negative safe integer. */
export type Amount = number

export const Amount = Schema.Number.check(Schema.makeFilter(isAmount, { expected: wholeNumber }))

export { isAmount }

export const bytes = (count: number): Amount => count
export const kibibytes = (count: number): Amount => count * 1024
export const mebibytes = (count: number): Amount => count * 1024 ** 2
export const gibibytes = (count: number): Amount => count * 1024 ** 3
export const tebibytes = (count: number): Amount => count * 1024 ** 4

/** Whole processors, the unit of the `cpu` type. */
export const cores = (count: number): Amount => count

/** Thousandths of a processor, for a pool that is counted in them. */
export const millicores = (count: number): Amount => count

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** `1536` as `1.5 KiB`: exact where it can be, else rounded to two decimals. */
export const formatBytes = (amount: Amount): string => {
  let exponent = 0
  while (exponent < byteUnits.length - 1 && Math.abs(amount) >= 1024 ** (exponent + 1)) exponent++
  const value = amount / 1024 ** exponent
  return `${Number.isInteger(value) ? value : value.toFixed(2)} ${byteUnits[exponent]}`
}
