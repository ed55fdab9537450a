/** Addresses, folders, the lock and the start in the background. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Address from "../src/Address.ts"
import * as Launcher from "../src/Launcher.ts"
import * as Lock from "../src/Lock.ts"
import * as Places from "../src/Places.ts"
import { programOf } from "./programs.ts"
import { connect, eventually, folder, program, startDaemon, until } from "./support/daemon.ts"
import { proxy } from "./support/proxy.ts"

const pools = { cpu: { capacity: 4 } }

describe("an address", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["/run/a.sock", "unix:/run/a.sock"],
    ["unix:/run/a.sock", "unix:/run/a.sock"],
    ["tcp:localhost:80", "tcp:localhost:80"],
    ["tcp:[::1]:80", "tcp:[::1]:80"],
    ["tcp:::1:80", "tcp:[::1]:80"],
    ["tcp:host:99999", "refused"],
    ["tcp::80", "refused"],
    ["tcp:80", "refused"],
    ["tcp:host:", "refused"],
    ["localhost:80", "refused"],
    ["[::1]:80", "refused"],
    ["./localhost:80", "unix:./localhost:80"],
    ["unix:a:80", "unix:a:80"],
    ["", "refused"],
    ["unix:", "refused"],
    [`/${"x".repeat(103)}`, "refused"]
  ]
  for (const [input, expected] of table) {
    it(JSON.stringify(input), () => {
      const parsed = Effect.match(Address.parse(input), { onFailure: () => "refused", onSuccess: Address.format })
      assert.strictEqual(Effect.runSync(parsed), expected)
    })
  }

  it("knows what only this machine reaches", () => {
    const local = (input: string) => Address.isLocal(Effect.runSync(Address.parse(input)))
    assert.deepStrictEqual(["/a", "tcp:localhost:1", "tcp:127.0.0.1:1", "tcp:127.9.9.9:1", "tcp:[::1]:1"].map(local), [
      true,
      true,
      true,
      true,
      true
    ])
    assert.deepStrictEqual(["tcp:0.0.0.0:1", "tcp:10.0.0.1:1", "tcp:127.0.0.1.example:1", "tcp:[::]:1"].map(local), [
      false,
      false,
      false,
      false
    ])
  })
})

describe("folders", () => {
  it("are where the environment says", () => {
    const places = Places.make({ XDG_RUNTIME_DIR: "/run/user/7", HOME: "/home/a" })
    assert.strictEqual(places.socket, "/run/user/7/resource-manager/daemon.sock")
    assert.strictEqual(places.journal, "/home/a/.local/state/resource-manager/journal.db")
    const named = Places.make({
      RESOURCE_MANAGER_RUNTIME_DIR: "/r",
      RESOURCE_MANAGER_STATE_DIR: "/s",
      XDG_RUNTIME_DIR: "/x"
    })
    assert.deepStrictEqual([named.socket, named.lock], ["/r/daemon.sock", "/s/lock.db"])
  })

  it.live("are made for this user alone, and closed where they are not", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const made = join(path, "a/b")
        yield* Places.privateFolder(made)
        assert.strictEqual(statSync(made).mode & 0o777, 0o700)
        chmodSync(made, 0o755)
        yield* Places.privateFolder(made)
        assert.strictEqual(statSync(made).mode & 0o777, 0o700)
        // Somebody's home, named by mistake: it stays as it is.
        const used = join(path, "used")
        mkdirSync(used)
        chmodSync(used, 0o755)
        writeFileSync(join(used, "notes"), "")
        assert.match((yield* Effect.flip(Places.privateFolder(used))).message, /is in use already; allowed: mode 0700/)
        assert.strictEqual(statSync(used).mode & 0o777, 0o755)
        symlinkSync(made, join(path, "link"))
        writeFileSync(join(path, "file"), "")
        for (const bad of ["link", "file", "file/below"]) {
          assert.strictEqual((yield* Effect.flip(Places.privateFolder(join(path, bad))))._tag, "UnsafeFolder")
        }
        const open = join(path, "open")
        mkdirSync(open)
        chmodSync(open, 0o777)
        assert.strictEqual((yield* Effect.flip(Places.socketFolder(open)))._tag, "UnsafeFolder")
      })
    )
  )

  it.effect.skipIf(!existsSync("/proc/self"))("are refused where none can be made, and not tried for ever", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(Places.privateFolder("/proc/none/below"))
      assert.match(message, /^\/proc\/none\/below cannot be made: /)
    })
  )

  it.live("hold a socket that only this user can open; what is there already stays", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const path = daemon.address.replace("unix:", "")
        assert.strictEqual(statSync(path).mode & 0o777, 0o600)
        const second = yield* Effect.flip(Effect.scoped(startDaemon({ listen: [path] })))
        assert.include(String(second), "another daemon answers there")
        const file = join(yield* folder, "file")
        writeFileSync(file, "mine")
        assert.include(String(yield* Effect.flip(Effect.scoped(startDaemon({ listen: [file] })))), "no socket")
      })
    )
  )
})

describe("the lock of a state folder", () => {
  it.live(
    "names its holder to the second, and is free at once after SIGKILL",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const stateFolder = join(path, "state")
          const options = (name: string) => ({ address: join(path, name), stateFolder, pools })
          const first = yield* program("daemon", options("a.sock"))
          yield* first.line("ready")
          const second = yield* program("daemon", options("b.sock"))
          assert.strictEqual(yield* second.exit, 7)
          assert.include(second.stderr, `pid ${first.child.pid}`)
          assert.include(second.stderr, stateFolder)
          first.child.kill("SIGKILL")
          yield* first.exit
          // The socket of the dead one is there still.
          assert.isTrue(existsSync(join(path, "a.sock")))
          const third = yield* program("daemon", options("a.sock"))
          yield* third.line("ready")
        })
      ),
    60_000
  )
})

describe("a state folder that cannot be used", () => {
  const start = (path: string) =>
    program("daemon", { address: join(path, "d.sock"), stateFolder: join(path, "state"), pools })

  for (const file of ["lock.db", "secret"]) {
    it.live(
      `is told by name and with what to do, when its ${file} is damaged`,
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const path = yield* folder
            const damaged = join(path, "state", file)
            yield* Places.privateFolder(join(path, "state"))
            if (file === "secret") mkdirSync(damaged)
            else writeFileSync(damaged, "no database ".repeat(1_000))
            const daemon = yield* start(path)
            assert.strictEqual(yield* daemon.exit, 7)
            assert.include(daemon.stderr, damaged)
            assert.include(daemon.stderr, "move it aside")
          })
        ),
      60_000
    )
  }

  it.live("is waited for while the daemon that has it ends", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const places = Places.make({ RESOURCE_MANAGER_STATE_DIR: path })
        const facts = { address: "a", version: "1" }
        const first = yield* Scope.make()
        const held = yield* Scope.provide(Lock.acquire(places, facts), first)
        assert.strictEqual((yield* Effect.flip(Effect.scoped(Lock.acquire(places, facts))))._tag, "StateFolderHeld")
        yield* held.ending
        const next = yield* Effect.forkScoped(Lock.acquire(places, facts), { startImmediately: true })
        assert.isUndefined(next.pollUnsafe())
        yield* Scope.close(first, Exit.void)
        yield* Fiber.join(next)
        assert.strictEqual(Lock.readFacts(places)?.pid, process.pid)
      })
    )
  )
})

describe("a client", () => {
  it.live("does not wait for ever for a daemon that takes connections and stands still", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const between = yield* proxy(daemon.address)
        between.mute(true)
        const error = yield* Effect.flip(connect(between.address, { connectTimeout: "200 millis" }))
        assert.include(String(error), "no answer within 200 ms")
      })
    )
  )

  // Only root can give a folder away.
  it.live.skipIf(process.getuid?.() !== 0)("trusts no socket at the user's place that is another user's", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const runtime = { RESOURCE_MANAGER_RUNTIME_DIR: join(path, "run") }
        const { socket } = Places.make(runtime)
        const daemon = yield* startDaemon({ listen: [socket] })
        yield* Places.trusted(socket, runtime)
        chownSync(socket, 65_534, 65_534)
        assert.include((yield* Effect.flip(Places.trusted(socket, runtime))).message, "65534")
        chownSync(socket, 0, 0)
        chownSync(join(path, "run"), 65_534, 65_534)
        assert.include((yield* Effect.flip(Places.trusted(socket, runtime))).message, "65534")
        // What the user names is the user's choice.
        yield* Places.trusted(daemon.address, {})
      })
    )
  )
})

describe("a daemon in the background", () => {
  const launch = (path: string, more: object = {}) => ({
    address: join(path, "d.sock"),
    command: process.execPath,
    args: [
      programOf("daemon"),
      JSON.stringify({ address: join(path, "d.sock"), stateFolder: join(path, "state"), pools, ...more })
    ],
    log: join(path, "log")
  })

  it.live(
    "is started once, however many start it at once, and ends when there is nothing to keep",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const options = launch(path, { idleTimeoutMillis: 1_500 })
          const started = yield* Effect.all(
            [Launcher.ensure(options), Launcher.ensure(options), Launcher.ensure(options)],
            {
              concurrency: "unbounded"
            }
          )
          assert.include(started, true)
          const client = yield* connect(options.address)
          const { pid } = yield* client.daemon.call((rpc) => rpc.Status())
          assert.isFalse(yield* Launcher.ensure(options))
          yield* client.manager.acquire("a", { cpu: 1 })
          // It has something to keep, and stays.
          yield* Effect.sleep(2_500)
          assert.strictEqual((yield* client.daemon.call((rpc) => rpc.Status())).pid, pid)
          yield* client.close
          yield* eventually("the end of an idle daemon", () => {
            try {
              process.kill(pid, 0)
              return undefined
            } catch {
              return true
            }
          })
        })
      ),
    120_000
  )

  it.live(
    "tells in its own words why it did not start",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const error = yield* Effect.flip(Launcher.ensure(launch(path, { pools: { cpu: { capacity: -1 } } })))
          assert.strictEqual(error._tag, "LaunchFailed")
          assert.include(error.message, "capacity is -1")
          const missing = yield* Effect.flip(Launcher.ensure({ ...launch(path), command: "/no/such/program" }))
          assert.include(missing.message, "/no/such/program")
        })
      ),
    120_000
  )

  it.live("takes nobody in any more once it has decided to end because nobody is there", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon({ idleTimeout: "30 millis" })
        assert.strictEqual(yield* daemon.server.ended, "idle")
        // Who came now would be cut off with a session that nobody takes up.
        assert.include(String(yield* Effect.flip(connect(daemon.address))), "DaemonUnreachable")
      })
    )
  )

  it.live("ends when it is told to", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* startDaemon()
        const client = yield* connect(daemon.address)
        yield* client.daemon.once((rpc) => rpc.Shutdown())
        assert.strictEqual(yield* daemon.server.ended, "shutdown")
        yield* until("no time", Effect.succeed(1), () => true)
      })
    )
  )
})
