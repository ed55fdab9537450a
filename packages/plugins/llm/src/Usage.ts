/** What a call takes of a model, and what that costs: pure. */

/** Tokens of one call. */
export interface Usage {
  readonly input: number
  readonly output: number
}

/** Dollars for a million tokens: as many millionths of a dollar for one. */
export interface Price {
  readonly input: number
  readonly output: number
}

export const nothing: Usage = { input: 0, output: 0 }

const isTokens = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0

export const isUsage = ({ input, output }: Usage): boolean => isTokens(input) && isTokens(output)

/** Money is counted in millionths of a dollar: whole numbers, whose sums never round. */
export const microsPerDollar = 1_000_000

/** What the tokens cost, in millionths of a dollar, rounded up. */
export const costMicros = (price: Price, { input, output }: Usage): number =>
  Math.ceil(price.input * input + price.output * output)

/** Millionths of a dollar as people read them: cents, and below a dollar as much more as there is. */
export const formatMicros = (micros: number): string => {
  const dollars = micros / microsPerDollar
  return `$${Math.abs(dollars) >= 1 ? dollars.toFixed(2) : dollars.toFixed(6).replace(/0{1,4}$/, "")}`
}
