/**
 * What `run` is asked for, from its flags and the environment: pure, but for the
 * name of the user. What is wrong is told with the flag, the value and what is
 * allowed.
 */
import { userInfo } from "node:os"
import * as Result from "effect/Result"
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { AgentId } from "@resource-manager/core/Claim"
import type { Mode } from "@resource-manager/daemon/process/Enforcement"
import type { SchedulingOptions } from "@resource-manager/core/Claim"
import { readAmount, readDuration, readPriority, readTokenCount } from "../config/units.ts"

export interface RunFlags {
  readonly agent: string | undefined
  readonly cpu: string | undefined
  readonly memory: string | undefined
  readonly resource: ReadonlyArray<string>
  readonly timeout: string | undefined
  readonly isTry: boolean
  readonly priority: string | undefined
  readonly expected: string | undefined
  readonly isPreemptible: boolean
  readonly onQuota: "fail" | "wait" | undefined
  readonly enforce: Mode | undefined
  readonly llm: string | undefined
  readonly inputTokens: string | undefined
  readonly outputTokens: string | undefined
  readonly command: ReadonlyArray<string>
}

/** A call of a language model: the name of its limits, and the tokens that it takes at most. */
export interface LlmCall {
  readonly limit: string
  readonly input: number
  readonly output: number
}

export interface RunRequest {
  readonly agent: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Processors, fractions allowed: units of `cpu` only once its unit is known. */
  readonly cpus: number | undefined
  /** Units of every other type. */
  readonly amounts: Readonly<Record<string, number>>
  /** What it claims besides, as the daemon plans it. */
  readonly llm: LlmCall | undefined
  readonly timeout: Duration.Duration | undefined
  readonly isTry: boolean
  /** What it says for the policies of the daemon. */
  readonly scheduling: SchedulingOptions
}

export type Environment = Readonly<Record<string, string | undefined>>

/** What a command uses that says nothing. */
export const cpusDefault = 1

const cpuAllowed = "a number of processors over 0, such as 2 or 0.5"

