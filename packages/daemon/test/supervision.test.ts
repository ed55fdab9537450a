/** Processes under leases (P): no lease comes back before they are gone, however their client, or the daemon, ends. */
import { assert, describe, it } from "@effect/vitest"
import { Preemption } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { DaemonServerOptions } from "../src/DaemonServer.ts"
import * as Gate from "../src/process/Gate.ts"
import { ProcessTable, type Service } from "../src/process/ProcessTable.ts"
import { connect, eventually, folder, type LocalDaemon, program, startDaemon, until } from "./support/daemon.ts"
import { raw, rawSession } from "./support/raw.ts"

const test = (title: string, body: Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(Effect.asVoid(body)), 120_000)

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

const pidIn = (path: string) =>
  eventually(`a pid in ${path}`, () => {
    const text = existsSync(path) ? readFileSync(path, "utf8").trim() : ""
    return /^\d+$/.test(text) ? Number(text) : undefined
  })

/** Runs a command under all of the cpu. */
const running = (
  daemon: { readonly address: string },
  command: string,
  options: { readonly expiresAfterMillis?: number; readonly preemptible?: boolean } = {}
) =>
  Effect.gen(function* () {
    const claim = { cpu: 10 }
    const runner = yield* program("runner", { address: daemon.address, agent: "a", claim, command, ...options })
    const [, lease, pid] = (yield* runner.line("runs")).split(" ")
    return { runner, lease: Number(lease), pid: Number(pid) }
  })

/** Waits for all of the cpu, and says who was alive when it was granted. */
const nextGrant = (daemon: LocalDaemon, pids: () => ReadonlyArray<number>) =>
  Effect.forkScoped(
    Effect.scoped(Effect.map(daemon.manager.lease("next", { cpu: 10 }, { priority: 5 }), () => pids().filter(lives))),
    { startImmediately: true }
  )

/** One that tells when it is asked to end, and ends when it may. */
const obliging = Effect.map(folder, (path) => {
  const [asked, go] = [join(path, "asked"), join(path, "go")]
  return {
    command: `trap 'echo $$ > ${asked}; while [ ! -e ${go} ]; do sleep 0.02; done; exit 0' TERM; while :; do sleep 0.05; done`,
    asked: pidIn(asked),
    mayEnd: Effect.sync(() => writeFileSync(go, ""))
  }
})

const tireless = "trap '' TERM; while :; do sleep 0.05; done"

/** A daemon whose leases that have to stop are taken by force after so long. */
const daemonWith = (preemption: Preemption.PreemptionPolicy, options: Partial<DaemonServerOptions> = {}) =>
  Effect.provideService(startDaemon(options), Preemption.Preemption, preemption)

/** How leases came back that their holders did not give back, from now on. */
const returnsOf = (daemon: LocalDaemon) =>
  Effect.gen(function* () {
    const operator = yield* connect(daemon.address)
    const told: Array<unknown> = []
    let isHeard = false
    const events = operator.daemon.stream((rpc) => rpc.Events())
    yield* Effect.forkScoped(
      Stream.runForEach(events, ({ event }) =>
        Effect.sync(() => {
          isHeard = true
          if (event._tag === "Returned" && event["reason"] !== "released") told.push(event["reason"])
        })
      )
    )
    const probe = daemon.manager.withLease("probe", { memory: 1 })(Effect.sync(() => isHeard))
    yield* until("the stream of events", probe, (heard) => heard)
    return told
  })

