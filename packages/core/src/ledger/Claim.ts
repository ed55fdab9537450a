/** The amounts asked for at once: resource type to amount, in the type's smallest unit. */
export interface Claim {
  readonly [resourceType: string]: number
}

/** What can be counted exactly: a non-negative safe integer. */
export const isAmount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** What `isAmount` lets pass, in words. */
export const wholeNumber = "a whole number from 0 to 9007199254740991"
