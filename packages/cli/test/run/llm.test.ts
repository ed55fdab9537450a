/** Limits of language models and rates that back off, with the real binary: `run --llm`, `settle`, `overload`, `limits list`. */
import { assert, describe, it } from "@effect/vitest"
import { LimitState, SettledLease } from "@resource-manager/daemon/Protocol"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { join } from "node:path"
import { eventually, type Machine, machine } from "./machine.ts"

const acme = {
  requestsPerMinute: 6_000,
  outputTokensPerMinute: 600,
  concurrent: { initial: 4, max: 10 },
  price: { input: 1, output: 4 },
  budget: { total: 1, perAgent: 0.01 }
}

const settings = {
  pools: { cpu: { capacity: 4 }, search: { capacity: 1_000, rate: "50/s", adaptiveRate: { drop: [75, 29] } } },
  more: { plugins: { llm: { acme } } }
}

const States = Schema.fromJsonString(Schema.Array(LimitState))
const Settled = Schema.fromJsonString(SettledLease)

const limitOf = (on: Machine, name: string) =>
  Effect.map(on.finish("limits", "list", "--json"), ({ stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    const state = Schema.decodeUnknownSync(States)(stdout).find((each) => each.name === name)
    return state ?? assert.fail(`there is no limit ${name}`)
  })

/** A call that waits for lines, each a command of the binary within it. */
const calling = Effect.fnUntraced(function* (on: Machine, agent: string, output: number) {
  const shell = 'echo began; while read -r line; do "$0" "$1" $line; echo "done $?"; done; exit 0'
  const tokens = ["--input-tokens", "1000", "--output-tokens", String(output)]
  const args = ["run", "--agent", agent, "--llm", "acme", ...tokens, "--", "sh", "-c", shell, ...on.binary]
  const program = on.start(args)
  return {
    program,
    says: (line: string) => Effect.sync(() => program.child.stdin?.write(`${line}\n`)),
    ends: Effect.suspend(() => {
      program.child.stdin?.end()
      return program.finished
    })
  }
})

const waiting = (on: Machine, count: number) =>
  eventually(
    `${count} waiters`,
    Effect.map(on.finish("waiters", "list", "--json"), ({ stdout }) =>
      stdout !== "" && (JSON.parse(stdout) as ReadonlyArray<unknown>).length === count ? true : undefined
    )
  )

const spent = (on: Machine) =>
  Effect.map(limitOf(on, "acme"), ({ budgets = [] }) =>
    Object.fromEntries(budgets.map(({ agent = "all", spentMicros }) => [agent, spentMicros]))
  )

describe.skipIf(process.platform === "win32")("limits of a language model", { timeout: 240_000 }, () => {
  it.live("are shared by agents, and what one did not take serves who waits", () =>
    Effect.gen(function* () {
      const on = yield* machine(settings)
      const first = yield* calling(on, "alice", 500)
      yield* first.program.wrote("began")
      // 600 tokens a minute: 100 are there.
      const second = yield* calling(on, "bob", 400)
      yield* waiting(on, 1)
      const why = yield* on.finish("why", "bob")
      assert.include(why.stdout, "acme.outputTokens")
      yield* first.says("settle --input-tokens 900 --output-tokens 100 --json")
      yield* second.program.wrote("began")
      yield* first.program.wrote("done 0")
      const told = first.program.stdout.slice("began\n".length, first.program.stdout.lastIndexOf("done"))
      assert.deepInclude(Schema.decodeUnknownSync(Settled)(told), {
        agent: "alice",
        tokens: { "acme.outputTokens": 100 },
        costMicros: 1_300
      })
      assert.strictEqual((yield* first.ends).code, 0)
      // One that says nothing took what was estimated; one that fails, nothing.
      assert.strictEqual((yield* second.ends).code, 0)
      const failing = ["--input-tokens", "1000", "--output-tokens", "1", "--", "sh", "-c", "exit 3"]
      assert.strictEqual((yield* on.finish("run", "--agent", "carol", "--llm", "acme", ...failing)).code, 3)
      assert.deepStrictEqual(yield* spent(on), { all: 3_900, alice: 1_300, bob: 2_600, carol: 0 })
      const dear = ["--llm", "acme", "--input-tokens", "9000", "--output-tokens", "1", "--", "true"]
      const refused = yield* on.finish("run", "--agent", "alice", ...dear)
      assert.strictEqual(refused.code, 75)
      assert.match(
        refused.stderr,
        /acme: the call may cost \$0\.009004, and \$0\.0087 of the \$0\.01 a day of alice are left/
      )
    }).pipe(Effect.scoped)
  )

  it.live("back off by a report, and leave the provider alone for as long as it asks", () =>
    Effect.gen(function* () {
      const on = yield* machine(settings)
      const call = yield* calling(on, "alice", 10)
      yield* call.program.wrote("began")
      yield* call.says("overload --retry-after 30m")
      yield* call.program.wrote("done 0")
      assert.match(call.program.stdout, /acme: left alone for .*then 50 % of the configured rate/)
      const { concurrency, rate } = yield* limitOf(on, "acme")
      assert.deepInclude(rate, { share: 0.5, perSecond: 50, configuredPerSecond: 100, overloads: 1 })
      assert.isAbove(rate?.pausedMillis ?? 0, 0)
      assert.deepInclude(concurrency, { limit: 4, inFlight: 1 })
      const now = yield* on.finish(
        "run",
        "--try",
        "--llm",
        "acme",
        "--input-tokens",
        "1",
        "--output-tokens",
        "1",
        "true"
      )
      assert.strictEqual(now.code, 75, now.stderr)
      assert.strictEqual((yield* call.ends).code, 0)
      yield* eventually(
        "fewer calls at once",
        Effect.map(limitOf(on, "acme"), (state) => (state.concurrency?.limit === 3 ? true : undefined))
      )
      const table = yield* on.finish("limits", "list")
      assert.match(table.stdout, /LIMIT +RATE +AT ONCE +WHY\n/)
      assert.match(table.stdout, /acme +paused, of 100\/s/)
      assert.match(table.stdout, /acme +alice +\$0\.00104 +\$0\.01\n/)
    }).pipe(Effect.scoped)
  )

  it.live("keep what was settled and spent when the daemon is killed, and charge it once", () =>
    Effect.gen(function* () {
      const on = yield* machine({ ...settings, daemon: { journal: {} } })
      const settled = yield* calling(on, "alice", 100)
      const open = yield* calling(on, "bob", 100)
      yield* settled.program.wrote("began")
      yield* open.program.wrote("began")
      yield* settled.says("settle --input-tokens 500 --output-tokens 50")
      yield* settled.program.wrote("done 0")
      process.kill(yield* on.daemon, "SIGKILL")
      assert.strictEqual((yield* on.finish("serve", "--background")).code, 0)
      assert.deepStrictEqual(yield* spent(on), { all: 700, alice: 700, bob: 0 })
      assert.strictEqual((yield* settled.ends).code, 0)
      yield* open.says("settle --input-tokens 1000 --output-tokens 0")
      yield* open.program.wrote("done 0")
      assert.strictEqual((yield* open.ends).code, 0)
      yield* on.noLeases
      assert.deepStrictEqual(yield* spent(on), { all: 1_700, alice: 700, bob: 1_000 })
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(process.platform === "win32")("the example of a language model", { timeout: 240_000 }, () => {
  it.live("is refused, waits for as long as it was told to, and is settled", () =>
    Effect.gen(function* () {
      const on = yield* machine()
      const example = join(import.meta.dirname, "../../../../apps/examples/llm")
      const env = {
        RESOURCE_MANAGER_CONFIG: join(example, "limits.yaml"),
        RESOURCE_MANAGER: on.binary.join(" "),
        PROVIDER: join(example, "provider.sh"),
        PROVIDER_CALLED: on.path("called")
      }
      const ask = Effect.suspend(() => {
        const tokens = ["--llm", "acme", "--input-tokens", "2000", "--output-tokens", "500"]
        const program = on.start(["run", "--agent", "writer", ...tokens, "--", join(example, "ask.sh"), "why?"], env)
        program.child.stdin?.end()
        return program.finished
      })
      const refused = yield* ask
      assert.strictEqual(refused.code, 75)
      assert.match(refused.stderr, /acme: left alone for .*, as asked for; then 50 % of the configured rate/)
      const answered = yield* ask
      assert.deepInclude({ ...answered }, { code: 0, stdout: "An answer to: why?\n" })
      assert.match(
        answered.stderr,
        /lease \d+ of writer is settled: acme.inputTokens 1874, acme.outputTokens 96, \$0\.007062/
      )
      const { budgets, rate } = yield* limitOf(on, "acme")
      assert.strictEqual(rate?.overloads, 1)
      assert.deepStrictEqual(
        budgets?.map(({ spentMicros }) => spentMicros),
        [7_062, 7_062]
      )
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(process.platform === "win32")("a rate that backs off", { timeout: 240_000 }, () => {
  it.live("does so by exit codes and by reports of no lease, and says what is wrong with a report", () =>
    Effect.gen(function* () {
      const on = yield* machine(settings)
      const ends = (code: number) => on.finish("run", "--resource", "search=1", "--", "sh", "-c", `exit ${code}`)
      assert.strictEqual((yield* ends(29)).code, 29)
      const share = (value: number) =>
        eventually(
          `a share of ${value}`,
          Effect.map(limitOf(on, "search"), ({ rate }) => (rate?.share === value ? true : undefined))
        )
      yield* share(0.5)
      const pools = yield* on.finish("pools", "list")
      assert.match(pools.stdout, /search .* 25\/s/)
      assert.strictEqual((yield* ends(0)).code, 0)
      yield* eventually(
        "a higher share",
        Effect.map(limitOf(on, "search"), ({ rate }) => ((rate?.share ?? 0) > 0.5 ? true : undefined))
      )
      const reported = yield* on.finish("overload", "search", "--retry-after", "1", "--json")
      assert.strictEqual(Schema.decodeUnknownSync(States)(reported.stdout)[0]?.rate?.overloads, 2)
      const expected: ReadonlyArray<readonly [number, RegExp, ReadonlyArray<string>]> = [
        [2, /overload needs a limit or a lease: name one with --lease/, ["overload"]],
        [2, /--retry-after is "soon"; allowed: seconds, a date/, ["overload", "search", "--retry-after", "soon"]],
        [9, /no limit that adapts is called "serch"; there are acme, search/, ["overload", "serch"]],
        [9, /there is no lease 99: it has come back, or never was/, ["overload", "--lease", "99"]],
        [2, /settle needs a lease/, ["settle", "--failed"]],
        [2, /settle needs what the call took: one of .*, not 0/, ["settle", "--lease", "1"]],
        [2, /not 2/, ["settle", "--lease", "1", "--failed", "search=1"]],
        [2, /settle needs --output-tokens/, ["settle", "--lease", "1", "--input-tokens", "1"]],
        [2, /--input-tokens is "x"/, ["settle", "--lease", "1", "--input-tokens", "x", "--output-tokens", "1"]],
        [9, /there is no lease 99/, ["settle", "--lease", "99", "--failed"]],
        [
          78,
          /no limit that adapts is called "acm"/,
          ["run", "--llm", "acm", "--input-tokens", "1", "--output-tokens", "1", "true"]
        ],
        [2, /--llm needs --input-tokens/, ["run", "--llm", "acme", "true"]],
        [
          2,
          /--resource acme.calls is of the call too; allowed: pools that --llm acme has not/,
          ["run", "--llm", "acme", "--input-tokens", "1", "--output-tokens", "1", "--resource", "acme.calls=3", "true"]
        ]
      ]
      for (const [code, message, args] of expected) {
        const finished = yield* on.finish(...args)
        assert.strictEqual(finished.code, code, `${args.join(" ")}: ${finished.stderr}`)
        assert.match(finished.stderr, message)
        assert.strictEqual(finished.stdout, "", args.join(" "))
      }
    }).pipe(Effect.scoped)
  )
})
