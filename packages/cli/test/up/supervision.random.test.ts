/**
 * Random plans under random schedules: whatever happens in whatever order, the rules
 * hold. They are checked from the inputs and the actions alone, by sums of their own.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Instance, Plan } from "../../src/up/plan.ts"
import * as supervision from "../../src/up/supervision.ts"
import type { Outcome, State } from "../../src/up/supervision.ts"
import { instance, planOf, restart } from "./support.ts"

class Random {
  private state: number
  constructor(seed: number) {
    this.state = (seed * 2_654_435_761) % 2_147_483_647 || 1
  }
  between(least: number, most: number): number {
    this.state = (this.state * 48_271) % 2_147_483_647
    return least + (this.state % (most - least + 1))
  }
  chance(share: number): boolean {
    return this.between(1, 1_000) <= share * 1_000
  }
  pick<A>(of: ReadonlyArray<A>): A | undefined {
    return of.length === 0 ? undefined : of[this.between(0, of.length - 1)]
  }
}

const randomPlan = (random: Random): Plan => {
  const names = Array.from({ length: random.between(1, 7) }, (_, index) => `agent${index}`)
  const policies = names.map(() =>
    restart(random.pick(["never", "on-failure", "on-failure", "always"] as const)!, {
      max: random.pick([0, 1, 3, Infinity])!,
      initialMillis: random.pick([0, 10, 1_000])!,
      factor: random.pick([1, 2, 10])!,
      maxMillis: random.pick([10, 1_000, 5_000])!,
      resetMillis: random.pick([0, 500, 60_000])!
    })
  )
  const instances = names.flatMap((name, index) => {
    // Nobody may wait for a service: it does not end.
    const earlier = names.slice(0, index).filter((_, other) => policies[other]!.when !== "always")
    const after = earlier.filter(() => random.chance(0.3))
    const count = random.chance(0.3) ? 2 : 1
    return Array.from({ length: count }, (_, part) =>
      instance(name, { id: count === 1 ? name : `${name}/${part + 1}`, after, restart: policies[index]! })
    )
  })
  return planOf(instances, { onFailure: random.chance(0.2) ? "stop" : "continue" })
}

const outcomes: ReadonlyArray<Outcome> = [
  { _tag: "Exited", code: 0 },
  { _tag: "Exited", code: 0 },
  { _tag: "Exited", code: 0 },
  { _tag: "Exited", code: 1 },
  { _tag: "Signalled", signal: "SIGKILL" },
  { _tag: "TimedOut", afterMillis: 5 },
  { _tag: "Refused", message: "waited too long", isFinal: false },
  { _tag: "Refused", message: "never fits", isFinal: true },
  { _tag: "Revoked", message: "revoked" },
  { _tag: "NotStarted", message: "no such file" }
]

interface Watch {
  readonly startedAt: Array<number>
  readonly endedAt: Array<number>
  readonly outcomes: Array<Outcome>
  alive: boolean
  told: boolean
  /** Restarts in a row. */
  row: number
  grantedAt: number | undefined
}

