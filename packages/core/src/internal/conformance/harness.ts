/** What the conformance tests of every home share. */
import { it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { ResourceManager as Manager, ResourceManagerOptions } from "../../ResourceManager.ts"
import { ResourceManager } from "../../ResourceManager.ts"

export type Service = Manager["Service"]

/** A home of the manager under test. */
export interface Home {
  /** Registers a test with a manager of its own. Scopes that it opens close before the manager does. */
  readonly check: (
    title: string,
    options: ResourceManagerOptions,
    body: (manager: Service) => Effect.Effect<unknown, unknown, Scope.Scope>
  ) => void
  /** Lets time pass for the manager. */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
}

export type Time = "test" | "live"

/** Some ask a home in another process thousands of times, on a machine that may be busy. */
const timeoutMillis = 60_000

export const makeHome = <E>(
  layer: (options: ResourceManagerOptions) => Layer.Layer<ResourceManager, E>,
  time: Time
): Home => ({
  check: (title, options, body) => {
    const run = () =>
      Effect.scoped(Effect.flatMap(ResourceManager, body)).pipe(Effect.asVoid, Effect.provide(layer(options)))
    if (time === "test") it.effect(title, run, timeoutMillis)
    else it.live(title, run, timeoutMillis)
  },
  pass: (duration) => (time === "test" ? TestClock.adjust(duration) : Effect.sleep(duration))
})

/**
 * Goes on once that many claims wait. It asks again and again, because a home need
 * not tell of itself; a test that waits in vain ends at its own time limit.
 */
export const awaitWaiting = (manager: Service, count: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    while ((yield* manager.waiters).length < count) yield* Effect.yieldNow
  })

/** The same, where what waits may be over first, at its own time, on a machine that is busy with other things. */
export const awaitWaitingOrOver = (
  manager: Service,
  count: number,
  passing: Fiber.Fiber<unknown, unknown>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (passing.pollUnsafe() === undefined && (yield* manager.waiters).length < count) yield* Effect.yieldNow
  })

interface Tagged {
  readonly _tag: string
  readonly message: string
}

const hasTag = <E extends Tagged, Tag extends E["_tag"]>(error: E, tag: Tag): error is Extract<E, { _tag: Tag }> =>
  error._tag === tag

/** The error of an effect that has to fail with it. */
export const failure = <A, E extends Tagged, R, Tag extends E["_tag"]>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<Extract<E, { _tag: Tag }>, never, R> =>
  Effect.matchEffect(effect, {
    onSuccess: () => Effect.die(new Error(`it succeeded where ${tag} was due`)),
    onFailure: (error) =>
      hasTag(error, tag)
        ? Effect.succeed(error)
        : Effect.die(new Error(`it failed with ${error._tag} where ${tag} was due: ${error.message}`))
  })

/** What is in use of a pool. */
export const inUse = (manager: Service, type: string) => Effect.map(manager.poolStatistics(type), (pool) => pool.inUse)

/** A pool of cpu and one of memory, of ten units each. */
export const tens: ResourceManagerOptions = { pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } } }
