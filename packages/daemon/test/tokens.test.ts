/** Who may do what: tokens, agents and administrators. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Gate from "../src/process/Gate.ts"
import { ProcessTable } from "../src/process/ProcessTable.ts"
import * as Tokens from "../src/Tokens.ts"
import { connect, startDaemon } from "./support/daemon.ts"
import { failureOf, raw, rawSession } from "./support/raw.ts"

const admin = "the administrator's own token"
const tokens = { admin, agents: { builder: "the builder's token", tester: "the tester's token" } }

const test = (title: string, body: Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(Effect.asVoid(body)))

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.match(effect, { onFailure: (error) => error._tag, onSuccess: () => "Success" })

describe("the rights of a token", () => {
  const made = Tokens.make(tokens)
  const table: ReadonlyArray<readonly [string | undefined, boolean, string]> = [
    [admin, false, '{"admin":true}'],
    [admin, true, '{"admin":true}'],
    ["the builder's token", false, '{"admin":false,"agent":"builder"}'],
    ["the builder's token", true, '{"admin":false,"agent":"builder"}'],
    ["the builder's toke", false, "refused"],
    ["", false, "refused"],
    [undefined, false, "refused"],
    [undefined, true, '{"admin":true}'],
    ["", true, '{"admin":true}'],
    ["wrong", true, "refused"],
    ["builder", false, "refused"]
  ]
  for (const [token, isUnix, expected] of table) {
    it(`of ${String(token)} on ${isUnix ? "the socket" : "a port"}`, () => {
      const told = Effect.match(made.rights(token, isUnix), {
        onFailure: () => "refused",
        onSuccess: (rights) => JSON.stringify(rights)
      })
      assert.strictEqual(Effect.runSync(told), expected)
    })
  }

  it("where the socket asks for one too, and where there is none to ask for", () => {
    const strict = Tokens.make({ ...tokens, required: true })
    assert.strictEqual(Effect.runSync(Effect.flip(strict.rights(undefined, true))).given, false)
    assert.deepStrictEqual(Effect.runSync(Tokens.make({}).rights(undefined, false)), { admin: true })
  })
})

describe("a daemon with tokens", () => {
  test(
    "lets nobody in on a port without one, and cuts who guesses",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ listen: ["tcp:127.0.0.1:0"], tokens })
      const guesser = yield* raw(daemon.address)
      assert.strictEqual(failureOf(yield* guesser.hello("guess")), "TokenRefused")
      yield* guesser.end
      assert.strictEqual(
        yield* tagOf(Effect.scoped(connect(daemon.address) as Effect.Effect<never, never, Scope.Scope>)),
        "TokenRefused"
      )
      const client = yield* connect(daemon.address, { token: admin })
      yield* client.manager.withLease("anybody", { cpu: 1 })(Effect.void)
    })
  )

  test(
    "does not listen beyond this machine without a token of some length",
    Effect.gen(function* () {
      for (const weak of [{}, { admin: "short" }]) {
        const refused = startDaemon({ listen: ["tcp:0.0.0.0:0"], tokens: weak }) as Effect.Effect<
          never,
          { _tag: string; message: string },
          Scope.Scope
        >
        const error = yield* Effect.flip(Effect.scoped(refused))
        assert.strictEqual(error._tag, "ListenFailed")
        assert.include(error.message, "admin token")
      }
    })
  )

  test(
    "lets an agent's token act as that agent alone, and see only its own",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ tokens })
      yield* daemon.manager.lease("tester", { cpu: 2 })
      const builder = yield* connect(daemon.address, { token: tokens.agents.builder })
      yield* builder.manager.lease("builder", { cpu: 1 })
      const denied = yield* Effect.flip(builder.manager.lease("tester", { cpu: 1 }))
      assert.strictEqual(denied._tag, "InvalidClaim")
      assert.include(denied.message, "builder")
      assert.strictEqual(yield* tagOf(builder.manager.release("tester", { cpu: 1 })), "InvalidClaim")
      assert.deepStrictEqual(
        (yield* builder.manager.leases).map(({ agent }) => agent),
        ["builder"]
      )
      assert.deepStrictEqual(
        (yield* builder.manager.agents).map(({ agent }) => agent),
        ["builder"]
      )
      assert.strictEqual((yield* builder.manager.poolStatistics("cpu")).inUse, 3)
      assert.strictEqual((yield* builder.daemon.call((rpc) => rpc.Overview())).leases.length, 1)
      const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        builder.daemon.call((rpc) => rpc.Usage({ agent: "tester" })),
        builder.daemon.call((rpc) => rpc.Explain({ agent: "tester" })),
        builder.daemon.call((rpc) => rpc.Agent({ agent: "tester" })),
        builder.daemon.call((rpc) => rpc.Check({ agent: "tester", claim: { cpu: 1 } })),
        builder.daemon.call((rpc) => rpc.Quota({ agent: "tester", type: "cpu" })),
        builder.daemon.call((rpc) => rpc.RevokeLease({ lease: 1 })),
        builder.daemon.call((rpc) => rpc.Stop()),
        builder.daemon.call((rpc) => rpc.Shutdown()),
        builder.daemon.call((rpc) => rpc.SetQuota({ agent: "builder", type: "cpu", quota: 100 }))
      ]
      for (const call of calls) {
        assert.strictEqual(yield* tagOf(call), "NotAllowed")
      }
      assert.strictEqual(yield* tagOf(builder.manager.setQuota("builder", "cpu", 100)), "InvalidClaim")
      assert.strictEqual(yield* tagOf(builder.manager.setCapacity("cpu", 100)), "InvalidCapacity")
      assert.strictEqual((yield* builder.manager.poolStatistics("cpu")).capacity, 10)
    })
  )

  test(
    "lets an agent's token not take over another's session, nor open one for it",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ tokens: { ...tokens, required: true } })
      // Of all agents: it holds what is theirs.
      const everybodys = yield* rawSession(daemon.address, admin)
      const tester = yield* rawSession(daemon.address, tokens.agents.tester)
      const builder = yield* raw(daemon.address)
      yield* builder.hello(tokens.agents.builder)
      assert.strictEqual(yield* builder.errorOf("OpenSession", { resume: tester.session }), "NotAllowed")
      assert.strictEqual(yield* builder.errorOf("OpenSession", { resume: everybodys.session }), "NotAllowed")
      assert.strictEqual(yield* builder.errorOf("OpenSession", { agent: "tester" }), "NotAllowed")
      assert.strictEqual(yield* builder.errorOf("Events"), "NotAllowed")
      // Who waits for whom, of all agents.
      assert.strictEqual(yield* builder.errorOf("Deadlocks"), "NotAllowed")
    })
  )

  test(
    "lets an agent's token have no process ended but those that it started under its lease",
    Effect.gen(function* () {
      const table = yield* Effect.provide(ProcessTable, yield* Layer.build(ProcessTable.layer))
      const daemon = yield* startDaemon({ tokens: { ...tokens, required: true }, processGrace: 0 })
      const victim = yield* Gate.start({ command: "sleep", args: ["1000"], placement: "own" })
      const builder = yield* rawSession(daemon.address, tokens.agents.builder)
      const granted = yield* builder.call("Claim", { command: 1, ack: 1, agent: "builder", claim: { cpu: 1 } })
      const lease = granted.value?.["lease"]
      const marker = String((yield* builder.call("LeaseKey", { lease })).value)
      const bind = (target: object) => builder.errorOf("BindProcess", { lease, target })
      assert.strictEqual(yield* bind(victim.target), "NotAllowed")
      assert.strictEqual(yield* bind({ ...victim.target, marker }), "NotAllowed")
      const own = yield* Gate.start({ command: "sleep", args: ["1000"], placement: "own", marker })
      // Another group, or everything that bears another lease's mark.
      assert.strictEqual(yield* bind({ ...own.target, group: victim.identity.pid }), "NotAllowed")
      assert.strictEqual(yield* bind({ root: own.identity, marker: "7.another" }), "NotAllowed")
      assert.strictEqual(yield* bind(own.target), "Success")
      yield* builder.call("CloseSession")
      yield* own.exit
      assert.isTrue(yield* table.isAlive(victim.identity))
    }).pipe(Effect.provide(ProcessTable.layer))
  )

  test(
    "refuses another version of the protocol with a sentence",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ version: "1.2.0" })
      const newer = yield* raw(daemon.address)
      const exit = yield* newer.call("Hello", { protocol: 4, client: "cli 2.0.0", more: "fields" })
      assert.deepStrictEqual(exit.cause?.[0]?.error, {
        _tag: "ProtocolMismatch",
        message:
          "daemon 1.2.0 speaks protocol 1, this client (cli 2.0.0) 4: restart the daemon with the client's version",
        daemonVersion: "1.2.0",
        daemonProtocol: 1,
        clientProtocol: 4
      })
      yield* newer.end
    })
  )
})
