/** Runs an example in virtual time, so that what it asserts about time holds on every machine, however busy. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

/**
 * Whenever all of the program waits for time, the clock goes on by a step; no time passes while it computes. What is
 * due within a step happens in order and at its own instant. An hour in steps of a millisecond takes a while.
 * Provide the program's layers inside: they take the clock where they are built. For programs that wait for nothing
 * but time: the clock does not wait for files, sockets and processes.
 */
export const inVirtualTime = <A, E>(
  program: Effect.Effect<A, E, Scope.Scope>,
  step: Duration.Input = "1 millis"
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const running = yield* Effect.forkChild(program)
    while (running.pollUnsafe() === undefined) yield* TestClock.adjust(step)
    return yield* Fiber.join(running)
  }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
