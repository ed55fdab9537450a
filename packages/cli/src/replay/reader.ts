/** What every workload format offers: bytes go in, rows arrive in a builder. */
import { printable } from "../printable.ts"
import type { InvalidOption, WorkloadUnreadable } from "./errors.ts"
import type { PoolSpec } from "./pools.ts"
import type { Window, WorkloadBuilder } from "./workload.ts"

export interface ReaderOptions {
  /** For messages. */
  readonly file: string
  /** `undefined` where no flag names any. */
  readonly pools: ReadonlyArray<PoolSpec> | undefined
  readonly window: Window
}

export interface RowReader {
  readonly push: (chunk: Uint8Array) => void
  /** No more bytes follow: what is left is the last line. */
  readonly end: () => void
  /** Whether nothing more has to be read: the window is complete, or reading failed. */
  readonly done: boolean
  /** Why nothing more is read, where that is not the end of the window. */
  readonly failure: InvalidOption | WorkloadUnreadable | undefined
  /** Whether what was read has carriage returns where the ends of its lines should be. */
  readonly returnsOnly: boolean
  /** `undefined` while no row was seen. */
  readonly builder: WorkloadBuilder | undefined
}

const plainNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/

/** A decimal number; `undefined` for everything else, `Infinity` and hexadecimal included. */
export const readNumber = (text: string): number | undefined => {
  if (!plainNumber.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** The start of what was found, for a message: bounded, and without control characters. */
export const shown = (text: string): string =>
  printable(JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text))
