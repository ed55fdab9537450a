import { assert, describe, it } from "@effect/vitest"
import * as Journal from "@resource-manager/core/Journal"
import { LeaseTable, Meter, ResourceManager, type ResourceManagerOptions } from "@resource-manager/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import { SpanBook } from "../src/internal/SpanBook.ts"
import { Telemetry } from "../src/index.ts"
import { attributesOf, listen, TracesPayload } from "./support/collector.ts"
import * as Schema from "effect/Schema"

const tens: ResourceManagerOptions = { gracePeriod: 0, pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } } }

/** A tracer that keeps what it is told. */
const recording = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const view = (span: Tracer.NativeSpan) => {
    const { status } = span
    const millis = (nanos: bigint) => Number(nanos) / 1e6
    return {
      name: span.name.replace("resource_manager.", ""),
      agent: span.attributes.get("agent"),
      from: millis(status.startTime),
      to: status._tag === "Ended" ? millis(status.endTime) : undefined,
      outcome: span.attributes.get("resource_manager.outcome"),
      ok: status._tag === "Ended" ? Exit.isSuccess(status.exit) : undefined
    }
  }
  return { spans, tracer, views: () => spans.map(view) }
}

/** Lets the reader of events take its turn. */
const told = Effect.repeat(Effect.yieldNow, { times: 20 })

const traced = <A, E>(
  tracer: Tracer.Tracer,
  test: Effect.Effect<A, E, ResourceManager | LeaseTable | Meter | Scope.Scope>,
  options: Telemetry.SpansOptions = {}
) =>
  Effect.scoped(test).pipe(
    Effect.provide(
      Telemetry.layerSpans(options).pipe(
        Layer.provide(Layer.succeed(Tracer.Tracer, tracer)),
        Layer.provideMerge(ResourceManager.layerHome(tens))
      )
    )
  )

