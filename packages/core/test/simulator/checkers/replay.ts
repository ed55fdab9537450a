/**
 * Events are outcomes: applied to nothing, they rebuild the state exactly. Every
 * 1,000 commands and at the end; at the end they go through JSON first, as a
 * journal would have it.
 */
import { isDeepStrictEqual } from "node:util"
import { capture, type LedgerEvent, Replay, type State } from "../../../src/Ledger.ts"
import { type Checker, failing, ordered, type Run } from "../checker.ts"

const name = "replay"
const fail = failing(name)

export const firstDifference = (a: unknown, b: unknown, path: string): string => {
  if (typeof a === "object" && a !== null && typeof b === "object" && b !== null) {
    const left: Readonly<Record<string, unknown>> = { ...a }
    const right: Readonly<Record<string, unknown>> = { ...b }
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      if (!isDeepStrictEqual(left[key], right[key])) return firstDifference(left[key], right[key], `${path}.${key}`)
    }
  }
  return `${path} is ${String(b)}, not ${String(a)}`
}

// JSON has no `undefined`: a key without a value is no key.
const throughJson = (state: State): unknown => JSON.parse(JSON.stringify(state))

export const replay = (run: Run): Checker => {
  const { ledger } = run
  const events: Array<LedgerEvent> = []
  const compare = (told: ReadonlyArray<LedgerEvent>, normal: (state: State) => unknown) => {
    const copy = new Replay()
    for (const event of told) copy.apply(event)
    const expected = normal(capture(ledger.books))
    const rebuilt = normal(capture(ordered(run, copy.finish(ledger.now))))
    if (!isDeepStrictEqual(expected, rebuilt))
      fail(`after ${told.length} events ${firstDifference(expected, rebuilt, "state")}`)
    run.count("replay compared")
  }
  return {
    name,
    onEvent: (event) => {
      events.push(event)
    },
    afterCommand: () => {
      if (run.step % 1000 === 0) compare(events, (state) => state)
    },
    atEnd: () => {
      const journal: ReadonlyArray<LedgerEvent> = JSON.parse(JSON.stringify(events))
      compare(journal, throughJson)
    }
  }
}
