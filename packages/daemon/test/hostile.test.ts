/**
 * Clients that mean harm, on real sockets: each harms itself alone. While one is at
 * work, another goes on.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import { connect, eventually, type LocalDaemon, startDaemon, tens, until } from "./support/daemon.ts"
import { failureOf, raw, rawSession } from "./support/raw.ts"

const test = (title: string, body: Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(Effect.asVoid(body)), 120_000)

/** Somebody else gets what it asks for, while the one before is still there. */
const otherIsServed = (daemon: LocalDaemon) =>
  Effect.gen(function* () {
    const client = yield* connect(daemon.address)
    yield* client.manager.withLease("other", { memory: 10 })(Effect.void)
    yield* client.close
  })

const claim = (command: number, more: object = {}) => ({ command, ack: 1, agent: "a", claim: { cpu: 1 }, ...more })

describe("L1: what is no message", () => {
  for (const [what, bytes] of [
    [
      "garbage",
      Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 197 + 31) % 256)).toString("latin1") + "\n"
    ],
    ["no object", "5\n"],
    ["null", "null\n"],
    ["a message without a tag", '{"id":1}\n'],
    ["a call without headers", '{"_tag":"Request","id":1,"tag":"Ping","payload":null}\n'],
    ["headers that are none", '{"_tag":"Request","id":1,"tag":"Ping","payload":null,"headers":{"a":1}}\n'],
    [
      "a call that wants no answer",
      '{"_tag":"Request","id":1,"tag":"Ping","payload":null,"headers":[],"isNotification":true}\n'
    ],
    ["a discarded call", '{"_tag":"Request","id":1,"tag":"Ping","payload":null,"headers":[],"discard":true}\n'],
    ["an id that is none", '{"_tag":"Request","id":{},"tag":"Ping","payload":null,"headers":[]}\n'],
    ["an answer", '{"_tag":"Exit","requestId":1,"exit":{"_tag":"Success","value":null}}\n']
  ] as const) {
    test(
      `cuts the connection that sends ${what}, with a word`,
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const client = yield* raw(daemon.address)
        client.send(bytes)
        yield* client.end
        assert.strictEqual(client.answers[0]?._tag, "Defect")
        yield* otherIsServed(daemon)
      })
    )
  }

  test(
    "cuts the connection whose message is too long, at the limit, however it comes",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { messageBytes: 10_000 } })
      const whole = yield* raw(daemon.address)
      whole.request("Hello", { protocol: 1, client: "x".repeat(20_000) })
      yield* whole.end
      assert.include(String(whole.answers[0]?.defect), "10000")
      const dripping = yield* raw(daemon.address)
      let sent = 0
      while (!dripping.closed && sent < 1_000_000) {
        dripping.send("x".repeat(1_000))
        sent += 1_000
        yield* Effect.sleep(1)
      }
      assert.isBelow(sent, 100_000)
      // Long, and within the limit.
      const fair = yield* raw(daemon.address)
      const answer = yield* fair.call("Hello", { protocol: 1, client: "x".repeat(9_000) })
      assert.strictEqual(answer._tag, "Success")
      yield* otherIsServed(daemon)
    })
  )

  test(
    "refuses on the client's side what would be too long, with an error that says so",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { messageBytes: 5_000 } })
      const client = yield* connect(daemon.address)
      const huge = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`type ${index}`, 1]))
      const error = yield* Effect.flip(client.manager.lease("a", huge))
      assert.strictEqual(error._tag, "InvalidClaim")
      assert.include(error.message, "5000")
      yield* client.manager.withLease("a", { cpu: 1 })(Effect.void)
    })
  )

  test(
    "answers payloads that are none, calls that there are not, and half messages, and serves on",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      for (const payload of [null, 5, "x", [], {}, { command: "1" }, { ...claim(1), claim: { cpu: "1" } }]) {
        assert.strictEqual(failureOf(yield* client.call("Claim", payload)), "Die")
      }
      assert.strictEqual(failureOf(yield* client.call("NoSuchCall", {})), "Die")
      assert.strictEqual(failureOf(yield* client.call("constructor", {})), "Die")
      const polluting = '{"command":1,"ack":1,"agent":"a","claim":{"__proto__":5,"cpu":1}}'
      client.send(`{"_tag":"Request","id":99,"tag":"Claim","payload":${polluting},"headers":[]}\n`)
      assert.strictEqual(failureOf(yield* client.answerOf(99)), "UnknownResourceType")
      client.send('{"_tag":"Request","id":100,"tag":"Pi')
      yield* otherIsServed(daemon)
      client.send('ng","payload":null,"headers":[]}\n')
      assert.strictEqual((yield* client.answerOf(100))._tag, "Success")
      client.send('{"_tag":"Request","id":101,"tag":"Pi')
      client.socket.destroy()
      yield* otherIsServed(daemon)
    })
  )

  for (const [tag, payload] of [
    ["Claim", claim(1)],
    ["Claim", { ...claim(2), claim: { memory: 1 } }],
    ["Release", { lease: 1 }],
    ["Ping", null]
  ] as const) {
    test(
      `cuts a connection that uses the id of a call under way, for ${tag} ${JSON.stringify(payload)}`,
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const holder = yield* daemon.manager.lease("holder", { cpu: 10 })
        const client = yield* rawSession(daemon.address)
        const request = (of: string, what: unknown) =>
          `${JSON.stringify({ _tag: "Request", id: 77, tag: of, payload: what, headers: [] })}\n`
        client.send(request("Claim", claim(1)) + request(tag, payload))
        yield* client.end
        assert.deepStrictEqual(yield* daemon.manager.usage("a"), {})
        yield* holder.release
        yield* otherIsServed(daemon)
      })
    )
  }
})

