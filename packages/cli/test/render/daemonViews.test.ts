/** The answers of the daemon's protocol are drawn as they are, whatever they say. */
import { assert, describe, it } from "@effect/vitest"
import { Overview } from "@resource-manager/daemon/Protocol"
import { Deadlocks } from "@resource-manager/core/WaitGraph"
import stringWidth from "string-width"
import { agentList, agentShow, quotaList } from "../../src/render/agents.ts"
import { typesFrom } from "../../src/render/amounts.ts"
import { deadlocksMermaid } from "../../src/render/deadlocks/mermaid.ts"
import { deadlocksSvg } from "../../src/render/deadlocks/svg.ts"
import { deadlocksText } from "../../src/render/deadlocks/text.ts"
import { leaseList } from "../../src/render/leases.ts"
import { poolList, poolShow } from "../../src/render/pools.ts"
import { statusPage } from "../../src/render/status.ts"
import { topFrame } from "../../src/render/top/frame.ts"
import { topLines } from "../../src/render/top/lines.ts"
import { initialState } from "../../src/render/top/state.ts"
import { waiterList } from "../../src/render/waiters.ts"
import { why } from "../../src/render/why/why.ts"
import { sheet } from "./scenario.ts"
import { colored, withoutColors } from "./support.ts"

const pages = (overview: Overview, width: number): ReadonlyArray<string> => {
  const paper = sheet(width, colored, typesFrom(overview.types))
  const { agents, leases, pools, waiters } = overview
  return [
    ...statusPage(overview, paper),
    ...poolList(pools, paper),
    ...pools.flatMap((pool) => poolShow(pool, overview, paper)),
    ...agentList(agents, paper),
    ...agents.flatMap((agent) => agentShow(agent, overview, paper)),
    ...quotaList(agents, paper),
    ...leaseList(leases, paper),
    ...waiterList(waiters, waiters.length, paper),
    ...topFrame({ sample: { takenAt: 0, overview }, previous: undefined, state: initialState }, paper, 30).lines
  ]
}

const reasons = (overview: Overview): ReadonlyArray<string> => {
  const paper = sheet(60, colored, typesFrom(overview.types))
  const targets = [...overview.waiters.map(({ id }) => String(id)), ...overview.agents.map(({ agent }) => agent)]
  // The command of a hint is not cut.
  return targets
    .flatMap((target) => why(target, overview, paper) ?? [])
    .filter((text) => !withoutColors(text).startsWith("  resource-manager "))
}

// oxlint-disable-next-line no-control-regex
const moves = /[\u0000-\u001f\u007f-\u009f]/

describe("what a daemon answers", () => {
  it.prop("is drawn within the width", [Overview], ([overview]) => {
    for (const width of [30, 100]) {
      for (const each of pages(overview, width)) {
        assert.isAtMost(stringWidth(withoutColors(each)), width)
        assert.notMatch(withoutColors(each), moves)
      }
    }
    for (const each of reasons(overview)) assert.isAtMost(stringWidth(withoutColors(each)), 60)
    for (const each of topLines({ takenAt: 0, overview }, undefined)) assert.notMatch(each, moves)
  })

  it.prop("about deadlocks is drawn", [Deadlocks], ([deadlocks]) => {
    const paper = sheet(60)
    for (const each of deadlocksText(deadlocks, paper)) {
      if (!each.startsWith("  resource-manager ")) assert.isAtMost(stringWidth(each), 60)
      assert.notMatch(each, moves)
    }
    // As a place: an amount may be called that.
    assert.notMatch(deadlocksSvg(deadlocks, paper), /="[^"]*(?:NaN|Infinity)/)
    assert.notMatch(deadlocksMermaid(deadlocks, paper).replaceAll("\n", ""), moves)
  })
})
