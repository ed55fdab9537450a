/**
 * Runs a plan: the state machine of `supervision.ts` at its edge. One fiber reads what
 * happened, in order; each attempt is a fiber of its own.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { AgentRunner } from "./AgentRunner.ts"
import type { Instance, Plan } from "./plan.ts"
import * as supervision from "./supervision.ts"
import type { Input, Outcome, State } from "./supervision.ts"

export interface Supervisor {
  /** The state of now. */
  readonly state: () => State
  /** Milliseconds of the state's clock. */
  readonly now: () => number
  /** Runs the plan until all of it is over. Interrupted, it ends all that runs first. */
  readonly run: Effect.Effect<State>
  /** Tells everybody to end, services last; `run` ends once all have. */
  readonly stop: (why: string) => Effect.Effect<void>
}

/** `onChange` is called with every new state, and the one before. */
export const make = Effect.fnUntraced(function* (
  plan: Plan,
  onChange: (state: State, before: State) => Effect.Effect<void> = () => Effect.void
) {
  const runner = yield* AgentRunner
  const clock = yield* Clock.Clock
  const inputs = yield* Queue.unbounded<Input>()
  const attempts = new Map<string, Fiber.Fiber<void>>()
  let state = supervision.initial(plan)
  let timer: Fiber.Fiber<unknown> | undefined
  let armedFor = Infinity
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000

  const attempt = (instance: Instance) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const { id } = instance
        const running = runner.run(instance, {
          granted: Effect.asVoid(Queue.offer(inputs, { _tag: "Granted", id })),
          started: (pid) => Effect.asVoid(Queue.offer(inputs, { _tag: "Started", id, pid }))
        })
        const exit = yield* Effect.exit(restore(running))
        // However it ended, its end is told.
        yield* Queue.offer(inputs, { _tag: "Ended", id, outcome: outcomeOf(exit) })
      })
    )

  const act = Effect.fnUntraced(function* ({ _tag, id }: supervision.Action, scope: Scope.Scope) {
    if (_tag === "End") return attempts.get(id)?.interruptUnsafe()
    const entry = state.instances.get(id)
    if (entry !== undefined) attempts.set(id, yield* Effect.forkIn(attempt(entry.instance), scope))
  })

  const tick = Effect.suspend(() => {
    // One that comes too early, by whatever clock, is armed again.
    armedFor = Infinity
    return Queue.offer(inputs, { _tag: "Tick" })
  })

  /** Ticks when the next is due. One timer: a tick too many changes nothing. */
  const arm = Effect.fnUntraced(function* (scope: Scope.Scope) {
    const due = supervision.dueAt(state)
    if (due === armedFor) return
    armedFor = due
    timer?.interruptUnsafe()
    timer =
      due === Infinity
        ? undefined
        : yield* Effect.forkIn(Effect.delay(tick, Math.max(0, Math.ceil(due - now()))), scope)
  })

  const loop = Effect.fnUntraced(function* (scope: Scope.Scope) {
    let input: Input = { _tag: "Begin" }
    for (;;) {
      const before = state
      const { actions, state: after } = supervision.step(before, input, now())
      state = after
      for (const action of actions) yield* act(action, scope)
      yield* onChange(after, before)
      if (supervision.isOver(after)) return after
      yield* arm(scope)
      input = yield* Queue.take(inputs)
    }
  })

  const supervisor: Supervisor = {
    state: () => state,
    now,
    // The attempts end with it, all at once: closing the scope interrupts them, and waits for that.
    run: Effect.acquireUseRelease(Scope.make("parallel"), loop, Scope.close),
    stop: (why) => Effect.asVoid(Queue.offer(inputs, { _tag: "Stop", why }))
  }
  return supervisor
})

const outcomeOf = (exit: Exit.Exit<Outcome>): Outcome => {
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.hasInterruptsOnly(exit.cause)) return { _tag: "Stopped" }
  // A defect of the runner: told as what it is, and not tried again.
  return { _tag: "NotStarted", message: Cause.pretty(exit.cause) }
}
