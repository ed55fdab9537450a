/** Sessions with a real socket between: what comes back, what is kept, and what is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Gate from "../src/process/Gate.ts"
import { ProcessTable } from "../src/process/ProcessTable.ts"
import { connect, eventually, program, startDaemon, until } from "./support/daemon.ts"
import { proxy } from "./support/proxy.ts"
import { raw } from "./support/raw.ts"

const cpu = (units: number) => ({ cpu: units })

const waiting = (manager: { readonly waiters: Effect.Effect<ReadonlyArray<unknown>> }, count: number) =>
  until(`${count} waiters`, manager.waiters, (all) => all.length === count)

describe("a session", () => {
  it.live("gives everything back when its client closes it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const client = yield* connect(daemon.address)
        yield* client.manager.acquire("a", cpu(3))
        yield* client.manager.lease("a", cpu(4))
        yield* Effect.forkScoped(Effect.exit(client.manager.lease("b", cpu(10))))
        yield* waiting(daemon.manager, 1)
        yield* client.close
        assert.deepStrictEqual(yield* daemon.manager.leases, [])
        assert.deepStrictEqual(yield* daemon.manager.waiters, [])
        assert.strictEqual((yield* daemon.server.status).sessions, 0)
      })
    )
  )

  it.live("gives everything back long before its time-out when its client is killed (S3)", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon({ sessionTimeout: "1 hour" })
        const holder = yield* program("holder", { address: daemon.address, agent: "a", claim: cpu(10) })
        yield* holder.line("held")
        const next = yield* Effect.forkScoped(daemon.manager.lease("b", cpu(10)))
        yield* waiting(daemon.manager, 1)
        holder.child.kill("SIGKILL")
        yield* Fiber.join(next)
        assert.strictEqual((yield* daemon.manager.poolStatistics("cpu")).acquisitions, 2)
      })
    )
  )

  it.live("gives everything back after its time-out when its client stands still, and tells it (S1)", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon({ sessionTimeout: "600 millis" })
        const holder = yield* program("holder", { address: daemon.address, agent: "a", claim: cpu(10) })
        yield* holder.line("held")
        holder.child.kill("SIGSTOP")
        yield* Effect.scoped(daemon.manager.lease("b", cpu(10)))
        holder.child.kill("SIGCONT")
        assert.strictEqual(yield* holder.line("taken"), "taken lost")
      })
    )
  )

  it.live("keeps its leases and its place in the queue over a cut connection", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const between = yield* proxy(daemon.address)
        const client = yield* connect(between.address)
        const lease = yield* client.manager.lease("a", cpu(6))
        const order: Array<string> = []
        const queue = (manager: typeof client.manager, agent: string) =>
          Effect.forkScoped(manager.withLease(agent, cpu(6))(Effect.sync(() => order.push(agent))))
        const first = yield* queue(client.manager, "first")
        yield* waiting(daemon.manager, 1)
        const second = yield* queue(daemon.manager, "second")
        yield* waiting(daemon.manager, 2)
        between.cut()
        assert.isTrue(lease.isHeld)
        yield* eventually("a new connection", () => (between.connections() > 0 ? true : undefined))
        assert.strictEqual((yield* client.manager.leases)[0]?.id, lease.id)
        yield* lease.release
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        assert.deepStrictEqual(order, ["first", "second"])
        assert.strictEqual((yield* daemon.manager.poolStatistics("cpu")).acquisitions, 3)
        assert.strictEqual((yield* daemon.server.status).sessions, 1)
      })
    )
  )

  it.live("gives back with the next connection what it could not give back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const between = yield* proxy(daemon.address)
        const client = yield* connect(between.address)
        const holder = yield* daemon.manager.lease("holder", { memory: 10 })
        const inBody = yield* Deferred.make<void>()
        const body = yield* Effect.forkScoped(
          client.manager.withLease("a", cpu(5))(Effect.andThen(Deferred.succeed(inBody, undefined), Effect.never))
        )
        yield* Deferred.await(inBody)
        const waiter = yield* Effect.forkScoped(client.manager.withLease("a", { memory: 5 })(Effect.void))
        yield* waiting(daemon.manager, 1)
        between.cut(true)
        // Neither waits for a connection.
        yield* Fiber.interrupt(body)
        yield* Fiber.interrupt(waiter)
        assert.strictEqual((yield* daemon.manager.leases).length, 2)
        between.cut(false)
        yield* until("the lease came back", daemon.manager.leases, (leases) => leases.length === 1)
        yield* waiting(daemon.manager, 0)
        yield* holder.release
        assert.isTrue(Option.isSome(yield* client.manager.tryLease("a", { cpu: 10, memory: 10 })))
      })
    )
  )

  it.live("is told on the next connection what it lost meanwhile", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const between = yield* proxy(daemon.address)
        const client = yield* connect(between.address)
        const short = yield* client.manager.lease("a", cpu(1), { expiresAfter: "50 millis" })
        const long = yield* client.manager.lease("a", cpu(1))
        between.cut(true)
        yield* until("the expiry", daemon.manager.leases, (leases) => leases.length === 1)
        between.cut(false)
        assert.strictEqual((yield* short.revoked).reason, "expired")
        assert.isTrue(long.isHeld)
      })
    )
  )

  it.live("interrupts the body of a lease that an administrator takes", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const client = yield* connect(daemon.address)
        const operator = yield* connect(daemon.address)
        const body = yield* Effect.forkScoped(Effect.flip(client.manager.withLease("a", cpu(5))(Effect.never)))
        const [lease] = yield* until("a lease", daemon.manager.leases, (leases) => leases.length === 1)
        const id = lease?.id ?? -1
        yield* operator.daemon.call((rpc) => rpc.RevokeLease({ lease: id }))
        const error = yield* Fiber.join(body)
        assert.strictEqual(error._tag, "ManagerStopped")
        assert.include(error.message, `lease ${id}`)
        assert.include(error.message, "revoked")
        const unknown = yield* Effect.flip(operator.daemon.call((rpc) => rpc.RevokeLease({ lease: id })))
        assert.strictEqual(unknown._tag, "LeaseUnknown")
      })
    )
  )

  it.live("asks anew for what it waits for, and knows what it lost, when the daemon was started anew", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const client = yield* connect(daemon.address)
        const lease = yield* client.manager.lease("a", cpu(10))
        const waiter = yield* Effect.forkScoped(client.manager.withLease("a", { memory: 5 })(Effect.succeed("served")))
        yield* Fiber.join(waiter)
        const blocked = yield* Effect.forkScoped(client.manager.withLease("b", cpu(5))(Effect.succeed("served")))
        yield* waiting(daemon.manager, 1)
        yield* daemon.stop
        const again = yield* startDaemon({ listen: [daemon.address] })
        assert.strictEqual((yield* lease.revoked).reason, "lost")
        assert.strictEqual(yield* Fiber.join(blocked), "served")
        assert.deepStrictEqual(yield* again.manager.leases, [])
        yield* lease.release
      })
    )
  )

  it.live("lasts as long as its time-out says, and rests meanwhile, also where that is longer than any timer", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const warnings: Array<Error> = []
        const listener = (warning: Error) => warnings.push(warning)
        process.on("warning", listener)
        yield* Effect.addFinalizer(() => Effect.sync(() => process.off("warning", listener)))
        for (const listen of [[], ["tcp:127.0.0.1:0"]]) {
          const daemon = yield* startDaemon({
            ...(listen.length === 0 ? {} : { listen }),
            sessionTimeout: "60 days",
            limits: { helloMillis: 60 * 86_400_000 }
          })
          const client = yield* connect(daemon.address)
          const lease = yield* client.manager.lease("a", cpu(10))
          yield* Effect.sleep(50)
          assert.isTrue(lease.isHeld)
          assert.strictEqual((yield* daemon.server.status).connections, 1)
        }
        assert.deepStrictEqual(warnings, [])
      })
    )
  )

  it.live("does not end while it is looked whether its client is stopped, if that speaks meanwhile", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const table = yield* Effect.provide(ProcessTable, yield* Layer.build(ProcessTable.layer))
        const looks = yield* Deferred.make<void>()
        const told = yield* Deferred.make<void>()
        // One that takes its time, as `ps` does.
        const slow = ProcessTable.of({
          ...table,
          inspect: (pid) =>
            Deferred.succeed(looks, undefined).pipe(
              Effect.andThen(Deferred.await(told)),
              Effect.andThen(table.inspect(pid))
            )
        })
        const options = { sessionTimeout: "1 second", processGrace: 0 } as const
        const daemon = yield* startDaemon(options).pipe(Effect.provideService(ProcessTable, slow))
        const client = yield* raw(daemon.address)
        yield* client.hello()
        const own = yield* table.inspect(process.pid)
        // Before the session begins, which lasts no longer than the calls below.
        const gated = yield* Effect.provideService(
          Gate.start({ command: "sleep", args: ["1000"], placement: "own" }),
          ProcessTable,
          table
        )
        yield* client.call("OpenSession", { process: own?.identity })
        const granted = yield* client.call("Claim", { command: 1, ack: 1, agent: "a", claim: cpu(1) })
        yield* client.call("BindProcess", { lease: granted.value?.["lease"], target: gated.target })
        yield* Deferred.await(looks)
        assert.strictEqual(yield* client.errorOf("Heartbeat", { ack: 1 }), "Success")
        yield* Deferred.succeed(told, undefined)
        assert.strictEqual(yield* client.errorOf("Heartbeat", { ack: 1 }), "Success")
        assert.strictEqual((yield* daemon.manager.leases).length, 1)
        yield* client.call("CloseSession")
        yield* gated.exit
      })
    )
  )

  it.live("is given up by its client over TCP before the daemon gives its leases away (C3)", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon({ listen: ["tcp:127.0.0.1:0"], sessionTimeout: "2 seconds" })
        const between = yield* proxy(daemon.address, true)
        const client = yield* connect(between.address)
        let inside = 0
        const body = yield* Effect.forkScoped(
          Effect.exit(
            client.manager.withLease(
              "a",
              cpu(10)
            )(
              Effect.acquireUseRelease(
                Effect.sync(() => inside++),
                () => Effect.never,
                () => Effect.sync(() => inside--)
              )
            )
          )
        )
        yield* eventually("the body", () => (inside === 1 ? true : undefined))
        between.cut(true)
        yield* Effect.scoped(
          Effect.andThen(
            daemon.manager.lease("b", cpu(10)),
            Effect.sync(() => assert.strictEqual(inside, 0))
          )
        )
        yield* Fiber.join(body)
      })
    )
  )
})
