/**
 * The tests that every journal passes, for its author to run:
 *
 * ```ts
 * JournalTest.suite("in a file", (place) => MyJournal.layer({ path: join(folder, place) }))
 * ```
 *
 * A place is a name: the same name is the same journal, opened again. Each test has
 * places of its own.
 *
 * Needs `@effect/vitest` and `vitest`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Journal } from "./Journal.ts"
import { ResourceManager } from "./ResourceManager.ts"

export interface JournalSuiteOptions {
  /** Whether a second opener of one place is refused with `JournalLocked`. Default true. */
  readonly locks?: boolean
}

/** Texts that a store may change on the way: long ones, with everything that JSON can hold. */
const texts: ReadonlyArray<string> = [
  "[1]",
  "",
  '[1,"\\u0000",null]',
  "Ünïcödé \u{1F512} \u2028\u2029\r\n\t'\"\\",
  JSON.stringify("x".repeat(300_000)),
  "[" + "1,".repeat(20_000) + "1]"
]

export const suite = <E>(
  name: string,
  layer: (place: string) => Layer.Layer<never, E>,
  options: JournalSuiteOptions = {}
): void => {
  let places = 0
  const open = <A, E2>(place: string, use: (journal: Journal) => Effect.Effect<A, E2>) =>
    Effect.gen(function* () {
      const journal = yield* Journal
      if (journal === undefined) return yield* Effect.die(new Error("the layer provides no journal"))
      return yield* use(journal)
    }).pipe(Effect.provide(Layer.fresh(layer(place))))

  const read = (journal: Journal) => {
    const { batches, snapshot } = journal.read()
    return { snapshot, batches: [...batches] }
  }

  /** Opens a place, reads it, and does something more. */
  const session = (place: string, more: (journal: Journal) => void = () => undefined) =>
    open(place, (journal) =>
      Effect.sync(() => {
        const found = read(journal)
        more(journal)
        return found
      })
    )

  const check = (title: string, test: (place: string) => Effect.Effect<unknown, unknown>) => {
    // A disk that others use too may take its time for each batch.
    it.effect(title, () => test(`${name}-${places++}`.replaceAll(/\W+/g, "-")), 30_000)
  }

  describe(`the journal ${name}`, () => {
    check("is empty at first, and says where it is", (place) =>
      open(place, (journal) =>
        Effect.sync(() => {
          assert.deepStrictEqual(read(journal), { snapshot: undefined, batches: [] })
          assert.isAbove(journal.where.length, 0)
          assert.isAbove(journal.snapshotEvery, 0)
        })
      )
    )

    check("gives back every batch as it was, in order, opened again and again", (place) =>
      Effect.gen(function* () {
        for (let times = 0; times < 3; times++) {
          const found = yield* session(place, (journal) => {
            for (const text of texts) journal.append(text)
          })
          const expected = Array.from({ length: times }, () => texts).flat()
          assert.deepStrictEqual(found, { snapshot: undefined, batches: expected })
        }
      })
    )

    check("lets a snapshot take the place of everything before it, and batches follow it", (place) =>
      Effect.gen(function* () {
        yield* session(place, (journal) => {
          journal.append("before")
          journal.snapshot("first")
          journal.append("after the first")
          for (const text of texts) journal.snapshot(text)
          journal.append("after the last")
        })
        const expected = { snapshot: texts.at(-1), batches: ["after the last"] }
        assert.deepStrictEqual(yield* session(place), expected)
        assert.deepStrictEqual(yield* session(place, (journal) => journal.snapshot("alone")), expected)
        assert.deepStrictEqual(yield* session(place), { snapshot: "alone", batches: [] })
      })
    )

    check("keeps many small batches", (place) =>
      Effect.gen(function* () {
        const many = Array.from({ length: 300 }, (_, index) => `[${index}]`)
        yield* session(place, (journal) => {
          for (const text of many) journal.append(text)
        })
        assert.deepStrictEqual((yield* session(place)).batches, many)
      })
    )

    check("keeps places apart", (place) =>
      Effect.gen(function* () {
        yield* session(`${place}-a`, (journal) => journal.append("a"))
        yield* session(`${place}-b`, (journal) => journal.append("b"))
        assert.deepStrictEqual((yield* session(`${place}-a`)).batches, ["a"])
      })
    )

    if (options.locks !== false) {
      check("is open once", (place) =>
        Effect.gen(function* () {
          yield* open(place, (journal) =>
            Effect.gen(function* () {
              read(journal)
              journal.append("first")
              const exit = yield* Effect.exit(session(place))
              const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
              assert.strictEqual(error instanceof Error && "_tag" in error ? error._tag : error, "JournalLocked")
              journal.append("still mine")
            })
          )
          assert.deepStrictEqual((yield* session(place)).batches, ["first", "still mine"])
        })
      )
    }

    check("lets a manager go on where the one before it was", (place) =>
      Effect.gen(function* () {
        const start = <A, E2>(use: (manager: ResourceManager["Service"]) => Effect.Effect<A, E2>) =>
          Effect.flatMap(ResourceManager, use).pipe(
            Effect.provide(
              Layer.fresh(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } }).pipe(Layer.provide(layer(place))))
            )
          )
        let token = 0
        for (let times = 1; times <= 3; times++) {
          yield* start((manager) =>
            Effect.gen(function* () {
              const quota = yield* manager.quota("agent", "cpu")
              assert.deepStrictEqual(quota, times === 1 ? Option.none() : Option.some(times - 1))
              yield* manager.setQuota("agent", "cpu", times)
              const next = yield* Effect.scoped(Effect.map(manager.lease("agent", { cpu: 1 }), (lease) => lease.token))
              assert.isAbove(next, token)
              token = next
              assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, times)
            })
          )
        }
      })
    )
  })
}
