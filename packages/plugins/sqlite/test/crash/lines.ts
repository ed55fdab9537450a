/** What a process that will be killed says, a line each, as it happens. */

export type Amounts = Readonly<Record<string, number>>

export interface PoolFigures {
  readonly type: string
  readonly capacity: number
  readonly inUse: number
  readonly peak: number
  readonly acquisitions: number
  readonly holds: number
  readonly failures: Amounts
  readonly tokens: number | undefined
}

export interface LeaseFigures {
  readonly id: number
  readonly agent: string
  readonly claim: Amounts
  readonly token: number
}

export type Line =
  /** It is up. What the journal had, as a reader is told. */
  | {
      readonly _: "recovered"
      readonly wall: number
      readonly quotas: Readonly<Record<string, number | undefined>>
      readonly pools: ReadonlyArray<PoolFigures>
      readonly leases: ReadonlyArray<LeaseFigures>
      readonly waiters: ReadonlyArray<number>
      /** Numbers of notes: the last one in the home's state, and those after it. */
      readonly noted: { readonly last: number; readonly since: ReadonlyArray<number> }
    }
  | { readonly _: "ready" }
  /** A command is about to be given. */
  | {
      readonly _: "ask"
      readonly n: number
      readonly what: "claim"
      readonly agent: string
      readonly claim: Amounts
    }
  | { readonly _: "ask"; readonly n: number; readonly what: "return"; readonly id: number }
  | { readonly _: "ask"; readonly n: number; readonly what: "set"; readonly key: string; readonly value: number }
  | { readonly _: "ask"; readonly n: number; readonly what: "read"; readonly wall: number }
  /** Its answer, which was told: all of it is committed, with the home's note of that number (0: none). */
  | { readonly _: "refused"; readonly n: number; readonly tag: string }
  | { readonly _: "waits"; readonly n: number; readonly id: number; readonly note: number }
  | { readonly _: "held"; readonly n: number; readonly lease: LeaseFigures; readonly note: number }
  | { readonly _: "done"; readonly n: number; readonly note: number }
  | { readonly _: "figures"; readonly n: number; readonly pools: ReadonlyArray<PoolFigures> }

/** What both sides know of the pools. `calls` has a rate, and its capacity and rate never change. */
export const capacities: Amounts = { cpu: 20, memory: 1_000, calls: 60 }
export const callsRate = { limit: 500, burst: 60 }
export const agents: ReadonlyArray<string> = ["a", "b", "c", "d", "e", "f", "g", "h"]
