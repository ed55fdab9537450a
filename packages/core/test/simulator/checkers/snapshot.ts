/**
 * A state that was captured and restored, through JSON, is the same state: at
 * random steps, and at the end. That it also decides the same ever after is checked
 * by running some seeds a second time on Ledgers that are restored again and again
 * (see `campaign`): every event has to be the same.
 */
import { isDeepStrictEqual } from "node:util"
import { capture, restore, type State } from "../../../src/Ledger.ts"
import { type Checker, failing, ordered, type Run } from "../checker.ts"
import { Random } from "../random.ts"
import { firstDifference } from "./replay.ts"

const name = "snapshot"
const fail = failing(name)

export const snapshot = (run: Run): Checker => {
  // Its own: what is looked at must not change what happens.
  const random = new Random(run.seed)
  const compare = () => {
    const { books } = run.ledger
    const state: State = JSON.parse(JSON.stringify(capture(books)))
    const restored = ordered(run, restore(state))
    const again: State = JSON.parse(JSON.stringify(capture(restored)))
    if (!isDeepStrictEqual(state, again)) fail(`restored, ${firstDifference(state, again, "state")}`)
    const due = [books.timers.nextAt(), restored.timers.nextAt()]
    // Further than the safe integers is centuries away, and rounded.
    if (due[0] !== due[1] && Math.min(...due) < Number.MAX_SAFE_INTEGER) fail(`due at ${due[0]}, restored at ${due[1]}`)
    const figures = ({ exempt, hardPools, waiting }: typeof books) => [exempt.length, hardPools, waiting]
    if (!isDeepStrictEqual(figures(books), figures(restored))) {
      fail(`restored, exempt, hard pools and waiters are ${figures(restored)}, not ${figures(books)}`)
    }
    run.count("snapshot restored")
  }
  return {
    name,
    afterCommand: () => {
      if (random.chance(0.004)) compare()
    },
    atEnd: compare
  }
}
