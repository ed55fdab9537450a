/** Brings something up to date in a fiber of its own: who finds that it is not waits for nothing. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

export interface ApplierOptions<E> {
  /** Whether there is something to apply. */
  readonly isDue: () => boolean
  /** Applies the latest, and takes note of it before anything can fail. */
  readonly apply: Effect.Effect<void, E>
  /** What to log of a failure. */
  readonly failed: string
}

export interface Applier {
  /** Starts the fiber, if none runs. */
  readonly start: Effect.Effect<void>
  /** The same, and waits until nothing is due. */
  readonly applied: Effect.Effect<void>
}

/**
 * Effects that start the fiber, if none runs. One runs at a time and applies the
 * latest until nothing is due, so that an older value never overtakes a newer one. It
 * begins at once: where applying takes no time, it is done when `start` is.
 */
export const makeApplier = <E>(options: ApplierOptions<E>): Effect.Effect<Applier, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let isRunning = false
    let last: Fiber.Fiber<void> | undefined
    const run = Effect.whileLoop({
      while: options.isDue,
      body: () => Effect.catchCause(options.apply, (cause) => Effect.logWarning(options.failed, cause)),
      step: () => {}
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          isRunning = false
        })
      )
    )
    const start = Effect.suspend(() => {
      if (isRunning || !options.isDue()) return Effect.void
      isRunning = true
      return Effect.map(Effect.forkIn(run, scope, { startImmediately: true }), (fiber) => {
        last = fiber
      })
    })
    const applied = Effect.andThen(
      start,
      Effect.suspend(() => (isRunning && last !== undefined ? Effect.asVoid(Fiber.await(last)) : Effect.void))
    )
    return { start, applied }
  })
