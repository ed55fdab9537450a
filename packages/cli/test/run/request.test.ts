import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { userInfo } from "node:os"
import { separateCommand } from "../../src/commands/run/argv.ts"
import { claimOf, readRequest, type RunFlags } from "../../src/run/request.ts"

const flags = (given: Partial<RunFlags> = {}): RunFlags => ({
  agent: undefined,
  cpu: undefined,
  memory: undefined,
  resource: [],
  timeout: undefined,
  isTry: false,
  priority: undefined,
  onQuota: undefined,
  expected: undefined,
  isPreemptible: false,
  enforce: undefined,
  llm: undefined,
  inputTokens: undefined,
  outputTokens: undefined,
  command: ["make"],
  ...given
})

const read = (given: Partial<RunFlags>, environment: Readonly<Record<string, string>> = {}) =>
  Result.getOrThrow(readRequest(flags(given), environment))

const refusal = (given: Partial<RunFlags>) => Result.merge(Result.map(readRequest(flags(given), {}), () => "accepted"))

describe("what run is asked for", () => {
  it("is a command and its arguments, one processor, and no time limit", () => {
    assert.deepStrictEqual(read({ command: ["make", "-j4", "", "--"] }), {
      agent: userInfo().username,
      command: "make",
      args: ["-j4", "", "--"],
      cpus: 1,
      amounts: {},
      llm: undefined,
      timeout: undefined,
      isTry: false,
      scheduling: {}
    })
  })

  it("is charged to the agent that is named, else to the environment's, else to the user", () => {
    const environment = { RESOURCE_MANAGER_AGENT: "builder" }
    assert.strictEqual(read({ agent: "a" }, environment).agent, "a")
    assert.strictEqual(read({}, environment).agent, "builder")
    assert.strictEqual(read({}, { RESOURCE_MANAGER_AGENT: "" }).agent, userInfo().username)
  })

  it("is a call of a language model, with the tokens that it takes at most, and no processor besides", () => {
    const call = { llm: "acme", inputTokens: "2000", outputTokens: " 500 " }
    const request = read(call)
    assert.deepStrictEqual([request.llm, request.cpus], [{ limit: "acme", input: 2_000, output: 500 }, undefined])
    assert.strictEqual(read({ ...call, cpu: "2" }).cpus, 2)
    const refusals: ReadonlyArray<readonly [Partial<RunFlags>, string]> = [
      [{ llm: "acme" }, "--llm needs --input-tokens: how many the call takes at most"],
      [{ llm: "acme", inputTokens: "1" }, "--llm needs --output-tokens: how many the call takes at most"],
      [{ ...call, inputTokens: "2k" }, '--input-tokens is "2k"; allowed: a whole number of tokens from 0'],
      [{ ...call, outputTokens: "-1" }, '--output-tokens is "-1"; allowed: a whole number of tokens from 0'],
      [{ outputTokens: "1" }, "--output-tokens needs --llm: the name of the limits that the tokens are under"]
    ]
    for (const [given, message] of refusals) assert.strictEqual(refusal(given), message)
  })

  it("is what is named, and then no processor besides", () => {
    const request = read({ memory: "1.5GiB", resource: ["gpu=2", "disk=10 MB"], timeout: "90s" })
    assert.deepStrictEqual(request.amounts, { memory: 1_610_612_736, gpu: 2, disk: 10_000_000 })
    assert.strictEqual(request.cpus, undefined)
    assert.deepStrictEqual(request.timeout, Duration.seconds(90))
    assert.strictEqual(read({ cpu: "0.5", memory: "1000" }).cpus, 0.5)
  })

  it("says what the policies ask for", () => {
    assert.deepStrictEqual(read({ priority: "-5", expected: "10m", isPreemptible: true }).scheduling, {
      priority: -5,
      expected: Duration.minutes(10),
      preemptible: true
    })
  })

  it("names a class of priority as it is, and says what to do about quotas", () => {
    assert.deepStrictEqual(read({ priority: "nightly", onQuota: "wait" }).scheduling, {
      priority: "nightly",
      onQuota: "wait"
    })
  })

  const wrong: ReadonlyArray<readonly [Partial<RunFlags>, RegExp]> = [
    [{ command: [] }, /needs a command, after --/],
    [{ priority: "1.5" }, /--priority is "1.5"; allowed: a whole number such as 10 or -5, or the name of a class/],
    [{ priority: " " }, /--priority is " "/],
    [{ expected: "soon" }, /--expected is "soon"/],
    [{ cpu: "0" }, /--cpu is "0"; allowed: a number of processors over 0/],
    [{ cpu: "-1" }, /--cpu is "-1"/],
    [{ cpu: "two" }, /--cpu is "two"/],
    [{ cpu: "1e3" }, /--cpu/],
    [{ memory: "4 GiBs" }, /--memory is "4 GiBs"; allowed: .*4GiB/],
    [{ memory: "-1" }, /--memory/],
    [{ resource: ["gpu"] }, /--resource is "gpu"; allowed: TYPE=N/],
    [{ resource: ["=1"] }, /--resource is "=1"; allowed: TYPE=N/],
    [{ resource: ["gpu=many"] }, /--resource is "gpu=many"; allowed: a whole number/],
    [{ resource: ["gpu=1", "gpu=2"] }, /--resource is "gpu=2"; allowed: gpu once/],
    [{ memory: "1", resource: ["memory=2"] }, /--resource is "memory=2"; allowed: memory once/],
    [{ resource: ["cpu=2"] }, /--resource is "cpu=2"; allowed: another type than cpu; .*--cpu/],
    [{ timeout: "10" }, /--timeout is "10"; allowed: a duration/],
    [{ timeout: "soon" }, /--timeout is "soon"/]
  ]
  it.each(wrong)("is refused: %j", (given, message) => {
    assert.match(refusal(given), message)
  })

  it("is in the units of the daemon's cpu pool", () => {
    const claim = (cpus: number | undefined, unit: string | undefined) =>
      Result.merge(claimOf({ cpus, amounts: { gpu: 1 } }, unit))
    assert.deepStrictEqual(claim(2, "cores"), { cpu: 2, gpu: 1 })
    assert.deepStrictEqual(claim(0.5, "millicores"), { cpu: 500, gpu: 1 })
    assert.deepStrictEqual(claim(undefined, "cores"), { gpu: 1 })
    // What no daemon knows is told by the daemon.
    assert.deepStrictEqual(claim(2, undefined), { cpu: 2, gpu: 1 })
    assert.match(String(claim(0.5, "cores")), /--cpu is "0.5"; allowed: a whole number/)
  })
})

describe("where the flags of run end", () => {
  const cases: ReadonlyArray<readonly [given: string, separated: string]> = [
    ["run make -j4 --help", "run -- make -j4 --help"],
    ["run --cpu 2 --try docker run --memory 2g image", "run --cpu 2 --try -- docker run --memory 2g image"],
    ["run --cpu=2 git checkout -- file", "run --cpu=2 -- git checkout -- file"],
    ["--json run --preemptible --priority -5 sleep 1", "--json run --preemptible --priority -5 -- sleep 1"],
    ["run --cpus 2 make", "run --cpus -- 2 make"],
    ["run -", "run -- -"],
    ["run -- make -- x", "run -- make -- x"],
    ["run --cpu 2 -- make", "run --cpu 2 -- make"],
    ["run --cpu", "run --cpu"],
    ["run --cpu 2", "run --cpu 2"],
    ["run --help", "run --help"],
    ["run", "run"],
    ["up run -x", "up run -x"],
    ["why run", "why run"],
    ["--version", "--version"],
    ["", ""]
  ]
  for (const [given, separated] of cases) {
    it(`is there: ${given}`, () => {
      const words = given === "" ? [] : given.split(" ")
      assert.strictEqual(separateCommand(words).join(" "), separated)
    })
  }
})