const simulate = (seed: number) => {
  const random = new Random(seed)
  const plan = randomPlan(random)
  const watches = new Map<string, Watch>(
    plan.instances.map(({ id }) => [
      id,
      { startedAt: [], endedAt: [], outcomes: [], alive: false, told: false, row: 0, grantedAt: undefined }
    ])
  )
  const granted = new Set<string>()
  const instanceOf = (id: string) => plan.instances.find((one) => one.id === id)!
  const isService = (one: Instance) => one.restart.when === "always"
  const counts: Record<string, number> = {}
  const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1)
  let state: State = supervision.initial(plan)
  let now = 0
  let stopped = false

  const verdict = (id: string) => {
    const { status } = state.instances.get(id)!
    return status._tag === "Ended" ? status.verdict : undefined
  }

  const onAction = ({ _tag, id }: supervision.Action) => {
    const watch = watches.get(id)!
    const own = instanceOf(id)
    if (_tag === "End") {
      assert.isTrue(watch.alive, `${id} was told to end, and is not alive`)
      assert.isFalse(watch.told, `${id} was told twice to end`)
      watch.told = true
      if (isService(own)) {
        const others = plan.instances.filter((one) => !isService(one))
        for (const other of others) assert.isDefined(verdict(other.id), `the service ${id} ends before ${other.id}`)
      } else assert.isTrue(state.stopping !== undefined, `${id} was told to end for no reason`)
      return
    }
    assert.isFalse(watch.alive, `${id} was started twice`)
    assert.isUndefined(state.stopping, `${id} was started after the stop`)
    for (const name of own.after) {
      for (const one of plan.instances.filter((other) => other.name === name)) {
        assert.strictEqual(verdict(one.id), "done", `${id} was started before ${one.id} was done`)
      }
    }
    const others = plan.instances.filter((one) => !isService(one))
    if (isService(own) && others.length > 0) {
      assert.isTrue(
        others.some((other) => verdict(other.id) === undefined),
        `${id} was started for nobody`
      )
    }
    const last = watch.outcomes.at(-1)
    if (last !== undefined) {
      const { factor, initialMillis, maxMillis, when } = own.restart
      const waited = now - watch.endedAt.at(-1)!
      const due = Math.min(maxMillis, initialMillis * factor ** watch.row)
      assert.isAtLeast(waited, due, `${id} was restarted too early`)
      watch.row++
      assert.notStrictEqual(when, "never")
      if (when === "on-failure") assert.isFalse(last._tag === "Exited" && last.code === 0, `${id} was done`)
      assert.isFalse(last._tag === "NotStarted" || (last._tag === "Refused" && last.isFinal), `${id} cannot be mended`)
      count("restart")
    }
    watch.alive = true
    watch.told = false
    watch.startedAt.push(now)
    count("start")
  }

  const apply = (input: supervision.Input) => {
    const next = supervision.step(state, input, now)
    for (const [id, before] of state.instances) {
      const after = next.state.instances.get(id)!
      if (before.status._tag === "Ended") assert.deepStrictEqual(after, before, `${id} had ended`)
    }
    state = next.state
    for (const action of next.actions) onAction(action)
    for (const [id, { instance: own, row, runs, status }] of state.instances) {
      const watch = watches.get(id)!
      assert.isAtMost(row, own.restart.max)
      assert.isAtMost(runs, watch.startedAt.length)
      assert.strictEqual(status._tag === "Waiting" || status._tag === "Running", watch.alive, id)
    }
    if (!supervision.isOver(state)) {
      // Something is under way, or will be: nothing hangs.
      const alive = [...watches.values()].some((watch) => watch.alive)
      assert.isTrue(alive || supervision.dueAt(state) < Infinity, "nothing can happen any more")
    }
  }

  apply({ _tag: "Begin" })
  let steps = 0
  while (!supervision.isOver(state)) {
    steps++
    assert.isBelow(steps, 5_000, "it does not come to an end")
    now += random.between(0, 400)
    const alive = [...watches].filter(([, watch]) => watch.alive)
    const [id, watch] = random.pick(alive) ?? []
    // In the end everybody exits well, and services are stopped.
    const late = steps > 300
    if (!stopped && (random.chance(0.02) || steps === 400)) {
      stopped = true
      apply({ _tag: "Stop", why: "interrupted" })
      count("stop")
    } else if (id === undefined || watch === undefined || random.chance(0.1)) {
      now = Math.max(now, random.chance(0.7) && supervision.dueAt(state) < Infinity ? supervision.dueAt(state) : now)
      apply({ _tag: "Tick" })
    } else if (!granted.has(id) && random.chance(0.6)) {
      granted.add(id)
      watch.grantedAt = now
      apply({ _tag: "Granted", id })
    } else {
      const outcome: Outcome = watch.told
        ? { _tag: "Stopped" }
        : late
          ? { _tag: "Exited", code: 0 }
          : random.pick(outcomes)!
      watch.alive = false
      watch.outcomes.push(outcome)
      watch.endedAt.push(now)
      granted.delete(id)
      const ran = watch.grantedAt === undefined ? 0 : now - watch.grantedAt
      if (ran >= instanceOf(id).restart.resetMillis) watch.row = 0
      watch.grantedAt = undefined
      apply({ _tag: "Ended", id, outcome })
      count(outcome._tag)
    }
  }
  for (const [id, watch] of watches) {
    assert.isFalse(watch.alive)
    const own = instanceOf(id)
    const found = verdict(id)!
    count(found)
    if (own.restart.when === "never") assert.isAtMost(watch.startedAt.length, 1)
    const last = watch.outcomes.at(-1)
    if (found === "done" && !isService(own)) assert.deepStrictEqual(last, { _tag: "Exited", code: 0 })
    if (found === "failed")
      assert.isFalse(last === undefined || (last._tag === "Exited" && last.code === 0 && !isService(own)))
    if (found === "skipped") {
      assert.isEmpty(watch.startedAt)
      const bad = own.after.some((name) =>
        plan.instances.some((one) => one.name === name && verdict(one.id) !== "done")
      )
      assert.isTrue(bad)
    }
    if (found === "stopped") assert.isDefined(state.stopping)
  }
  assert.strictEqual(
    supervision.isWell(state),
    plan.instances.every(({ id }) => verdict(id) === "done")
  )
  return counts
}

describe("supervision, whatever happens", () => {
  it("keeps its rules under 1,000 random schedules, and comes to an end", () => {
    const totals: Record<string, number> = {}
    for (let seed = 1; seed <= 1_000; seed++) {
      try {
        for (const [what, count] of Object.entries(simulate(seed))) totals[what] = (totals[what] ?? 0) + count
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
    // A schedule in which one of these never happens would say nothing about it.
    for (const what of [
      "start",
      "restart",
      "stop",
      "done",
      "failed",
      "skipped",
      "stopped",
      ...outcomes.map(({ _tag }) => _tag)
    ]) {
      assert.isAtLeast(totals[what] ?? 0, 60, what)
    }
  }, 120_000)
})
