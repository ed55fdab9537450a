import { assert, describe, it } from "@effect/vitest"
import type { Instance, Plan } from "../../src/up/plan.ts"
import * as supervision from "../../src/up/supervision.ts"
import type { Outcome, State } from "../../src/up/supervision.ts"
import { instance, planOf, restart } from "./support.ts"

const exit = (code: number): Outcome => ({ _tag: "Exited", code })

/** Drives a plan by a script of lines: `1000 granted a`, `2000 a exits 0`, `3000 tick`, `3000 stop`. */
const drive = (plan: Plan, script: ReadonlyArray<readonly [at: number, what: string, outcome?: Outcome]>) => {
  const log: Array<string> = []
  let state: State = supervision.initial(plan)
  const apply = (input: supervision.Input, at: number) => {
    const next = supervision.step(state, input, at)
    state = next.state
    for (const { _tag, id } of next.actions) log.push(`${at} ${_tag === "Start" ? "start" : "end"} ${id}`)
  }
  apply({ _tag: "Begin" }, 0)
  for (const [at, what, outcome] of script) {
    const [verb = "", id = ""] = what.split(" ")
    if (verb === "granted") apply({ _tag: "Granted", id }, at)
    else if (verb === "ended" && outcome !== undefined) apply({ _tag: "Ended", id, outcome }, at)
    else if (verb === "tick") apply({ _tag: "Tick" }, at)
    else apply({ _tag: "Stop", why: "interrupted" }, at)
  }
  const status = (id: string) => {
    const found = state.instances.get(id)?.status
    if (found === undefined) return "none"
    return found._tag === "Ended" ? `${found.verdict}${found.why === undefined ? "" : `: ${found.why}`}` : found._tag
  }
  return { log, state, status, of: (id: string) => state.instances.get(id)! }
}

const statuses = (run: ReturnType<typeof drive>) =>
  Object.fromEntries([...run.state.instances.keys()].map((id) => [id, run.status(id)]))