describe("processes under a lease", () => {
  test(
    "return it when the command ends by itself",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const { runner } = yield* running(daemon, "exit 0")
      yield* runner.line("done")
      yield* until("it came back", daemon.manager.leases, (leases) => leases.length === 0)
    })
  )

  test(
    "are ended when their client is killed, and keep it until they are gone",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ processGrace: "300 millis" })
      const path = yield* folder
      const away = join(path, "away")
      // One that minds no SIGTERM, and one that left its group, its session and its parents.
      const command = `trap '' TERM; (setsid sh -c 'trap "" TERM; echo $$ > ${away}; while :; do sleep 0.05; done' &) ; while :; do sleep 0.05; done`
      const { pid, runner } = yield* running(daemon, command)
      const other = yield* pidIn(away)
      const next = yield* nextGrant(daemon, () => [pid, other])
      yield* until("it waits", daemon.manager.waiters, (waiters) => waiters.length === 1)
      assert.isTrue(lives(pid) && lives(other))
      const killedAt = performance.now()
      runner.child.kill("SIGKILL")
      assert.deepStrictEqual(yield* Fiber.join(next), [])
      assert.isAtLeast(performance.now() - killedAt, 250)
      assert.isFalse(lives(pid) || lives(other))
    })
  )

  test(
    "are ended before a lease that was released, or revoked, comes back",
    Effect.gen(function* () {
      const daemon = yield* startDaemon({ processGrace: "5 seconds" })
      const path = yield* folder
      const left = join(path, "left")
      // The command ends, and what it started in the background goes on.
      const { runner } = yield* running(
        daemon,
        `(sh -c 'echo $$ > ${left}; exec sleep 1000' &); while [ ! -s ${left} ]; do sleep 0.02; done`
      )
      const background = yield* pidIn(left)
      yield* runner.line("done")
      assert.deepStrictEqual(yield* Fiber.join(yield* nextGrant(daemon, () => [background])), [])
      const second = yield* running(daemon, "sleep 1000")
      const operator = yield* connect(daemon.address)
      const [listed] = yield* operator.daemon.call((rpc) => rpc.Leases())
      assert.deepInclude({ ...listed }, { id: second.lease, processes: [second.pid] })
      yield* operator.daemon.call((rpc) => rpc.RevokeLease({ lease: second.lease }))
      assert.deepStrictEqual(yield* Fiber.join(yield* nextGrant(daemon, () => [second.pid])), [])
    })
  )

  test(
    "are asked to end when their lease expires, and keep it until they are gone (P4)",
    Effect.gen(function* () {
      const daemon = yield* daemonWith(Preemption.off({ overrun: "1 minute" }))
      const returns = yield* returnsOf(daemon)
      const work = yield* obliging
      const { pid, runner } = yield* running(daemon, work.command, { expiresAfterMillis: 3_000 })
      const next = yield* nextGrant(daemon, () => [pid])
      assert.strictEqual(yield* work.asked, pid)
      // It has expired, its processes are there, and nobody else has its units.
      assert.deepStrictEqual([(yield* daemon.manager.waiters).length, lives(pid)], [1, true])
      yield* work.mayEnd
      assert.deepStrictEqual(yield* Fiber.join(next), [])
      yield* until("it is told", Effect.succeed(returns), ({ length }) => length > 0)
      assert.strictEqual(returns[0], "expired")
      yield* runner.line("done")
    })
  )

  test(
    "are asked to end at the deadline of a preemption, and keep it until they are gone (P4)",
    Effect.gen(function* () {
      const daemon = yield* daemonWith(Preemption.priority({ grace: "100 millis", overrun: "1 minute" }))
      const returns = yield* returnsOf(daemon)
      const work = yield* obliging
      const { pid } = yield* running(daemon, work.command, { preemptible: true })
      const next = yield* nextGrant(daemon, () => [pid])
      assert.strictEqual(yield* work.asked, pid)
      assert.deepStrictEqual([(yield* daemon.manager.waiters).length, lives(pid)], [1, true])
      yield* work.mayEnd
      assert.deepStrictEqual(yield* Fiber.join(next), [])
      yield* until("it is told", Effect.succeed(returns), ({ length }) => length > 0)
      assert.strictEqual(returns[0], "preempted")
    })
  )

  for (const preemptible of [false, true]) {
    test(
      `are killed before it is taken by force, however long they have otherwise (${preemptible ? "preempted" : "expired"})`,
      Effect.gen(function* () {
        const policy = Preemption.priority({ grace: "100 millis", overrun: "6 seconds" })
        const daemon = yield* daemonWith(policy, { processGrace: "1 minute" })
        const returns = yield* returnsOf(daemon)
        const { pid } = yield* running(daemon, tireless, preemptible ? { preemptible } : { expiresAfterMillis: 3_000 })
        const next = yield* nextGrant(daemon, () => [pid])
        assert.deepStrictEqual(yield* Fiber.join(next), [])
        yield* until("it is told", Effect.succeed(returns), ({ length }) => length > 0)
        assert.strictEqual(returns[0], preemptible ? "preempted" : "expired")
      })
    )
  }

  test(
    "lose it by force where they cannot be ended in time: an overrun, and its token is void (P4)",
    Effect.gen(function* () {
      const table = yield* Effect.provide(ProcessTable, yield* Layer.build(ProcessTable.layer))
      // Nobody is reached by any signal.
      const deaf = ProcessTable.of({ ...table, signal: () => Effect.succeed("denied") })
      const policy = Preemption.off({ overrun: "300 millis" })
      const daemon = yield* daemonWith(policy).pipe(Effect.provideService(ProcessTable, deaf))
      const returns = yield* returnsOf(daemon)
      const { pid } = yield* running(daemon, "exec sleep 1000", { expiresAfterMillis: 3_000 })
      const next = yield* nextGrant(daemon, () => [pid])
      assert.deepStrictEqual(yield* Fiber.join(next), [pid])
      yield* until("it is told", Effect.succeed(returns), ({ length }) => length > 0)
      assert.strictEqual(returns[0], "overrun")
      process.kill(pid, "SIGKILL")
    })
  )

  test(
    "keep it, marked orphaned, when they will not end, until an administrator insists (P2)",
    Effect.gen(function* () {
      const actual = yield* Layer.build(ProcessTable.layer)
      const table: Service = yield* Effect.provide(ProcessTable, actual)
      let immortal: number | undefined
      // A process that no signal reaches.
      const stubborn = ProcessTable.of({
        ...table,
        signal: (identity, signal) =>
          identity.pid === immortal ? Effect.succeed("denied") : table.signal(identity, signal)
      })
      const daemon = yield* startDaemon({ processGrace: 0 }).pipe(Effect.provideService(ProcessTable, stubborn))
      const { lease, pid, runner } = yield* running(daemon, "exec sleep 1000")
      immortal = pid
      runner.child.kill("SIGKILL")
      const operator = yield* connect(daemon.address)
      const leases = operator.daemon.call((rpc) => rpc.Leases())
      const [orphan] = yield* until("an orphan", leases, ([first]) => first?.orphaned === true)
      assert.deepStrictEqual([orphan?.id, orphan?.processes, orphan?.session], [lease, [pid], undefined])
      assert.strictEqual((yield* operator.daemon.call((rpc) => rpc.Status())).orphans, 1)
      assert.isTrue(lives(pid))
      yield* operator.daemon.call((rpc) => rpc.RevokeLease({ lease }))
      assert.deepStrictEqual(yield* leases, [])
      process.kill(pid, "SIGKILL")
    })
  )

  test(
    "are refused where they cannot be seen",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      const granted = yield* client.call("Claim", { command: 1, ack: 1, agent: "a", claim: { cpu: 1 } })
      const lease = granted.value?.["lease"]
      const root = { pid: process.pid, start: 1, place: "elsewhere" }
      assert.strictEqual(yield* client.errorOf("BindProcess", { lease, target: { root } }), "ProcessUnseen")
      assert.strictEqual(yield* client.errorOf("BindProcess", { lease: 99, target: { root } }), "LeaseUnknown")
    })
  )

  test(
    "are ended when their lease expires (P4), also while no daemon runs",
    Effect.gen(function* () {
      const path = yield* folder
      const address = join(path, "daemon.sock")
      const start = program("daemon", {
        address,
        stateFolder: join(path, "state"),
        snapshotEvery: 1_000,
        sessionTimeoutMillis: 60_000,
        processGraceMillis: 100,
        pools: { cpu: { capacity: 10 } }
      })
      const first = yield* start
      yield* first.line("ready")
      const client = yield* rawSession(address)
      const bound = Effect.fnUntraced(function* (command: number, expiresAfter: string) {
        const gated = yield* Gate.start({
          command: "sh",
          args: ["-c", "trap '' TERM; while :; do sleep 0.05; done"],
          placement: "own"
        })
        yield* Effect.addFinalizer(() => Effect.sync(() => gated.signal("SIGKILL")))
        const ask = { command, ack: 1, agent: "a", claim: { cpu: 1 }, expiresAfter }
        const lease = (yield* client.call("Claim", ask)).value?.["lease"]
        assert.strictEqual(yield* client.errorOf("BindProcess", { lease, target: gated.target }), "Success")
        yield* gated.open
        return gated
      })
      yield* (yield* bound(1, "2 seconds")).exit
      const second = yield* bound(2, "4 seconds")
      first.child.kill("SIGKILL")
      yield* first.exit
      // Longer than it lasts.
      yield* Effect.sleep("4 seconds")
      assert.isTrue(lives(second.identity.pid))
      yield* (yield* start).line("ready")
      yield* second.exit
    }).pipe(Effect.provide(ProcessTable.layer))
  )

  for (const snapshotEvery of [1_000, 1]) {
    test(
      `go on being ended, and their leases come back, when the daemon is killed meanwhile (snapshot after ${snapshotEvery})`,
      Effect.gen(function* () {
        const path = yield* folder
        const address = join(path, "daemon.sock")
        const start = program("daemon", {
          address,
          stateFolder: join(path, "state"),
          snapshotEvery,
          sessionTimeoutMillis: 60_000,
          processGraceMillis: 60_000,
          pools: { cpu: { capacity: 10 } }
        })
        const first = yield* start
        yield* first.line("ready")
        const client = yield* rawSession(address)
        // They mind no SIGTERM, so that their daemon is killed before they are gone.
        const bound = Effect.fnUntraced(function* (command: number) {
          const granted = yield* client.call("Claim", { command, ack: 1, agent: "a", claim: { cpu: 4 } })
          const gated = yield* Gate.start({
            command: "sh",
            args: ["-c", "trap '' TERM; while :; do sleep 0.05; done"],
            placement: "own"
          })
          yield* Effect.addFinalizer(() => Effect.sync(() => gated.signal("SIGKILL")))
          const lease = granted.value?.["lease"]
          assert.strictEqual(yield* client.errorOf("BindProcess", { lease, target: gated.target }), "Success")
          yield* gated.open
          return { lease, gated }
        })
        const released = yield* bound(1)
        const revoked = yield* bound(2)
        const stays = yield* client.call("Claim", { command: 3, ack: 1, agent: "a", claim: { cpu: 1 } })
        yield* client.call("Release", { lease: released.lease })
        yield* client.call("RevokeLease", { lease: revoked.lease })
        first.child.kill("SIGKILL")
        yield* first.exit
        assert.isTrue(lives(released.gated.identity.pid) && lives(revoked.gated.identity.pid))
        const second = yield* start
        yield* second.line("ready")
        const back = yield* raw(address)
        yield* back.hello()
        const resumed = yield* back.call("OpenSession", { resume: client.session })
        // What it gave back is its own no more; what was taken is, until that is gone.
        assert.deepStrictEqual(resumed.value?.["tickets"], [revoked.lease, stays.value?.["lease"]])
        const operator = yield* connect(address)
        assert.strictEqual((yield* operator.manager.leases).length, 3)
        released.gated.signal("SIGKILL")
        revoked.gated.signal("SIGKILL")
        yield* until("both came back", operator.manager.leases, (leases) => leases.length === 1)
        back.request("Revocations")
        const told = yield* eventually("it is told", () =>
          back.answers.find(({ values = [] }) => values.some(({ _tag }) => _tag === "Returned"))?.values?.at(-1)
        )
        assert.deepStrictEqual(told, { _tag: "Returned", lease: revoked.lease, reason: "revoked" })
      }).pipe(Effect.provide(ProcessTable.layer))
    )
  }

  test(
    "are ended by the next daemon when both their client and the daemon were killed (P3)",
    Effect.gen(function* () {
      const path = yield* folder
      const address = join(path, "daemon.sock")
      const start = program("daemon", {
        address,
        stateFolder: join(path, "state"),
        snapshotEvery: 1_000,
        sessionTimeoutMillis: 60_000,
        processGraceMillis: 200,
        pools: { cpu: { capacity: 10 } }
      })
      const first = yield* start
      yield* first.line("ready")
      const { pid, runner } = yield* running({ address }, "exec sleep 1000")
      first.child.kill("SIGKILL")
      runner.child.kill("SIGKILL")
      yield* first.exit
      assert.isTrue(lives(pid))
      const second = yield* start
      yield* second.line("ready")
      const client = yield* connect(address)
      yield* client.manager.lease("next", { cpu: 10 })
      assert.isFalse(lives(pid))
    })
  )
})
