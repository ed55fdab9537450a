/**
 * One thing that limits how many bodies run at once, in its documented best usage,
 * and what is done to every one of them: running bodies one after the other,
 * handing over to a chain of parked waiters, and checking that the limit holds.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Errors } from "./core.ts"
import { assertEqual, bytesInUse, collectGarbage, EffectMismatch, startWatch, type Timing } from "./harness.ts"
import { agentOf } from "./manager.ts"

type Guarded = Effect.Effect<void, Errors.ClaimError>

/** Limits effects. */
export interface EffectGuard {
  readonly name: string
  readonly run: (agent: string, body: Effect.Effect<void>) => Guarded
}

/** Limits asynchronous functions. */
export interface PromiseGuard {
  readonly name: string
  readonly run: (agent: string, body: () => void | Promise<void>) => Promise<void>
}

/** Bodies one after the other, each with a closure of its own. */
export const effectLoop =
  (guard: EffectGuard) =>
  async (operations: number): Promise<Timing> => {
    let count = 0
    const elapsed = startWatch()
    await Effect.runPromise(
      Effect.gen(function* () {
        for (let index = 0; index < operations; index++) {
          yield* guard.run(
            agentOf(index),
            Effect.sync(() => {
              count += 1
            })
          )
        }
      })
    )
    const nanos = elapsed()
    assertEqual(`bodies run by ${guard.name}`, count, operations)
    return { operations, nanos }
  }

/** Bodies of so many fibers at once, each one after the other. */
export const together =
  (guard: EffectGuard, width: number) =>
  async (operations: number): Promise<Timing> => {
    let count = 0
    let next = 0
    const elapsed = startWatch()
    const fiber = Effect.gen(function* () {
      while (next < operations) {
        yield* guard.run(
          agentOf(next++),
          Effect.sync(() => {
            count += 1
          })
        )
      }
    })
    await Effect.runPromise(Effect.replicateEffect(fiber, width, { concurrency: "unbounded", discard: true }))
    const nanos = elapsed()
    assertEqual(`bodies run by ${guard.name}`, count, operations)
    return { operations, nanos }
  }

export const promiseLoop =
  (guard: PromiseGuard) =>
  async (operations: number): Promise<Timing> => {
    let count = 0
    const elapsed = startWatch()
    for (let index = 0; index < operations; index++) {
      await guard.run(agentOf(index), () => {
        count += 1
      })
    }
    const nanos = elapsed()
    assertEqual(`bodies run by ${guard.name}`, count, operations)
    return { operations, nanos }
  }

interface Parked {
  /** Lets the holder go; completes when the last fiber has ended. */
  readonly release: Effect.Effect<void>
  /** Asserts that every body ran, after the release. */
  readonly conclude: () => void
}

/** Parks so many fibers behind one holder. */
const park = (guard: EffectGuard, waiters: number, agent: (index: number) => string): Effect.Effect<Parked> =>
  Effect.gen(function* () {
    const gate = Deferred.makeUnsafe<void>()
    const finished = Deferred.makeUnsafe<void>()
    let arrived = 0
    let count = 0
    let left = waiters + 1
    const ended = () => {
      if (--left === 0) Deferred.doneUnsafe(finished, Effect.void)
    }
    const holder = yield* Effect.forkChild(guard.run("holder", Deferred.await(gate)), { startImmediately: true })
    holder.addObserver(ended)
    for (let index = 0; index < waiters; index++) {
      const fiber = yield* Effect.forkChild(
        Effect.suspend(() => {
          arrived += 1
          return guard.run(
            agent(index),
            Effect.sync(() => {
              count += 1
            })
          )
        }),
        { startImmediately: true }
      )
      fiber.addObserver(ended)
    }
    assertEqual(`fibers parked behind ${guard.name}`, arrived, waiters)
    assertEqual(`bodies let through by ${guard.name} while it was held`, count, 0)
    return {
      release: Effect.suspend(() => {
        Deferred.doneUnsafe(gate, Effect.void)
        return Deferred.await(finished)
      }),
      conclude: () => assertEqual(`bodies run by ${guard.name}`, count, waiters)
    }
  })

/** What was parked is old by now, as it would be: parking is not timed, nor is moving it. */
const settleGarbage = (): void => {
  collectGarbage("minor")
  collectGarbage("minor")
}

