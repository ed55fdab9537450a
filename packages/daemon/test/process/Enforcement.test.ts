/** What holds a command to its lease: how it is found out, what the command line is, and what is said of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { getPriority } from "node:os"
import { join } from "node:path"
import {
  describe as describeEnforcement,
  detect,
  type Enforcement,
  type Limits,
  showBytes,
  showCpus,
  wrapper
} from "../../src/process/Enforcement.ts"
import { runStarter, temporaryPath } from "./support.ts"

/** A folder with a program in place of systemd's, which this machine need not run. */
const fakeSystemd = (behaviour: string) => {
  const directory = temporaryPath("bin")
  mkdirSync(directory)
  const log = join(directory, "log")
  const program = join(directory, "systemd-run")
  writeFileSync(
    program,
    `#!/bin/sh
printf '%s\\n' "$*" >> '${log}'
${behaviour}
while [ "$1" != -- ]; do shift; done
shift
case "$*" in *memory.max*) printf '%s\\n' $taken; exit 0 ;; esac
exec "$@"
`
  )
  chmodSync(program, 0o755)
  return { path: `/nowhere:${directory}:`, program, log: () => readFileSync(log, "utf8") }
}

const limits: Limits = { cpus: 2.5, memoryBytes: 4 * 2 ** 30 }

const systemd = (
  taken: { readonly cpu: boolean; readonly memory: boolean },
  program = "/bin/systemd-run"
): Enforcement => ({
  _tag: "Systemd",
  scope: { program, flags: ["--expand-environment=no"] },
  ...taken
})

