/** What sessions find after the daemon was killed, step by step (D): `durability.test.ts` does it at random. */
import { assert, describe, it } from "@effect/vitest"
import * as Journal from "@resource-manager/core/Journal"
import { LeaseTable } from "@resource-manager/core/LeaseTable"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { join } from "node:path"
import { DaemonServer } from "../src/DaemonServer.ts"
import { connect, folder, program, type Program, until } from "./support/daemon.ts"
import { type Raw, raw, rawSession } from "./support/raw.ts"

const start = (path: string, snapshotEvery: number): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.tap(
    program("daemon", {
      address: join(path, "d.sock"),
      stateFolder: join(path, "state"),
      snapshotEvery,
      sessionTimeoutMillis: 60_000,
      pools: { cpu: { capacity: 10 } }
    }),
    (daemon) => daemon.line("ready")
  )

const resumed = (address: string, session: string): Effect.Effect<Raw, never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* raw(address)
    yield* client.hello()
    assert.strictEqual((yield* client.call("OpenSession", { resume: session }))._tag, "Success")
    return client
  })

describe("a journal whose notes are not this daemon's", () => {
  it.live("is refused with what to do", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const store = Journal.makeStore()
        const home = ResourceManager.layerHome({ pools: { cpu: { capacity: 10 } }, gracePeriod: 0 }).pipe(
          Layer.provide(Journal.layerMemory(store))
        )
        const stranger = Effect.gen(function* () {
          const table = yield* LeaseTable
          table.note({ s: "of a later daemon" })
          yield* table.committed
        })
        yield* Effect.provide(stranger, home)
        const server = DaemonServer.layer({
          listen: [join(yield* folder, "d.sock")],
          journal: () => ({ file: "the/journal.db" })
        })
        const error = yield* Effect.flip(Layer.build(Layer.provide(server, home)))
        assert.strictEqual(error._tag, "JournalCorrupt")
        assert.include(error.message, "the/journal.db")
        assert.include(error.message, "aside")
      })
    )
  )
})

