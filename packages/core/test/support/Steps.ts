/**
 * Runs a program to its end in one call, on a scheduler and a clock of its own,
 * and interrupts one fiber of it at one step. Nothing real is waited for, so a
 * program that never ends (a lost wake-up) is told at once, and every run is the
 * same every time.
 *
 * A fiber can be interrupted by another one only while it is parked: where it
 * waits, or where the scheduler made it yield. So one run interrupts before one of
 * the queued tasks, and runs differ in that task and in the number of operations
 * after which fibers yield, which moves the yield over every operation.
 */
import * as Cause from "effect/Cause"
import { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { MaxOpsBeforeYield, MixedScheduler, type Scheduler, type SchedulerDispatcher } from "effect/Scheduler"
import { ManualClock } from "./ManualClock.ts"

interface Task {
  readonly run: () => void
  readonly priority: number
}

export class Steps implements SchedulerDispatcher {
  readonly clock = new ManualClock()
  /** The default scheduler, but for the queue that its tasks go to. */
  private readonly scheduler: Scheduler = Object.assign(new MixedScheduler("sync"), { makeDispatcher: () => this })
  fired = false
  private step = 0
  private readonly interruptAt: number
  private readonly operationsPerTurn: number
  private target: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private readonly tasks: Array<Task> = []
  private readonly idlers: Array<() => void> = []

  constructor(interruptAt: number, operationsPerTurn: number) {
    this.interruptAt = interruptAt
    this.operationsPerTurn = operationsPerTurn
  }

  scheduleTask(run: () => void, priority: number): void {
    const at = this.tasks.findIndex((task) => task.priority > priority)
    this.tasks.splice(at < 0 ? this.tasks.length : at, 0, { run, priority })
  }

  flush(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) {
      this.tick()
      task.run()
    }
  }

  /** Forks the fiber that is interrupted. */
  victim<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<A, E>, never, R> {
    return Effect.map(Effect.forkChild(effect), (fiber) => {
      this.target = fiber
      return fiber
    })
  }

  /** Completes when everybody else is parked. */
  readonly idle: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.idlers.push(() => resume(Effect.void))
  })

  /** Lets time pass, and everybody do what is due. */
  advance(millis: number): Effect.Effect<void> {
    return Effect.andThen(
      Effect.sync(() => this.clock.advance(millis)),
      this.idle
    )
  }

  run<A, E>(program: Effect.Effect<A, E>): Exit.Exit<A, E> {
    const fiber = Effect.runFork(
      program.pipe(
        Effect.provideService(Clock, this.clock),
        Effect.provideService(MaxOpsBeforeYield, this.operationsPerTurn)
      ),
      { scheduler: this.scheduler }
    )
    for (;;) {
      this.flush()
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      this.tick()
      // Idle is when an interruption has done what it does, too.
      if (this.tasks.length > 0) continue
      const idler = this.idlers.shift()
      if (idler === undefined) return Exit.die(new Error("everybody waits, and nobody will ever be woken"))
      idler()
    }
  }

  /** Between two tasks. Once the victim has ended there is nothing to interrupt. */
  private tick(): void {
    if (this.target === undefined || this.target.pollUnsafe() !== undefined) return
    if (++this.step !== this.interruptAt) return
    this.fired = true
    this.target.interruptUnsafe()
  }
}

/**
 * Operations after which fibers yield: from the fewest with which a step and the
 * one that it returns run in one turn, over every operation of a claim, to the
 * default.
 */
const turns = [...Array.from({ length: 16 }, (_, index) => index + 4), 2_048]

/** More steps than any program here has: a guard against one that never ends. */
const stepsMax = 2_000

/**
 * Runs a program with its victim interrupted at each step, and uninterrupted;
 * returns the number of interruptions. The program asserts what must hold
 * whenever its victim ends.
 */
export const interruptEverywhere = <A, E>(program: (steps: Steps) => Effect.Effect<A, E>): number => {
  let interruptions = 0
  for (const operationsPerTurn of turns) {
    for (let at = 1; ; at++) {
      const steps = new Steps(at, operationsPerTurn)
      const exit = steps.run(program(steps))
      if (Exit.isFailure(exit)) {
        const where = steps.fired ? `interrupted at step ${at}` : "uninterrupted"
        throw new Error(`${where}, yielding after ${operationsPerTurn} operations\n${Cause.pretty(exit.cause)}`)
      }
      if (!steps.fired) break
      interruptions++
      if (at > stepsMax) throw new Error(`more than ${stepsMax} steps`)
    }
  }
  return interruptions
}

/** Runs a program to its end, uninterrupted, and throws what it fails with. */
export const runSteps = <A, E>(program: (steps: Steps) => Effect.Effect<A, E>): A => {
  const steps = new Steps(Infinity, 2_048)
  const exit = steps.run(program(steps))
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}