const readCpus = (text: string): number | undefined => {
  const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

const wrong = (flag: string, value: string, allowed: string) =>
  Result.fail(`${flag} is ${JSON.stringify(value)}; allowed: ${allowed}`)

const agentVariable = "RESOURCE_MANAGER_AGENT"

/** Who the command is charged to, where nobody says: the user. */
const readAgent = (flag: string | undefined, environment: Environment): Result.Result<string, string> => {
  const agent = flag ?? (environment[agentVariable] || undefined) ?? userInfo().username
  return Schema.is(AgentId)(agent)
    ? Result.succeed(agent)
    : wrong(flag === undefined ? agentVariable : "--agent", agent, "a name of 1 to 256 characters")
}

const readResources = (flags: Pick<RunFlags, "memory" | "resource">): Result.Result<Map<string, number>, string> => {
  const amounts = new Map<string, number>()
  const given = [
    ...(flags.memory === undefined
      ? []
      : [{ flag: "--memory", type: "memory", amount: flags.memory, written: flags.memory }]),
    ...flags.resource.map((written) => {
      const equals = Math.max(0, written.indexOf("="))
      return { flag: "--resource", type: written.slice(0, equals), amount: written.slice(equals + 1), written }
    })
  ]
  for (const { amount: text, flag, type, written } of given) {
    if (type === "") return wrong(flag, written, "TYPE=N, such as gpu=1 or disk=10GiB")
    if (type === "cpu") return wrong(flag, written, "another type than cpu; processors are asked for with --cpu")
    if (amounts.has(type)) return wrong(flag, written, `${type} once`)
    const amount = readAmount(text)
    if (Result.isFailure(amount)) return wrong(flag, written, amount.failure)
    amounts.set(type, amount.success)
  }
  return Result.succeed(amounts)
}

const readScheduling = (
  flags: Pick<RunFlags, "expected" | "isPreemptible" | "onQuota" | "priority">
): Result.Result<SchedulingOptions, string> => {
  const { expected, isPreemptible, onQuota, priority: written } = flags
  const priority = written === undefined ? undefined : readPriority(written)
  if (priority !== undefined && Result.isFailure(priority)) return wrong("--priority", written ?? "", priority.failure)
  const duration = expected === undefined ? undefined : readDuration(expected)
  if (duration !== undefined && Result.isFailure(duration)) return wrong("--expected", expected ?? "", duration.failure)
  return Result.succeed({
    ...(priority === undefined ? {} : { priority: priority.success }),
    ...(duration === undefined ? {} : { expected: duration.success }),
    ...(isPreemptible ? { preemptible: true } : {}),
    ...(onQuota === undefined ? {} : { onQuota })
  })
}

const readTokens = (flag: string, text: string | undefined): Result.Result<number, string> => {
  if (text === undefined) return Result.fail(`--llm needs ${flag}: how many the call takes at most`)
  const tokens = readTokenCount(text)
  return Result.isSuccess(tokens) ? tokens : wrong(flag, text, tokens.failure)
}

const readLlm = ({
  inputTokens,
  llm,
  outputTokens
}: Pick<RunFlags, "inputTokens" | "llm" | "outputTokens">): Result.Result<LlmCall | undefined, string> => {
  if (llm === undefined) {
    const flag = inputTokens === undefined ? "--output-tokens" : "--input-tokens"
    return inputTokens === undefined && outputTokens === undefined
      ? Result.succeed(undefined)
      : Result.fail(`${flag} needs --llm: the name of the limits that the tokens are under`)
  }
  const input = readTokens("--input-tokens", inputTokens)
  if (Result.isFailure(input)) return Result.fail(input.failure)
  const output = readTokens("--output-tokens", outputTokens)
  return Result.map(output, (tokens) => ({ limit: llm, input: input.success, output: tokens }))
}

export const readRequest = (flags: RunFlags, environment: Environment): Result.Result<RunRequest, string> => {
  const [command, ...args] = flags.command
  if (command === undefined) return Result.fail("run needs a command, after --")
  const agent = readAgent(flags.agent, environment)
  if (Result.isFailure(agent)) return Result.fail(agent.failure)
  const cpus = flags.cpu === undefined ? undefined : readCpus(flags.cpu)
  if (flags.cpu !== undefined && cpus === undefined) return wrong("--cpu", flags.cpu, cpuAllowed)
  const resources = readResources(flags)
  if (Result.isFailure(resources)) return Result.fail(resources.failure)
  const timeout = flags.timeout === undefined ? undefined : readDuration(flags.timeout)
  if (timeout !== undefined && Result.isFailure(timeout)) {
    return wrong("--timeout", flags.timeout ?? "", timeout.failure)
  }
  const scheduling = readScheduling(flags)
  if (Result.isFailure(scheduling)) return Result.fail(scheduling.failure)
  const llm = readLlm(flags)
  if (Result.isFailure(llm)) return Result.fail(llm.failure)
  const amounts = Object.fromEntries(resources.success)
  const asksElse = resources.success.size > 0 || llm.success !== undefined
  return Result.succeed({
    agent: agent.success,
    command,
    args,
    cpus: cpus ?? (asksElse ? undefined : cpusDefault),
    amounts,
    llm: llm.success,
    timeout: timeout?.success,
    isTry: flags.isTry,
    scheduling: scheduling.success
  })
}

/** The claim, in the units of the daemon's pools. */
export const claimOf = (
  { amounts, cpus }: Pick<RunRequest, "amounts" | "cpus">,
  cpuUnit: string | undefined
): Result.Result<Readonly<Record<string, number>>, string> => {
  if (cpus === undefined) return Result.succeed(amounts)
  const units = cpuUnit === "millicores" ? Math.round(cpus * 1_000) : cpus
  return Number.isSafeInteger(units)
    ? Result.succeed({ cpu: units, ...amounts })
    : wrong("--cpu", String(cpus), "a whole number: the daemon hands out whole cores")
}