describe("supervision", () => {
  it("starts those that wait for nobody, and the others once all that they wait for ended well", () => {
    const plan = planOf([
      instance("build/1", { name: "build" }),
      instance("build/2", { name: "build" }),
      instance("lint"),
      instance("pack", { after: ["build", "lint"] }),
      instance("publish", { after: ["pack"] })
    ])
    const run = drive(plan, [
      [10, "granted lint"],
      [20, "ended lint", exit(0)],
      [25, "granted build/1"],
      [30, "ended build/1", exit(0)],
      [30, "granted build/2"],
      [40, "ended build/2", exit(0)],
      [50, "granted pack"],
      [70, "ended pack", exit(0)]
    ])
    assert.deepStrictEqual(run.log, [
      "0 start build/1",
      "0 start build/2",
      "0 start lint",
      "40 start pack",
      "70 start publish"
    ])
    assert.deepInclude({ ...run.of("build/2") }, { runs: 1, waitedMillis: 30, heldMillis: 10, restarts: 0 })
    assert.isFalse(supervision.isOver(run.state))
  })

  it("skips those whose forerunner did not end well, and those behind them", () => {
    const plan = planOf([
      instance("build"),
      instance("pack", { after: ["build"] }),
      instance("publish", { after: ["pack"] }),
      instance("lint")
    ])
    const run = drive(plan, [
      [0, "granted build"],
      [5, "ended build", exit(2)],
      [5, "granted lint"],
      [6, "ended lint", exit(0)]
    ])
    assert.deepStrictEqual(statuses(run), {
      build: "failed: exit code 2",
      pack: "skipped: build did not end well",
      publish: "skipped: pack did not end well",
      lint: "done"
    })
    assert.isTrue(supervision.isOver(run.state))
    assert.isFalse(supervision.isWell(run.state))
  })

  const outcomes: ReadonlyArray<readonly [Instance["restart"]["when"], Outcome, string]> = [
    ["never", exit(0), "done"],
    ["never", exit(1), "failed: exit code 1"],
    ["never", { _tag: "Signalled", signal: "SIGSEGV" }, "failed: signal SIGSEGV"],
    ["never", { _tag: "TimedOut", afterMillis: 5_000 }, "failed: took longer than 5000 ms"],
    ["never", { _tag: "Revoked", message: "lease 4 was revoked" }, "failed: lease 4 was revoked"],
    ["on-failure", exit(0), "done"],
    ["on-failure", exit(1), "Restarting"],
    ["on-failure", { _tag: "Signalled", signal: "SIGKILL" }, "Restarting"],
    ["on-failure", { _tag: "TimedOut", afterMillis: 5_000 }, "Restarting"],
    ["on-failure", { _tag: "Revoked", message: "lease 4 was revoked" }, "Restarting"],
    ["on-failure", { _tag: "Refused", message: "waited too long", isFinal: false }, "Restarting"],
    ["on-failure", { _tag: "Refused", message: "never fits", isFinal: true }, "failed: never fits"],
    ["on-failure", { _tag: "NotStarted", message: "no such file" }, "failed: no such file"],
    ["always", exit(0), "Restarting"],
    ["always", exit(1), "Restarting"],
    // By nobody that it knows of: whoever did it does not want it again.
    ["always", { _tag: "Stopped" }, "failed: stopped"],
    ["always", { _tag: "NotStarted", message: "no such file" }, "failed: no such file"]
  ]
  it.each(outcomes)("restarting %s, after %j: %s", (when, outcome, expected) => {
    const run = drive(planOf([instance("a", { restart: restart(when) })]), [
      [1, "granted a"],
      [2, "ended a", outcome]
    ])
    assert.strictEqual(run.status("a"), expected)
  })

  it("restarts later and later, so many times in a row, and not before it is due", () => {
    const plan = planOf([instance("a", { restart: restart("on-failure", { max: 4, maxMillis: 3_000 }) })])
    const run = drive(plan, [
      [0, "granted a"],
      [0, "ended a", exit(1)],
      [999, "tick"],
      [1_000, "tick"],
      [1_000, "granted a"],
      [1_000, "ended a", exit(1)],
      [3_000, "tick"],
      [3_000, "granted a"],
      [3_000, "ended a", exit(1)],
      [5_999, "tick"],
      [6_000, "tick"],
      [6_000, "granted a"],
      [6_000, "ended a", exit(1)],
      [9_000, "tick"],
      [9_000, "granted a"],
      [9_000, "ended a", exit(7)]
    ])
    assert.deepStrictEqual(run.log, ["0 start a", "1000 start a", "3000 start a", "6000 start a", "9000 start a"])
    assert.strictEqual(run.status("a"), "failed: exit code 7, after 4 restarts in a row")
    assert.deepInclude({ ...run.of("a") }, { runs: 5, restarts: 4 })
  })

  it("starts the row anew after a run that was long enough", () => {
    const plan = planOf([instance("a", { restart: restart("on-failure", { max: 1 }) })])
    const run = drive(plan, [
      [0, "granted a"],
      [100, "ended a", exit(1)],
      [1_100, "tick"],
      [1_200, "granted a"],
      [61_200, "ended a", exit(1)],
      [62_199, "tick"],
      [62_200, "tick"],
      // The wait for the lease is no run.
      [200_000, "ended a", { _tag: "Refused", message: "waited too long", isFinal: false }]
    ])
    assert.deepStrictEqual(run.log, ["0 start a", "1100 start a", "62200 start a"])
    assert.strictEqual(run.status("a"), "failed: waited too long, after 1 restart in a row")
    assert.deepInclude({ ...run.of("a") }, { runs: 2, restarts: 2, heldMillis: 60_100, waitedMillis: 137_900 })
  })

  it("lets a pool of instances share a name", () => {
    const plan = planOf([
      instance("a/1", { name: "a" }),
      instance("a/2", { name: "a" }),
      instance("b", { after: ["a"] })
    ])
    const run = drive(plan, [
      [0, "ended a/1", exit(0)],
      [1, "ended a/2", exit(3)]
    ])
    assert.strictEqual(run.status("b"), "skipped: a did not end well")
  })

  it("ends services once everybody else has ended, and that is well", () => {
    const service = { restart: restart("always", { max: Infinity }) }
    const plan = planOf([
      instance("server", service),
      instance("idle", service),
      instance("test"),
      instance("last", { ...service, after: ["test"] })
    ])
    const run = drive(plan, [
      [0, "granted server"],
      [1, "ended server", exit(1)],
      [2, "granted idle"],
      [1_001, "tick"],
      [1_001, "granted server"],
      [1_500, "ended idle", exit(0)],
      [2_000, "ended test", exit(0)],
      [2_100, "tick"],
      [2_500, "ended server", { _tag: "Stopped" }]
    ])
    assert.deepStrictEqual(run.log, [
      "0 start server",
      "0 start idle",
      "0 start test",
      "1001 start server",
      "2000 end server"
    ])
    assert.deepStrictEqual(statuses(run), {
      server: "done: ended with the others",
      idle: "done: ended with the others",
      test: "done",
      last: "done: ended with the others"
    })
    assert.isTrue(supervision.isWell(run.state))
  })

  it("runs services alone until it is stopped", () => {
    const run = drive(planOf([instance("server", { restart: restart("always") })]), [
      [0, "granted server"],
      [9_000, "stop"],
      [9_001, "stop"],
      [9_002, "ended server", { _tag: "Stopped" }]
    ])
    assert.deepStrictEqual(run.log, ["0 start server", "9000 end server"])
    assert.strictEqual(run.status("server"), "stopped: interrupted")
  })

  it("stopped: starts nothing more, ends who runs or waits, services last", () => {
    const plan = planOf([
      instance("server", { restart: restart("always") }),
      instance("runs"),
      instance("waits"),
      instance("again", { restart: restart("on-failure") }),
      instance("later", { after: ["runs"] }),
      instance("ended")
    ])
    const run = drive(plan, [
      [0, "granted server"],
      [0, "granted runs"],
      [0, "ended ended", exit(0)],
      [0, "granted again"],
      [10, "ended again", exit(1)],
      [500, "stop"],
      [510, "ended waits", { _tag: "Stopped" }],
      // It was about to end well by itself.
      [520, "ended runs", exit(0)],
      [2_000, "tick"],
      [2_100, "ended server", { _tag: "Stopped" }]
    ])
    assert.deepStrictEqual(run.log.slice(5), ["500 end runs", "500 end waits", "520 end server"])
    assert.deepStrictEqual(statuses(run), {
      server: "stopped: interrupted",
      runs: "done",
      waits: "stopped: interrupted",
      again: "stopped: interrupted",
      later: "stopped: interrupted",
      ended: "done"
    })
    assert.isTrue(supervision.isOver(run.state))
  })

  it("stops at the first failure where the plan says so", () => {
    const plan = planOf([instance("a"), instance("b"), instance("c", { after: ["b"] })], { onFailure: "stop" })
    const run = drive(plan, [
      [0, "granted b"],
      [1, "ended a", exit(1)],
      [2, "ended b", { _tag: "Stopped" }]
    ])
    assert.deepStrictEqual(run.log, ["0 start a", "0 start b", "1 end b"])
    assert.deepStrictEqual(statuses(run), {
      a: "failed: exit code 1",
      b: "stopped: a failed",
      c: "stopped: a failed"
    })
  })

  it("is over at once where there is nobody", () => {
    assert.isTrue(supervision.isOver(supervision.initial(planOf([]))))
    assert.isTrue(supervision.isWell(supervision.initial(planOf([]))))
  })

  it("takes no notice of what it does not know, or of who has ended", () => {
    const run = drive(planOf([instance("a")]), [
      [1, "granted b"],
      [2, "ended a", exit(0)],
      [3, "granted a"],
      [4, "ended a", exit(1)]
    ])
    assert.strictEqual(run.status("a"), "done")
    assert.strictEqual(run.of("a").runs, 0)
  })

  it("keeps the latest outcomes of a service, and counts all", () => {
    const script = Array.from({ length: 100 }, (_, index): ReadonlyArray<readonly [number, string, Outcome?]> => [
      [index * 10, "tick"],
      [index * 10, "granted a"],
      [index * 10, "ended a", exit(index)]
    ]).flat()
    const policy = restart("always", { max: Infinity, initialMillis: 5, maxMillis: 5 })
    const run = drive(planOf([instance("a", { restart: policy })]), script)
    assert.deepInclude({ ...run.of("a") }, { runs: 100, restarts: 99 })
    assert.deepStrictEqual(run.of("a").outcomes.at(-1), exit(99))
    assert.strictEqual(run.of("a").outcomes.length, supervision.outcomesKept)
  })
})
