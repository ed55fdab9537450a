import { layer as fileSystemLayer } from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as PluginTest from "@resource-manager/core/PluginTest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { availableParallelism, totalmem } from "node:os"
import { afterAll } from "vitest"
import { Host, OperatingSystem } from "../src/index.ts"
import * as Machine from "./machine.ts"

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
const { root, write } = await Effect.runPromise(
  Machine.make(Machine.service).pipe(Scope.provide(scope), Effect.provide(fileSystemLayer))
)

const set = (path: string, text: string, becomes: number) => Effect.as(write(path, text), becomes)
const group = Machine.serviceGroup

PluginTest.suite(Host.name, Host.layer({ root }).pipe(Layer.provide(Layer.succeed(OperatingSystem, Machine.system))), {
  pools: {
    cpu: { measures: true, changes: set(`${group}/cpu.max`, "600000 100000\n", 6) },
    memory: { measures: true, changes: set(`${group}/memory.max`, "1048576\n", 1_048_576) },
    fileHandles: {
      measures: true,
      changes: set("/proc/self/limits", Machine.limits("100"), 100)
    }
  }
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