describe("L2 to L5: connections", () => {
  test(
    "tells one too many so",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { connections: 2 } })
      const [one] = [yield* raw(daemon.address), yield* raw(daemon.address)]
      yield* one.hello()
      yield* until("both are in", daemon.server.status, (status) => status.connections === 2)
      const third = yield* raw(daemon.address)
      assert.strictEqual(failureOf(yield* third.hello()), "LimitExceeded")
      yield* third.end
      one.socket.destroy()
      yield* one.end
      yield* until("there is room", daemon.server.status, (status) => status.connections === 1)
      const fourth = yield* raw(daemon.address)
      assert.strictEqual((yield* fourth.hello())._tag, "Success")
    })
  )

  test(
    "survives more connections than it takes, and serves when they are gone",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { connections: 8 } })
      const many = yield* Effect.forEach(Array.from({ length: 100 }), () => raw(daemon.address), { concurrency: 20 })
      yield* eventually("most are refused", () => (many.filter((one) => one.closed).length >= 76 ? true : undefined))
      for (const one of many) one.socket.destroy()
      yield* until("all are gone", daemon.server.status, (status) => status.connections === 0)
      yield* otherIsServed(daemon)
    })
  )

  test(
    "cuts one that does not say who it is (L5), and answers it nothing",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { helloMillis: 1_000 } })
      const silent = yield* raw(daemon.address)
      for (const [tag, payload] of [
        ["Status", null],
        ["Claim", claim(1)],
        ["OpenSession", {}],
        ["Shutdown", null]
      ] as const) {
        assert.strictEqual(yield* silent.errorOf(tag, payload), "NotAllowed")
      }
      yield* silent.end
      yield* otherIsServed(daemon)
    })
  )

  test(
    "cuts one with too many calls under way (L3)",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { callsPerConnection: 100 } })
      const holder = yield* daemon.manager.lease("holder", { cpu: 10 })
      const client = yield* rawSession(daemon.address)
      for (let command = 1; command <= 200; command++) client.request("Claim", claim(command))
      yield* client.end
      yield* holder.release
      yield* otherIsServed(daemon)
    })
  )

  test(
    "cuts one that does not read (L4), whose memory stays bounded",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { outgoingBytes: 256 * 1024 } })
      for (let index = 0; index < 500; index++) yield* daemon.manager.setQuota(`agent ${index}`, "cpu", 5)
      const client = yield* raw(daemon.address)
      yield* client.hello()
      client.socket.pause()
      const asked = 2_000
      for (let call = 0; call < asked; call++) client.request("Agents")
      yield* until("it is cut", daemon.server.status, (status) => status.connections === 0)
      yield* otherIsServed(daemon)
    })
  )

  test(
    "holds back a stream that is not read, and bounds how many there are",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { streamsPerConnection: 3 } })
      const client = yield* raw(daemon.address)
      yield* client.hello()
      const streams = [1, 2, 3].map(() => client.request("Events"))
      assert.strictEqual(yield* client.errorOf("Events"), "LimitExceeded")
      // No chunk is acknowledged: of ten thousand events each stream sends one chunk.
      for (let index = 0; index < 5_000; index++) yield* daemon.manager.withLease("b", { cpu: 1 })(Effect.void)
      yield* Effect.sleep(20)
      assert.isAtMost(client.answers.filter((answer) => answer._tag === "Chunk").length, streams.length)
      for (const id of streams) client.send(`${JSON.stringify({ _tag: "Interrupt", requestId: id })}\n`)
      yield* Effect.forEach(streams, (id) => client.answerOf(id))
      client.request("Events")
      yield* otherIsServed(daemon)
    })
  )
})

