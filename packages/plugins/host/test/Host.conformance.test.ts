import { layer as fileSystemLayer } from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as PluginTest from "@resource-manager/core/PluginTest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { execFileSync, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { availableParallelism, totalmem } from "node:os"
import { afterAll, beforeAll } from "vitest"
import { Host, HostPressure, OperatingSystem } from "../src/index.ts"
import * as Machine from "./machine.ts"

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
const { root, write } = await Effect.runPromise(
  Machine.make(Machine.service).pipe(Scope.provide(scope), Effect.provide(fileSystemLayer))
)

const set = (path: string, text: string, becomes: number) => Effect.as(write(path, text), becomes)
const group = Machine.serviceGroup

const onFiles = (options: Host.HostOptions) =>
  Host.layer({ root, ...options }).pipe(Layer.provide(Layer.succeed(OperatingSystem, Machine.system)))

const expected = {
  pools: {
    cpu: { measures: true, changes: set(`${group}/cpu.max`, "600000 100000\n", 6) },
    memory: { measures: true, changes: set(`${group}/memory.max`, "1048576\n", 1_048_576) },
    fileHandles: {
      measures: true,
      changes: set("/proc/self/limits", Machine.limits("100"), 100)
    }
  }
} as const

describe("as it is", () => PluginTest.suite(Host.name, onFiles({}), expected))

describe("where it follows pressure", () => {
  beforeAll(async () => {
    for (const [path, text] of Object.entries({ ...Machine.service, ...Machine.calm })) {
      await Effect.runPromise(write(path, text))
    }
  })
  PluginTest.suite(Host.name, onFiles({ pressure: true }), expected)
})

describe("Host on this machine", () => {
  const real = Host.layer().pipe(Layer.provideMerge(ResourceManager.layer()))

  it.live("has the capacity that the machine says", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const capacity = (type: string) => Effect.map(manager.poolStatistics(type), (pool) => pool.capacity)
      // Said by other means than the plugin's: the shell walks the groups with its own arithmetic.
      assert.strictEqual(yield* capacity("cpu"), Math.max(1, Math.min(availableParallelism(), shellLimit("cpu"))))
      assert.strictEqual(yield* capacity("memory"), Math.min(totalmem(), shellLimit("memory")))
      if (existsSync("/proc/self/limits")) {
        const soft = /Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
        assert.strictEqual(yield* capacity("fileHandles"), Number(soft))
      }
    }).pipe(Effect.provide(real))
  )

  it.live("takes leases of it", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const usage = yield* manager.withLease("agent", { cpu: 1, memory: 4_096, fileHandles: 2 })(manager.usage("agent"))
      assert.deepStrictEqual(usage, { cpu: 1, memory: 4_096, fileHandles: 2 })
    }).pipe(Effect.provide(real))
  )
})

describe("the pressure on this machine", () => {
  const real = Host.layer({ pools: { cpu: {} }, pressure: { required: false, interval: "100 millis" } })

  it.live("is what the kernel counts while more threads are busy than there are processors", () =>
    Effect.gen(function* () {
      const pressure = yield* HostPressure
      // A kernel without has nothing to show: that the layer says so is tested on files.
      if ((yield* pressure.status) === undefined) return assert.isFalse(existsSync("/proc/pressure/cpu"))
      const busy = yield* Effect.forEach(Array.from({ length: availableParallelism() * 2 }), () =>
        Effect.acquireRelease(
          Effect.sync(() => spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" })),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
      )
      assert.isAbove(busy.length, 1)
      const waited = yield* pressure.changes.pipe(
        Stream.map(({ readings }) => readings.filter(({ kind }) => kind === "cpu").map(({ some }) => some)),
        Stream.filter((shares) => shares.some((share) => share > 0.2)),
        Stream.runHead,
        Effect.timeout("1 minute")
      )
      for (const share of Option.getOrThrow(waited)) assert.isTrue(share >= 0 && share <= 1)
    }).pipe(Effect.scoped, Effect.provide(real.pipe(Layer.provideMerge(ResourceManager.layer()))))
  )
})

/** The smallest limit of this process's groups, in whole processors or bytes; `Infinity` where there is none. */
function shellLimit(resource: "cpu" | "memory"): number {
  const limits = { cpu: `[ "$1" = max ] || echo $(($1 / $2))`, memory: `[ "$1" = max ] || echo "$1"` }[resource]
  const files = { cpu: "cpu.max", memory: "memory.max memory.high" }[resource]
  const script = `
    group=$(sed -n 's/^0:://p' /proc/$PPID/cgroup 2>/dev/null) || exit 0
    mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/$PPID/mountinfo 2>/dev/null)
    [ -n "$mount" ] || exit 0
    directory=$mount\${group%/}
    while :; do
      for file in ${files}; do
        if [ -f "$directory/$file" ]; then set -- $(cat "$directory/$file"); ${limits}; fi
      done
      [ "$directory" != "$mount" ] && [ "$directory" != / ] || break
      directory=\${directory%/*}
    done`
  const found = execFileSync("sh", ["-c", script], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
  return Math.min(Infinity, ...found.map(Number))
}