/** Parks fibers, lets the holder go, and times until the last of them has ended. Parking is not timed. */
export const effectChain = (
  guard: EffectGuard,
  waiters: number,
  agent: (index: number) => string = agentOf
): Promise<Timing> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const parked = yield* park(guard, waiters, agent)
      settleGarbage()
      const elapsed = startWatch()
      yield* parked.release
      const nanos = elapsed()
      parked.conclude()
      return { operations: waiters, nanos }
    })
  )

/** Parks fibers and weighs them. The time is that of parking. */
export const effectParking = (guard: EffectGuard, waiters: number): Promise<Timing> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const before = bytesInUse()
      const elapsed = startWatch()
      const parked = yield* park(guard, waiters, agentOf)
      const nanos = elapsed()
      const bytes = bytesInUse() - before
      yield* parked.release
      parked.conclude()
      return { operations: waiters, nanos, bytes }
    })
  )

/** The same of promises. */
export const promiseChain = async (guard: PromiseGuard, waiters: number): Promise<Timing> => {
  const gate = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let count = 0
  const all = [
    guard.run("holder", () => {
      held.resolve()
      return gate.promise
    })
  ]
  for (let index = 0; index < waiters; index++) {
    all.push(
      guard.run(agentOf(index), () => {
        count += 1
      })
    )
  }
  // Everybody arrives: some libraries start their first body, or queue, in a later turn.
  await held.promise
  await turn()
  assertEqual(`bodies let through by ${guard.name} while it was held`, count, 0)
  settleGarbage()
  const elapsed = startWatch()
  gate.resolve()
  await Promise.all(all)
  const nanos = elapsed()
  assertEqual(`bodies run by ${guard.name}`, count, waiters)
  return { operations: waiters, nanos }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Chains of few waiters, repeated until there are about so many operations. */
export const repeated = async (operations: number, chain: () => Promise<Timing>): Promise<Timing> => {
  let done = 0
  let nanos = 0
  do {
    const timing = await chain()
    done += timing.operations
    nanos += timing.nanos
  } while (done < operations)
  return { operations: done, nanos }
}

/**
 * Watches how many bodies are inside at once. Each stays until as many have come
 * as fit, so that one which lets fewer run together cannot pass by being slow.
 */
class Witness {
  private count = 0
  private inside = 0
  private most = 0
  private readonly capacity: number
  private cohort: Array<() => void> = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Calls back when as many have come as fit. */
  enter(go: () => void): void {
    this.most = Math.max(this.most, ++this.inside)
    this.cohort.push(go)
    if (this.cohort.length < this.capacity) return
    for (const proceed of this.cohort.splice(0)) proceed()
  }

  leave(): void {
    this.inside -= 1
    this.count += 1
  }

  conclude(name: string): void {
    assertEqual(`bodies run by ${name}`, this.count, bodies)
    if (this.most !== this.capacity) {
      throw new EffectMismatch(`${name} let ${this.most} bodies run at once, its capacity is ${this.capacity}`)
    }
  }
}

/** Of whole cohorts: a multiple of every capacity that is verified. */
const bodies = 64

/** Runs bodies that suspend, all at once: as many as fit are inside together, and never more. */
export const verifyEffectGuard = async (guard: EffectGuard, capacity: number): Promise<void> => {
  const witness = new Witness(capacity)
  await Effect.runPromise(
    Effect.forEach(
      Array.from({ length: bodies }, (_, index) => index),
      (index) =>
        guard.run(
          agentOf(index),
          Effect.gen(function* () {
            yield* Effect.callback<void>((resume) => witness.enter(() => resume(Effect.void)))
            yield* Effect.yieldNow
            witness.leave()
          })
        ),
      { concurrency: "unbounded", discard: true }
    )
  )
  witness.conclude(guard.name)
}

export const verifyPromiseGuard = async (guard: PromiseGuard, capacity: number): Promise<void> => {
  const witness = new Witness(capacity)
  await Promise.all(
    Array.from({ length: bodies }, (_, index) =>
      guard.run(agentOf(index), async () => {
        await new Promise<void>((resolve) => witness.enter(resolve))
        await turn()
        witness.leave()
      })
    )
  )
  witness.conclude(guard.name)
}