describe.skipIf(process.platform !== "linux")("a peer that is gone without a word", () => {
  test(
    "is asked for by the kernel, over TCP, so that its connection ends some time",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ listen: ["tcp:127.0.0.1:0"] })
      const client = yield* raw(daemon.address)
      yield* client.hello()
      const port = Number(daemon.address.split(":").at(-1)).toString(16).toUpperCase().padStart(4, "0")
      // Of an established connection (01) from the daemon's port: its timer, of which 02 asks.
      const timers = readFileSync("/proc/net/tcp", "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(`:${port}`) === true && state === "01")
        .map(([, , , , , timer]) => timer?.slice(0, 2))
      assert.deepStrictEqual(timers, ["02"])
    })
  )
})

describe("sessions and leases of others", () => {
  test(
    "bounds sessions, commands and leases",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ limits: { sessions: 2, commandsPerSession: 3, leasesPerSession: 2 } })
      const client = yield* rawSession(daemon.address)
      yield* rawSession(daemon.address)
      const third = yield* raw(daemon.address)
      yield* third.hello()
      assert.strictEqual(yield* third.errorOf("OpenSession", {}), "LimitExceeded")
      assert.strictEqual(yield* client.errorOf("OpenSession", {}), "NotAllowed")
      assert.strictEqual((yield* client.call("Claim", claim(1)))._tag, "Success")
      assert.strictEqual((yield* client.call("Claim", claim(2)))._tag, "Success")
      const leases = yield* client.call("Claim", claim(3))
      assert.deepInclude({ ...leases.cause?.[0]?.error }, { _tag: "LimitExceeded", limit: "leases", max: 2 })
      const commands = yield* client.call("Claim", claim(4))
      assert.deepInclude({ ...commands.cause?.[0]?.error }, { _tag: "LimitExceeded", limit: "commands", max: 3 })
      for (let command = 10; command < 100; command++) client.request("Cancel", { command, ack: 1 })
      assert.strictEqual(yield* client.errorOf("Cancel", { command: 100, ack: 1 }), "LimitExceeded")
    })
  )

  test(
    "lets nobody guess a session, nor touch another's lease",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const owner = yield* rawSession(daemon.address)
      const granted = yield* owner.call("Claim", claim(1))
      const lease = granted.value?.["lease"]
      const thief = yield* rawSession(daemon.address)
      for (const [tag, payload] of [
        ["Release", { lease }],
        ["Grow", { command: 1, ack: 1, lease, claim: { cpu: 1 } }],
        ["Shrink", { command: 2, ack: 1, lease, amounts: { cpu: 1 } }],
        ["LeaseKey", { lease }],
        ["Claim", claim(3, { parent: lease })],
        ["BindProcess", { lease, target: { root: { pid: process.pid, start: 1, place: "here" } } }]
      ] as const) {
        assert.strictEqual(yield* thief.errorOf(tag, payload), "ForeignLease", tag)
      }
      for (const resume of ["", "0".repeat(32), owner.session.toUpperCase(), `${owner.session} `, "__proto__"]) {
        const guess = yield* raw(daemon.address)
        yield* guess.hello()
        assert.strictEqual(yield* guess.errorOf("OpenSession", { resume }), "SessionUnknown")
      }
      for (const inside of [`${String(lease)}.${"0".repeat(32)}`, "1.", "x", `${String(lease)}`]) {
        const forger = yield* raw(daemon.address)
        yield* forger.hello()
        assert.strictEqual(yield* forger.errorOf("OpenSession", { inside }), "ForeignLease")
      }
      const key = yield* owner.call("LeaseKey", { lease })
      const child = yield* raw(daemon.address)
      yield* child.hello()
      const inside = yield* child.call("OpenSession", { inside: key.value })
      assert.strictEqual(inside.value?.["inside"], lease)
      const nested = yield* child.call("Claim", claim(1))
      assert.strictEqual(nested.value?.["parent"], lease)
      assert.strictEqual((yield* daemon.manager.leases).length, 2)
    })
  )

  test(
    "lets nobody keep a claim beyond its session by releasing it while it waits",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const holder = yield* daemon.manager.lease("holder", { cpu: 10 })
      const client = yield* rawSession(daemon.address)
      const asked = client.request("Claim", claim(1))
      const [waiter] = yield* until("it waits", daemon.manager.waiters, (all) => all.length === 1)
      // Ids are numbers in order: the next one is no secret.
      assert.strictEqual((yield* client.call("Release", { lease: waiter?.id }))._tag, "Success")
      yield* holder.release
      assert.strictEqual((yield* client.answerOf(asked)).value?.["lease"], waiter?.id)
      yield* client.call("CloseSession")
      assert.deepStrictEqual(yield* daemon.manager.leases, [])
    })
  )

  test(
    "never runs a command again: replays get the first answer or none (R1, R2)",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      const first = yield* client.call("Claim", claim(1))
      for (let index = 0; index < 20; index++) assert.deepStrictEqual(yield* client.call("Claim", claim(1)), first)
      // Another connection takes the session over: the first has no say any more.
      const second = yield* raw(daemon.address)
      yield* second.hello()
      const resumed = yield* second.call("OpenSession", { resume: client.session })
      assert.deepStrictEqual(resumed.value?.["tickets"], [first.value?.["lease"]])
      yield* client.end
      assert.deepStrictEqual(yield* second.call("Claim", claim(1)), first)
      yield* second.call("Heartbeat", { ack: 2 })
      assert.strictEqual(yield* second.errorOf("Claim", claim(1)), "CommandForgotten")
      assert.strictEqual((yield* daemon.manager.poolStatistics("cpu")).acquisitions, 1)
      // Cancelled before it came.
      yield* second.call("Cancel", { command: 5, ack: 2 })
      assert.strictEqual(yield* second.errorOf("Claim", claim(5)), "CommandCancelled")
      assert.strictEqual((yield* daemon.manager.leases).length, 1)
    })
  )

  test(
    "gives a claim that was granted and cancelled back with its tokens, and shrinks once however often it is asked",
    Effect.gen(function* () {
      const rate = { limit: 1, interval: "1 hour", burst: 10 } as const
      const daemon = yield* startDaemon(
        {},
        { pools: { cpu: { capacity: 10, rate }, memory: { capacity: 10 } }, gracePeriod: 0 }
      )
      const client = yield* rawSession(daemon.address)
      yield* client.call("Claim", claim(1, { claim: { cpu: 10 } }))
      yield* client.call("Cancel", { command: 1, ack: 1 })
      const again = yield* client.call("Claim", claim(2, { claim: { cpu: 10 } }))
      assert.strictEqual(again._tag, "Success")
      const shrink = { command: 3, ack: 1, lease: again.value?.["lease"], amounts: { cpu: 2 } }
      for (let index = 0; index < 5; index++) yield* client.call("Shrink", shrink)
      assert.strictEqual((yield* daemon.manager.poolStatistics("cpu")).inUse, 8)
    })
  )

  test(
    "is not held up by as many waiters as there may be, nor by their end",
    Effect.gen(function* () {
      const daemon = yield* startDaemon(
        { limits: { commandsPerSession: 1_000_000, leasesPerSession: 1_000_000, callsPerConnection: 1_000_000 } },
        { ...tens, waitersMax: 30_000, waitersPerAgentMax: 20_000 }
      )
      const holder = yield* daemon.manager.lease("holder", { cpu: 10 })
      const client = yield* rawSession(daemon.address)
      const wave = 1_000
      let [refused, looked] = [0, 0]
      for (let sent = 0; sent < 40_000; sent += wave) {
        for (let command = sent + 1; command <= sent + wave; command++) client.request("Claim", claim(command))
        yield* Effect.sleep(1)
      }
      yield* eventually("the excess is refused", () => {
        // Each answer once: there are many, and one looks often.
        for (; looked < client.answers.length; looked++) {
          const exit = client.answers[looked]?.exit
          if (exit !== undefined && failureOf(exit) === "QueueFull") refused++
        }
        return refused === 20_000 ? true : undefined
      })
      yield* otherIsServed(daemon)
      client.socket.destroy()
      yield* otherIsServed(daemon)
      yield* holder.release
    })
  )
})
