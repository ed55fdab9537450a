import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { upSummary } from "../../src/render/up.ts"
import * as summary from "../../src/up/summary.ts"
import * as supervision from "../../src/up/supervision.ts"
import { sheet } from "../render/scenario.ts"
import { instance, planOf, restart } from "./support.ts"

/** a is done at once, b fails for good, c is never started, d is told to end. */
const ended = () => {
  const plan = planOf(
    [
      instance("a"),
      instance("b", { agent: "team", shown: "make b", restart: restart("on-failure", { max: 1 }) }),
      instance("c", { after: ["b"] }),
      instance("d")
    ],
    { title: "sample" }
  )
  let state = supervision.initial(plan)
  const tell = (input: supervision.Input, now: number) => {
    state = supervision.step(state, input, now).state
  }
  tell({ _tag: "Begin" }, 1_000)
  tell({ _tag: "Granted", id: "a" }, 1_100)
  tell({ _tag: "Granted", id: "b" }, 1_250)
  tell({ _tag: "Started", id: "b", pid: 4711 }, 1_260)
  tell({ _tag: "Ended", id: "a", outcome: { _tag: "Exited", code: 0 } }, 1_400)
  tell({ _tag: "Ended", id: "b", outcome: { _tag: "Signalled", signal: "SIGKILL" } }, 1_500)
  tell({ _tag: "Tick" }, 2_500)
  const during = state
  tell({ _tag: "Granted", id: "b" }, 2_600)
  tell({ _tag: "Ended", id: "b", outcome: { _tag: "Exited", code: 3 } }, 2_700)
  tell({ _tag: "Stop", why: "interrupted" }, 2_800)
  tell({ _tag: "Ended", id: "d", outcome: { _tag: "Stopped" } }, 2_900)
  return { state, during }
}

const pools = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* manager.withLease("a", { cpu: 3 })(Effect.void)
  return yield* manager.pools
}).pipe(Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 4 } } })))

describe("the summary of up", () => {
  it.effect("tells by agent and by pool what happened", () =>
    Effect.gen(function* () {
      const { state } = ended()
      const told = summary.summaryOf(state, yield* pools, 1_900.123_456)
      const { agents, pools: byPool, ...all } = yield* Schema.encodeEffect(summary.UpSummary)(told)
      assert.deepStrictEqual(all, {
        title: "sample",
        ok: false,
        stopped: "interrupted",
        wallMillis: 1_900.123,
        waitedMillis: 100 + 250 + 100 + 1_900,
        heldMillis: 300 + 250 + 100
      })
      assert.deepStrictEqual(
        agents.map(({ exits, id, restarts, runs, verdict, why }) => [id, verdict, why, runs, restarts, exits]),
        [
          ["a", "done", undefined, 1, 0, [0]],
          ["b", "failed", "exit code 3, after 1 restart in a row", 2, 1, ["SIGKILL", 3]],
          ["c", "skipped", "b did not end well", 0, 0, []],
          ["d", "stopped", "interrupted", 0, 0, ["stopped"]]
        ]
      )
      assert.deepStrictEqual([agents[1]?.agent, agents[1]?.command], ["team", "make b"])
      assert.deepInclude({ ...byPool[0] }, { resourceType: "cpu", capacity: 4, peak: 3, acquisitions: 1 })
      // It crosses JSON as it is.
      const decoded = Schema.decodeUnknownSync(summary.UpSummary)(
        JSON.parse(JSON.stringify({ ...all, agents, pools: byPool }))
      )
      assert.deepStrictEqual(decoded, told)
    })
  )

  it("shows the state of each while it goes on", () => {
    const { during } = ended()
    const shown = summary.agentsOf(during, 2_550, () => "cpu: behind 1")
    assert.deepStrictEqual(
      shown.map(({ ranMillis, state, waitedMillis }) => [state, waitedMillis, ranMillis]),
      [
        [{ _tag: "Done" }, 100, 300],
        [{ _tag: "Waiting", sinceMillis: 50, why: "cpu: behind 1" }, 300, 250],
        [{ _tag: "Pending", after: ["b"] }, 0, 0],
        [{ _tag: "Waiting", sinceMillis: 1_550, why: "cpu: behind 1" }, 1_550, 0]
      ]
    )
  })

  it.effect("reads well", () =>
    Effect.gen(function* () {
      const { state } = ended()
      const view = summary.viewOf(state, yield* pools, { now: 2_900, beganAt: 1_000 }, () => "")
      const lines = upSummary(view, sheet(100))
      assert.strictEqual(
        lines[0]?.trimEnd(),
        "sample  interrupted: 1 of 4 agents done, 1 failed  in 1.9 s, waited 2.4 s together"
      )
      assert.match(lines[4] ?? "", /^b +failed +2 +SIGKILL, 3 +350 ms +350 ms +exit code 3, after 1 restart in a row$/)
      assert.match(lines[5] ?? "", /^c +skipped +0 .* b did not end well$/)
    })
  )
})