describe.skipIf(process.platform === "win32")("enforcement", { timeout: 120_000 }, () => {
  it.live("is by systemd where that works", () =>
    Effect.gen(function* () {
      const fake = fakeSystemd('taken="cpu.max memory.max"')
      for (const mode of ["auto", "systemd"] as const) {
        assert.deepStrictEqual(yield* detect(mode, fake.path), systemd({ cpu: true, memory: true }, fake.program))
      }
      assert.match(
        fake.log(),
        /^--user --scope --quiet --collect --expand-environment=no --property MemoryMax=1073741824 --property CPUQuota=100% -- /
      )
    })
  )

  it.live("counts only limits that the kernel took", () =>
    Effect.gen(function* () {
      const onlyMemory = fakeSystemd("taken=memory.max")
      assert.deepStrictEqual(
        yield* detect("auto", onlyMemory.path),
        systemd({ cpu: false, memory: true }, onlyMemory.program)
      )
      const none = fakeSystemd("taken=")
      assert.strictEqual((yield* detect("auto", none.path))._tag, "Watch")
      assert.match((yield* Effect.flip(detect("systemd", none.path))).message, /controls neither cpu nor memory/)
    })
  )

  it.live("is by an old systemd too", () =>
    Effect.gen(function* () {
      const fake = fakeSystemd(`taken=cpu.max
        for arg; do [ "$arg" != --expand-environment=no ] || { echo "systemd-run: unrecognized option '$arg'" >&2; exit 1; }; done`)
      const expected = {
        _tag: "Systemd",
        scope: { program: fake.program, flags: [] },
        cpu: true,
        memory: false
      } as const
      assert.deepStrictEqual(yield* detect("auto", fake.path), expected)
    })
  )

  const unavailable: ReadonlyArray<readonly [string, () => string, string]> = [
    ["there is no systemd", () => "/nowhere", "systemd-run is not on the path"],
    ["there is no path", () => "", "systemd-run is not on the path"],
    [
      "the user manager does not answer",
      () => fakeSystemd("echo 'Failed to connect to bus: No medium found' >&2; exit 1").path,
      "Failed to connect to bus: No medium found"
    ],
    ["it fails without a word", () => fakeSystemd("exit 1").path, "Command failed"]
  ]
  for (const [what, path, why] of unavailable) {
    it.live(`is a watch where ${what}, unless systemd was asked for`, () =>
      Effect.gen(function* () {
        const fallback = yield* detect("auto", path())
        assert.strictEqual(fallback._tag, "Watch")
        if (fallback._tag === "Watch") assert.include(fallback.because, why)
        const error = yield* Effect.flip(detect("systemd", path()))
        assert.strictEqual(error._tag, "EnforcementUnavailable")
        assert.include(error.message, why)
        assert.include(error.message, "watch, none, auto")
      })
    )
  }

  it.live("is not waited for where systemd hangs", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(detect("systemd", fakeSystemd("exec sleep 1000").path))
      assert.include(error.message, "no answer within 2 seconds")
    })
  )

  it.live("asks nobody where nothing, or a watch, is wanted", () =>
    Effect.gen(function* () {
      const path = fakeSystemd("taken=cpu.max").path
      assert.deepStrictEqual(yield* detect("none", path), { _tag: "None" })
      assert.deepStrictEqual(yield* detect("watch", path), { _tag: "Watch", niceness: 5, because: undefined })
    })
  )

  it("puts nothing before the command, nice, or a scope with the limits that are kept", () => {
    assert.deepStrictEqual(wrapper({ _tag: "None" }, limits), [])
    assert.deepStrictEqual(wrapper({ _tag: "Watch", niceness: 5, because: undefined }, limits), ["nice", "-n", "5"])
    const line = (taken: { readonly cpu: boolean; readonly memory: boolean }, of: Limits) =>
      wrapper(systemd(taken), of).join(" ")
    const [start, end] = [
      "/bin/systemd-run --user --scope --quiet --collect --expand-environment=no",
      '-- /bin/sh -c exec "$@" resource-manager'
    ]
    const both = { cpu: true, memory: true }
    assert.strictEqual(line(both, limits), `${start} --property MemoryMax=4294967296 --property CPUQuota=250% ${end}`)
    assert.strictEqual(line({ cpu: true, memory: false }, limits), `${start} --property CPUQuota=250% ${end}`)
    assert.strictEqual(line(both, { memoryBytes: 1000.7 }), `${start} --property MemoryMax=1000 ${end}`)
    assert.strictEqual(
      line(both, { cpus: 0, memoryBytes: 0 }),
      `${start} --property MemoryMax=1 --property CPUQuota=1% ${end}`
    )
  })

  const sentences: ReadonlyArray<readonly [Enforcement, Limits, ReadonlyArray<string>, string]> = [
    [{ _tag: "None" }, {}, [], "nothing is leased"],
    [{ _tag: "None" }, { cpus: 1 }, [], "cpu is accounted, not enforced"],
    [{ _tag: "None" }, limits, ["gpu"], "cpu, memory and gpu are accounted, not enforced"],
    [
      { _tag: "Watch", niceness: 5, because: undefined },
      limits,
      [],
      "cpu and memory are accounted, not enforced; the command runs with a lower priority (nice 5), and using more than it leased is reported"
    ],
    [
      systemd({ cpu: true, memory: true }),
      limits,
      [],
      "a systemd scope holds the command to 2.5 processors and 4 GiB of memory"
    ],
    [
      systemd({ cpu: false, memory: true }),
      limits,
      ["gpu"],
      "a systemd scope holds the command to 4 GiB of memory; cpu and gpu are accounted, not enforced"
    ]
  ]
  it.each(sentences)("of %j with %j and %j is told plainly", (enforcement, of, others, expected) => {
    assert.strictEqual(describeEnforcement(enforcement, of, others), expected)
  })

  it("is told in readable amounts", () => {
    assert.deepStrictEqual([0, 1, 1023, 1024, 1536, 2 ** 30, 2.25 * 2 ** 40, 2 ** 60].map(showBytes), [
      "0 bytes",
      "1 bytes",
      "1023 bytes",
      "1 KiB",
      "1.5 KiB",
      "1 GiB",
      "2.3 TiB",
      "1024 PiB"
    ])
    assert.deepStrictEqual([1, 2, 0.333, 1.999].map(showCpus), [
      "1 processor",
      "2 processors",
      "0.33 processors",
      "2 processors"
    ])
  })

  for (const [what, enforcement] of [
    ["nice", () => ({ _tag: "Watch", niceness: 5, because: undefined }) as const],
    ["a scope", () => systemd({ cpu: true, memory: true }, fakeSystemd("").program)]
  ] as const) {
    it(`by ${what} leaves the command's process, code, arguments and environment as they are`, () => {
      const before = wrapper(enforcement(), limits)
      const args = [
        "-e",
        "console.log(JSON.stringify([process.argv.slice(1), process.env['a.b'], require('os').getPriority()])); process.kill(process.pid, 'SIGTERM')",
        "--",
        "$HOME",
        "",
        "a b"
      ]
      const env = { "a.b": "1" }
      const run = runStarter({ command: process.execPath, args, wrapper: before, env })
      const niceness = what === "nice" ? Math.min(19, getPriority() + 5) : getPriority()
      assert.deepStrictEqual(JSON.parse(run.stdout), [["$HOME", "", "a b"], "1", niceness])
      assert.deepStrictEqual([run.signal, run.stderr], ["SIGTERM", ""])
      for (const code of [0, 3]) {
        assert.strictEqual(runStarter({ command: "sh", args: ["-c", `exit ${code}`], wrapper: before }).code, code)
      }
      const missing = runStarter({ command: "no-such-command", wrapper: before })
      assert.strictEqual(missing.code, 127)
      assert.include(missing.stderr, "no-such-command")
    })
  }
})