describe("spans", () => {
  it.effect("tell waiting and holding with the times of the wall clock", () =>
    Effect.gen(function* () {
      const { spans, tracer, views } = recording()
      yield* TestClock.adjust("1 hour")
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const manager = yield* ResourceManager
          yield* TestClock.adjust("1 second")
          const first = yield* Effect.forkChild(manager.withLease("a", { cpu: 8 })(Effect.sleep("5 seconds")), {
            startImmediately: true
          })
          yield* TestClock.adjust("2 seconds")
          const second = yield* Effect.forkChild(
            manager.withLease("b", { cpu: 4, memory: 1 })(Effect.sleep("1 second")),
            { startImmediately: true }
          )
          yield* TestClock.adjust("3 seconds")
          yield* Fiber.join(first)
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(second)
          yield* told
        })
      )
      const start = 3_600_000 + 1_000
      assert.deepStrictEqual(views(), [
        { name: "hold", agent: "a", from: start, to: start + 5_000, outcome: "released", ok: true },
        { name: "wait", agent: "b", from: start + 2_000, to: start + 5_000, outcome: "granted", ok: true },
        { name: "hold", agent: "b", from: start + 5_000, to: start + 6_000, outcome: "released", ok: true }
      ])
      const [, wait, hold] = spans
      assert.strictEqual(Option.getOrUndefined(hold!.parent), wait)
      assert.deepStrictEqual(Object.fromEntries(hold!.attributes), {
        agent: "b",
        "resource_manager.lease.id": 2,
        "resource_manager.lease.fence": 2,
        "resource_manager.claim.cpu": 4,
        "resource_manager.claim.memory": 1,
        "resource_manager.outcome": "released"
      })
    })
  )

  it.effect("tell how a wait or a lease ended", () =>
    Effect.gen(function* () {
      const { spans, tracer, views } = recording()
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const manager = yield* ResourceManager
          const table = yield* LeaseTable
          yield* Effect.ignore(manager.acquire("refused", { cpu: 11 }))
          const holder = yield* table.claim("revoked", { cpu: 10 })
          yield* Effect.forkChild(Effect.ignore(manager.acquire("late", { cpu: 1 }, { timeout: "1 second" })), {
            startImmediately: true
          })
          const interrupted = yield* Effect.forkChild(manager.acquire("interrupted", { cpu: 1 }), {
            startImmediately: true
          })
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(interrupted)
          const undone = yield* table.claim("undone", { cpu: 1 })
          yield* table.revoke(holder.id, "revoked")
          yield* table.giveUp(undone.id)
          yield* table.claim("expired", { cpu: 1 }, { expiresAfter: "2 seconds" })
          yield* TestClock.adjust("2 seconds")
          const lost = yield* table.claim("lost", { cpu: 1 })
          yield* table.revoke(lost.id, "lost")
          yield* table.claim("unfinished", { cpu: 10 })
          yield* table.claim("unfinished too", { cpu: 10 })
          yield* told
        })
      )
      assert.deepStrictEqual(
        views().map(({ agent, name, ok, outcome }) => [agent, name, outcome, ok]),
        [
          ["refused", "wait", "refused", false],
          ["revoked", "hold", "revoked", false],
          ["late", "wait", "failed", false],
          ["interrupted", "wait", "interrupted", false],
          ["undone", "wait", "granted", true],
          ["undone", "hold", "undone", false],
          ["expired", "hold", "expired", false],
          ["lost", "hold", "lost", false],
          ["unfinished", "hold", "unknown", true],
          ["unfinished too", "wait", "unknown", true]
        ]
      )
      assert.deepStrictEqual(
        spans.map((span) => span.attributes.get("error.type")),
        [
          "ResourceExhausted",
          "LeaseRevoked",
          "ClaimTimedOut",
          "Interrupted",
          undefined,
          "Interrupted",
          "LeaseRevoked",
          "LeaseRevoked",
          undefined,
          undefined
        ]
      )
    })
  )

  it.effect("are inside the span of the lease that a claim is inside of", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const manager = yield* ResourceManager
          const blocker = yield* manager.lease("blocker", { memory: 10 })
          const outer = yield* Effect.forkChild(
            manager.withLease("outer", { cpu: 1 })(
              Effect.scoped(
                Effect.gen(function* () {
                  const lease = yield* manager.lease("grower", { cpu: 2 })
                  yield* lease.grow({ cpu: 1 })
                  yield* lease.shrink({ cpu: 2 })
                  yield* lease.grow({ memory: 4 })
                })
              )
            ),
            { startImmediately: true }
          )
          yield* TestClock.adjust("1 second")
          yield* blocker.release
          yield* Fiber.join(outer)
          yield* told
        })
      )
      const names = spans.map((span) => `${span.name} of ${String(span.attributes.get("agent"))}`)
      assert.deepStrictEqual(names, [
        "resource_manager.hold of blocker",
        "resource_manager.hold of outer",
        "resource_manager.hold of grower",
        "resource_manager.wait of grower"
      ])
      const parents = spans.map((span) => spans.findIndex((other) => other === Option.getOrUndefined(span.parent)))
      assert.deepStrictEqual(parents, [-1, -1, 1, 2])
      assert.isTrue(spans.every(({ status }) => status._tag === "Ended" && Exit.isSuccess(status.exit)))
      assert.strictEqual(spans[2]!.traceId, spans[1]!.traceId)
      assert.deepStrictEqual(
        spans[2]!.events.map(([name, , amounts]) => [name, amounts]),
        [
          ["grown", { "resource_manager.claim.cpu": 1 }],
          ["shrunk", { "resource_manager.claim.cpu": 2 }],
          ["grown", { "resource_manager.claim.memory": 4 }]
        ]
      )
    })
  )

  it.effect("follow a wall clock that is set, and keep their lengths beside one that drifts", () =>
    Effect.gen(function* () {
      const { tracer, views } = recording()
      const real = yield* Clock.Clock
      let ahead = 0n
      const clock: Clock.Clock = {
        ...real,
        currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe() + ahead
      }
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const table = yield* LeaseTable
          const hold = Effect.gen(function* () {
            const lease = yield* table.claim("a", { cpu: 1 })
            yield* told
            yield* TestClock.adjust("1 second")
            yield* table.release(lease.id)
            yield* told
          })
          yield* hold
          ahead = 1_000_000n
          yield* hold
          ahead = 60_000_000_000n
          yield* hold
        })
      ).pipe(Effect.provideService(Clock.Clock, clock))
      assert.deepStrictEqual(
        views().map(({ from, to }) => [from, to]),
        [
          [0, 1_000],
          [1_000, 2_000],
          [62_000, 63_000]
        ]
      )
    })
  )

  it.effect("have the times of the wall clock beside a Ledger whose time goes on from a former start", () =>
    Effect.gen(function* () {
      const { tracer, views } = recording()
      const store = Journal.makeStore()
      const hold = Effect.gen(function* () {
        const table = yield* LeaseTable
        const { id } = yield* table.claim("a", { cpu: 1 })
        yield* TestClock.adjust("1 second")
        yield* table.release(id)
        yield* told
      })
      for (const start of ["1 hour", "1 day"] as const) {
        yield* TestClock.adjust(start)
        yield* traced(tracer, hold).pipe(Effect.provide(Journal.layerMemory(store)))
      }
      assert.isDefined(store.snapshot)
      const [hour, day] = [3_600_000, 24 * 3_600_000 + 3_600_000 + 1_000]
      assert.deepStrictEqual(
        views().map(({ from, to }) => [from, to]),
        [
          [hour, hour + 1_000],
          [day, day + 1_000]
        ]
      )
    })
  )

  it.effect("are bounded: what is asked beyond that is not traced, which is told once", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => {
        logged.push(String(message))
      })
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const table = yield* LeaseTable
          const leases = yield* Effect.forEach([1, 2, 3, 4, 5], () => table.claim("a", { cpu: 1 }))
          yield* told
          assert.strictEqual(spans.length, 3)
          yield* Effect.forEach(leases, ({ id }) => table.release(id))
          yield* table.claim("a", { cpu: 1 })
          yield* told
          assert.strictEqual(spans.length, 4)
        }),
        { openMax: 3 }
      ).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(
        logged.filter((line) => line.includes("spans")),
        ["more than 3 spans are open: claims beyond them are not traced"]
      )
    })
  )

  it.effect("can be told of a fraction of the claims, with all that is inside them", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* traced(
        tracer,
        Effect.gen(function* () {
          const manager = yield* ResourceManager
          for (let index = 0; index < 100; index++) {
            yield* manager.withLease(`outer-${index}`, { cpu: 1 })(
              manager.withLease(`inner-${index}`, { cpu: 1 })(Effect.void)
            )
            yield* Effect.ignore(manager.acquire("refused", { cpu: 11 }))
            yield* told
          }
        }),
        { ratio: 0.1 }
      )
      const agents = spans.map((span) => String(span.attributes.get("agent")))
      const of = (prefix: string) => agents.filter((agent) => agent.startsWith(prefix)).map((agent) => agent.slice(6))
      // Of 100 each, evenly spread.
      for (const prefix of ["refuse", "outer-"]) {
        assert.isAtLeast(of(prefix).length, 8)
        assert.isAtMost(of(prefix).length, 12)
      }
      assert.deepStrictEqual(of("outer-"), of("inner-"))
    })
  )

  it.effect("are ended when their events were missed, and a lease that was granted meanwhile goes on", () =>
    Effect.gen(function* () {
      const { tracer, views } = recording()
      const tickets = new Map<number, "waiting" | "held">()
      const book = new SpanBook({
        tracer,
        openMax: 10,
        ratio: 1,
        wallNanos: (micros) => BigInt(micros) * 1_000n,
        ticket: (id) => {
          const status = tickets.get(id)
          return status && { id, agent: `${id}`, claim: { cpu: 1 }, status, token: id, parent: undefined }
        }
      })
      const asked = {
        claim: { cpu: 1 },
        parent: undefined,
        grows: undefined,
        manual: false,
        ttl: 0,
        deadline: undefined
      }
      for (const id of [1, 2, 3]) book.apply({ _tag: "Queued", id, agent: `${id}`, at: 1_000 * id, ...asked }, 0)
      for (const id of [4, 5]) {
        book.apply({ _tag: "GrantedAtOnce", id, agent: `${id}`, at: 1_000 * id, token: id, ...asked }, 0)
      }
      tickets.set(1, "waiting").set(2, "held").set(4, "held")
      book.apply({ _tag: "Dropped", count: 7 }, 9_000)
      // What it does not know does not matter to it.
      book.apply({ _tag: "Returned", id: 99, at: 9_000, reason: "released" }, 9_000)
      book.apply({ _tag: "Granted", id: 98, at: 9_000, token: 9 }, 9_000)
      assert.deepStrictEqual(
        views().map(({ agent, from, name, outcome, to }) => [agent, name, from, to, outcome]),
        [
          ["1", "wait", 1, undefined, undefined],
          ["2", "wait", 2, 9, "granted"],
          ["3", "wait", 3, 9, "unknown"],
          ["4", "hold", 4, undefined, undefined],
          ["5", "hold", 5, 9, "unknown"],
          ["2", "hold", 9, undefined, undefined]
        ]
      )
      assert.strictEqual(book.openCount, 3)
      book.close(10_000)
      assert.strictEqual(book.openCount, 0)
    })
  )

  it.effect.each([
    [{ openMax: 0 }, "openMax"],
    [{ openMax: 1.5 }, "openMax"],
    [{ ratio: 1.1 }, "ratio"],
    [{ ratio: Number.NaN }, "ratio"]
  ] as const)("%j is refused by name", ([options, option]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(traced(recording().tracer, Effect.void, options))
      assert.strictEqual(error._tag, "InvalidTelemetryOption")
      assert.propertyVal(error, "option", option)
    })
  )

  it.live("arrive at a collector", () =>
    Effect.gen(function* () {
      const collector = yield* listen()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Telemetry.layerOtlpSpans({ url: collector.url, interval: "1 hour", protocol: "json" }).pipe(
          Layer.provideMerge(ResourceManager.layerHome(tens))
        ),
        scope
      )
      const before = Date.now()
      yield* Effect.gen(function* () {
        const manager = yield* ResourceManager
        yield* Effect.all(
          [
            manager.withLease("a", { cpu: 6 })(Effect.sleep("30 millis")),
            manager.withLease("b", { cpu: 6 })(Effect.sleep("10 millis")),
            Effect.ignore(manager.withLease("c", { cpu: 11 })(Effect.void))
          ],
          { concurrency: "unbounded" }
        )
        yield* told
      }).pipe(Effect.provide(context))
      yield* Scope.close(scope, Exit.void)
      const after = Date.now()
      const request = yield* Queue.take(collector.received)
      assert.strictEqual(request.path, "/v1/traces")
      const [{ scopeSpans }] = (yield* Schema.decodeEffect(TracesPayload)(request.body)).resourceSpans
      const spans = scopeSpans[0].spans.map((span) => ({
        ...span,
        agent: attributesOf(span.attributes)["agent"],
        from: Number(span.startTimeUnixNano) / 1e6,
        to: Number(span.endTimeUnixNano) / 1e6
      }))
      const find = (name: string, agent: string) => spans.find((span) => span.name === name && span.agent === agent)!
      const [hold, wait, next] = [
        find("resource_manager.hold", "a"),
        find("resource_manager.wait", "b"),
        find("resource_manager.hold", "b")
      ]
      assert.strictEqual(spans.length, 4)
      assert.isAtLeast(hold.to - hold.from, 25)
      assert.isAtLeast(wait.to - wait.from, 25)
      assert.strictEqual(next.startTimeUnixNano, wait.endTimeUnixNano)
      assert.deepStrictEqual([next.parentSpanId, next.traceId], [wait.spanId, wait.traceId])
      for (const { from, to } of spans) {
        assert.isAtLeast(from, before - 1)
        assert.isAtMost(to, after + 1)
      }
      const refused = find("resource_manager.wait", "c")
      assert.deepStrictEqual(refused.status, { code: 2, message: "ResourceExhausted" })
      assert.strictEqual(refused.startTimeUnixNano, refused.endTimeUnixNano)
    }).pipe(Effect.scoped)
  )
})