// One keeps all in notes, the other mostly in snapshots.
for (const snapshotEvery of [100_000, 2]) {
  describe(`after a kill, with a snapshot after ${snapshotEvery} events`, () => {
    const test = (
      title: string,
      body: (path: string, restart: Effect.Effect<void>) => Effect.Effect<unknown, unknown, Scope.Scope>
    ) =>
      it.live(
        title,
        () =>
          Effect.scoped(
            Effect.gen(function* () {
              const path = yield* folder
              const scope = yield* Effect.scope
              let running = yield* start(path, snapshotEvery)
              const restart = Effect.gen(function* () {
                running.child.kill("SIGKILL")
                yield* running.exit
                running = yield* start(path, snapshotEvery)
              }).pipe(Scope.provide(scope))
              yield* body(join(path, "d.sock"), restart)
            })
          ),
        120_000
      )

    test("retries of claims, growths and shrinks get their first answers, and act once (R1, D1, D4)", (address, restart) =>
      Effect.gen(function* () {
        const first = yield* rawSession(address)
        const claim = { command: 1, ack: 1, agent: "a", claim: { cpu: 3 } }
        const granted = yield* first.call("Claim", claim)
        const lease = granted.value?.["lease"]
        const grow = { command: 2, ack: 1, lease, claim: { cpu: 2 } }
        const shrink = { command: 3, ack: 1, lease, amounts: { cpu: 1 } }
        assert.strictEqual((yield* first.call("Grow", grow))._tag, "Success")
        assert.strictEqual((yield* first.call("Shrink", shrink))._tag, "Success")
        yield* restart
        const operator = yield* connect(address)
        const held = Effect.map(operator.manager.leases, (leases) => leases.map((one) => one.claim))
        const second = yield* resumed(address, first.session)
        assert.deepStrictEqual(yield* second.call("Claim", claim), granted)
        assert.strictEqual((yield* second.call("Grow", grow))._tag, "Success")
        assert.strictEqual((yield* second.call("Shrink", shrink))._tag, "Success")
        assert.deepStrictEqual(yield* held, [{ cpu: 4 }])
        yield* restart
        // Given up after all: what it grew by goes back.
        const third = yield* resumed(address, first.session)
        assert.strictEqual((yield* third.call("Cancel", { command: 2, ack: 1 }))._tag, "Success")
        assert.deepStrictEqual(yield* held, [{ cpu: 2 }])
        yield* third.call("Heartbeat", { ack: 4 })
        yield* restart
        const fourth = yield* resumed(address, first.session)
        // A higher token than any before.
        const next = yield* fourth.call("Claim", { command: 4, ack: 4, agent: "a", claim: { cpu: 1 } })
        assert.isAbove(Number(next.value?.["token"]), Number(granted.value?.["token"]))
        yield* fourth.call("CloseSession")
        assert.deepStrictEqual(yield* held, [])
      }))

    test("waiting claims and growths keep their places, and are granted once", (address, restart) =>
      Effect.gen(function* () {
        const owner = yield* rawSession(address)
        const held = yield* owner.call("Claim", { command: 1, ack: 1, agent: "a", claim: { cpu: 8 } })
        const lease = held.value?.["lease"]
        const waiter = yield* rawSession(address)
        const operator = yield* connect(address)
        const waits = (count: number) => until("waiters", operator.manager.waiters, (all) => all.length === count)
        const asks = [
          { command: 1, ack: 1, agent: "first", claim: { cpu: 6 } },
          { command: 2, ack: 1, agent: "second", claim: { cpu: 6 } }
        ]
        for (const [index, ask] of asks.entries()) {
          waiter.request("Claim", ask)
          yield* waits(index + 1)
        }
        yield* restart
        const [first, second] = (yield* waits(2)).map(({ agent, id }) => ({ agent, id }))
        assert.deepStrictEqual([first?.agent, second?.agent], ["first", "second"])
        const back = yield* resumed(address, waiter.session)
        const answers = asks.map((ask) => back.request("Claim", ask))
        const again = yield* resumed(address, owner.session)
        yield* again.call("Release", { lease })
        const granted = yield* back.answerOf(answers[0] ?? -1)
        assert.strictEqual(granted.value?.["lease"], first?.id)
        yield* back.call("Release", { lease: first?.id })
        assert.strictEqual((yield* back.answerOf(answers[1] ?? -1)).value?.["lease"], second?.id)
        // One that waits to grow, over a restart.
        back.request("Grow", { command: 3, ack: 1, lease: second?.id, claim: { cpu: 4 } })
        yield* until("it grew", operator.manager.leases, (leases) => leases[0]?.claim["cpu"] === 10)
        back.request("Grow", { command: 4, ack: 1, lease: second?.id, claim: { cpu: 1 } })
        yield* until(
          "it fails",
          Effect.sync(() => back.answers.length),
          (count) => count > 0
        )
        yield* restart
        const last = yield* resumed(address, waiter.session)
        assert.strictEqual(
          (yield* last.call("Grow", { command: 3, ack: 1, lease: second?.id, claim: { cpu: 4 } }))._tag,
          "Success"
        )
        assert.strictEqual((yield* operator.manager.poolStatistics("cpu")).inUse, 10)
      }))

    test("numbers of commands that are none are refused, and keep no daemon from starting", (address, restart) =>
      Effect.gen(function* () {
        const client = yield* rawSession(address)
        const asked = { agent: "a", claim: { cpu: 1 } }
        // What JSON has no number for is written as text.
        const none = ["NaN", "Infinity", -1, 1.5, 2 ** 53]
        for (const number of none) {
          for (const ids of [
            { command: number, ack: 1 },
            { command: 1, ack: number }
          ]) {
            assert.strictEqual(yield* client.errorOf("Claim", { ...ids, ...asked }), "NotAllowed")
            assert.strictEqual(yield* client.errorOf("Cancel", ids), "NotAllowed")
          }
          yield* client.call("Heartbeat", { ack: number })
        }
        const granted = yield* client.call("Claim", { command: 1, ack: 1, ...asked })
        yield* restart
        const again = yield* resumed(address, client.session)
        assert.deepStrictEqual(yield* again.call("Claim", { command: 1, ack: 1, ...asked }), granted)
      }))

    test("sessions that were closed are closed, and what nobody answers for comes back", (address, restart) =>
      Effect.gen(function* () {
        const closed = yield* rawSession(address)
        yield* closed.call("Claim", { command: 1, ack: 1, agent: "a", claim: { cpu: 3 } })
        yield* closed.call("CloseSession")
        const stays = yield* rawSession(address)
        yield* stays.call("Claim", { command: 1, ack: 1, agent: "b", claim: { cpu: 2 }, manual: true })
        yield* restart
        const other = yield* raw(address)
        yield* other.hello()
        assert.strictEqual(yield* other.errorOf("OpenSession", { resume: closed.session }), "SessionUnknown")
        const operator = yield* connect(address)
        assert.deepStrictEqual(
          (yield* operator.manager.leases).map(({ agent }) => agent),
          ["b"]
        )
        const back = yield* resumed(address, stays.session)
        const release = { command: 2, ack: 1, agent: "b", claim: { cpu: 1 } }
        yield* back.call("ReleaseManual", release)
        yield* restart
        const again = yield* resumed(address, stays.session)
        assert.strictEqual((yield* again.call("ReleaseManual", release))._tag, "Success")
        assert.deepStrictEqual(
          (yield* operator.manager.leases).map(({ claim }) => claim),
          [{ cpu: 1 }]
        )
      }))
  })
}
