/** The process table with real processes: by /proc, and by ps as on other systems. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { type CommandTarget, ProcessIdentity, sameProcess } from "../../src/process/Identity.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { eventually, lineIn, temporaryPath, uniqueMarker } from "./support.ts"

const spawned = (command: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(command, args, { stdio: "ignore", detached: true, env: { ...process.env, ...env } })
      await once(child, "spawn")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const pidOf = (child: ChildProcess): number => child.pid ?? 0

/** Who bears the process's number; the test fails where nobody does. */
const inspected = Effect.fnUntraced(function* (pid: number) {
  const table = yield* ProcessTable
  return (yield* table.inspect(pid)) ?? (yield* Effect.die(new Error(`no process ${pid}`)))
})

const hasPython = spawnSync("python3", ["-c", "import ctypes, threading"]).status === 0
const onLinux = process.platform === "linux"

describe.skipIf(process.platform === "win32").each([
  { name: "the table of this platform", layer: ProcessTable.layer, exact: onLinux },
  { name: "the table by ps", layer: ProcessTable.layerPs, exact: false }
])("$name", { timeout: 120_000 }, ({ exact, layer }) => {
  it.live("knows this process", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const self = yield* inspected(process.pid)
      assert.strictEqual(self.parent, process.ppid)
      assert.strictEqual(self.identity.place, table.place)
      assert.isTrue(yield* table.isAlive(self.identity))
      assert.isTrue(sameProcess(self.identity, (yield* inspected(process.pid)).identity))
      assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(ProcessIdentity)(self.identity), self.identity)
    }).pipe(Effect.provide(layer))
  )

  it.live("knows a process until it has ended", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const child = yield* spawned("sleep", ["1000"])
      const { group, identity, name } = yield* eventually(
        "the program",
        Effect.map(inspected(pidOf(child)), (info) => (info.name === "sleep" ? info : undefined))
      )
      assert.deepStrictEqual([identity.pid, group, name], [child.pid, child.pid, "sleep"])
      assert.isTrue(yield* table.isAlive(identity))
      const exit = once(child, "exit")
      assert.strictEqual(yield* table.signal(identity, "SIGTERM"), "sent")
      yield* Effect.promise(() => exit)
      assert.isFalse(yield* table.isAlive(identity))
      assert.strictEqual(yield* table.inspect(identity.pid), undefined)
      assert.strictEqual(yield* table.signal(identity, "SIGTERM"), "gone")
      assert.strictEqual(yield* table.usage(identity, "exact"), undefined)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("knows who is meant by the start and the place", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const child = yield* spawned("sleep", ["1000"])
      const { identity } = yield* inspected(pidOf(child))
      const others = [
        { ...identity, start: identity.start - 1 },
        { ...identity, place: "another boot" }
      ]
      for (const other of others) {
        assert.isFalse(yield* table.isAlive(other))
        assert.strictEqual(yield* table.signal(other, "SIGKILL"), "gone")
        assert.strictEqual(yield* table.usage(other, "resident"), undefined)
        assert.deepStrictEqual(yield* table.find({ root: other, group: identity.pid }), [])
      }
      assert.isTrue(yield* table.isAlive(identity))
      assert.deepStrictEqual(
        (yield* table.find({ root: identity })).map((info) => info.identity),
        [identity]
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("takes a zombie for gone", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const file = temporaryPath()
      // The child of a program that does not collect it.
      yield* spawned("sh", ["-c", `sh -c 'echo $$ > ${file}; exec sleep 1000' & exec sleep 1000`])
      const child = yield* Effect.flatMap(lineIn(file), (pid) => inspected(Number(pid)))
      assert.isTrue(yield* table.isAlive(child.identity))
      assert.strictEqual(yield* table.signal(child.identity, "SIGKILL"), "sent")
      yield* eventually(
        "the zombie",
        Effect.map(table.isAlive(child.identity), (alive) => !alive || undefined)
      )
      assert.strictEqual((yield* inspected(child.identity.pid)).state, "ended")
      assert.strictEqual(yield* table.signal(child.identity, "SIGKILL"), "gone")
      const found = yield* table.find({ root: child.identity, group: child.group })
      assert.isFalse(found.some((info) => info.identity.pid === child.identity.pid))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live.skipIf(!exact || !hasPython)("does not take one for gone whose other threads go on", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const program = `
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).pthread_exit(0)`
      const child = yield* spawned("python3", ["-c", program])
      const { identity } = yield* inspected(pidOf(child))
      const stat = () => spawnSync("cat", [`/proc/${identity.pid}/stat`], { encoding: "utf8" }).stdout
      yield* eventually(
        "the end of its first thread",
        Effect.sync(() => stat().includes(") Z ") || undefined)
      )
      assert.isTrue(yield* table.isAlive(identity))
      assert.strictEqual(yield* table.signal(identity, "SIGKILL"), "sent")
      yield* eventually(
        "its end",
        Effect.map(table.isAlive(identity), (alive) => !alive || undefined)
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live.skipIf(!exact)("finds who left group, session and parents by the marker, and nobody else", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const [file, marker] = [temporaryPath(), uniqueMarker()]
      const script = `(setsid sh -c 'echo $$ > ${file}; exec sleep 1000' &)`
      const child = yield* spawned("sh", ["-c", script], { RESOURCE_MANAGER_LEASE: marker })
      const other = yield* spawned("sleep", ["1000"], { RESOURCE_MANAGER_LEASE: `${marker}1` })
      const root = yield* inspected(process.pid)
      const target: CommandTarget = { root: { ...root.identity, pid: pidOf(child) }, marker }
      const pid = Number(yield* lineIn(file))
      // The shell has waited for those in between.
      yield* eventually(
        "its parents' end",
        Effect.sync(() => child.exitCode ?? undefined)
      )
      const found = yield* table.find(target)
      assert.deepStrictEqual(
        found.map((info) => [info.identity.pid, info.group]),
        [[pid, pid]]
      )
      assert.isTrue(yield* table.isAlive((yield* inspected(pidOf(other))).identity))
      for (const { identity } of found) yield* table.signal(identity, "SIGKILL")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("measures what a process uses", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const megabytes = 64
      const program = `const kept = Buffer.alloc(${megabytes} * 2 ** 20, 1); while (true) kept[0]++`
      const child = yield* spawned(process.execPath, ["-e", program])
      const { identity } = yield* inspected(pidOf(child))
      // ps tells whole seconds.
      const used = yield* eventually(
        "a second of processor time",
        Effect.map(table.usage(identity, "exact"), (usage) =>
          usage !== undefined && usage.cpuMillis >= 1000 ? usage : undefined
        )
      )
      assert.isAbove(used.memoryBytes, megabytes * 2 ** 20)
      assert.isBelow(used.memoryBytes, 2 ** 30)
      const resident = yield* table.usage(identity, "resident")
      assert.isAtLeast(resident?.memoryBytes ?? 0, used.memoryBytes)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live.skipIf(!exact)("counts what collected children have used", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const child = yield* spawned("sh", [
        "-c",
        'i=0; while :; do sh -c "i=0; while [ \\$i -lt 20000 ]; do i=\\$((i+1)); done"; done'
      ])
      const { identity } = yield* inspected(pidOf(child))
      yield* eventually(
        "their processor time",
        Effect.map(
          table.usage(identity, "resident"),
          (usage) => (usage !== undefined && usage.cpuMillis >= 200) || undefined
        )
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe.skipIf(!onLinux || process.getuid?.() !== 0)("a table of another user", { timeout: 120_000 }, () => {
  it("is refused a signal, and says so", () => {
    const program = `
      import * as Effect from "effect/Effect"
      import { ProcessTable } from "${import.meta.resolve("../../src/process/ProcessTable.ts")}"
      process.setuid(65534)
      const result = await Effect.runPromise(Effect.provide(Effect.gen(function* () {
        const table = yield* ProcessTable
        const parent = yield* table.inspect(process.ppid)
        return yield* table.signal(parent.identity, "SIGURG")
      }), ProcessTable.layer))
      console.log(result)`
    const args = ["--input-type=module-typescript", "-e", program]
    const run = spawnSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname })
    assert.deepStrictEqual([run.stdout, run.stderr], ["denied\n", ""])
  })
})
