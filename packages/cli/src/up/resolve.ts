/** From a file of `up` to its plan: every default said, every instance named. */
import { basename, dirname, resolve } from "node:path"
import * as Duration from "effect/Duration"
import type { Instance, Plan, RestartPolicy } from "./plan.ts"
import type { Agent, Defaults, UpFile } from "./schema.ts"

const claimDefault: Readonly<Record<string, number>> = { cpu: 1 }

export const graceMillisDefault = 10_000

export const claimOf = (agent: Agent, defaults: Defaults | undefined): Readonly<Record<string, number>> =>
  agent.claim ?? defaults?.claim ?? claimDefault

export const forerunnersOf = (agent: Agent | undefined): ReadonlyArray<string> =>
  typeof agent?.after === "string" ? [agent.after] : (agent?.after ?? [])

const restartOf = (agent: Agent, defaults: Defaults | undefined): RestartPolicy => {
  const written = agent.restart ?? defaults?.restart ?? "never"
  const { delay, delayMax, factor, max, reset, when } =
    typeof written === "string" ? ({ when: written } as const satisfies Exclude<Agent["restart"], string>) : written
  return {
    when,
    max: max ?? (when === "always" ? Infinity : 3),
    initialMillis: delay === undefined ? 1_000 : Duration.toMillis(delay),
    factor: factor ?? 2,
    maxMillis: delayMax === undefined ? 60_000 : Duration.toMillis(delayMax),
    resetMillis: reset === undefined ? 60_000 : Duration.toMillis(reset)
  }
}

export const isServiceOf = (agent: Agent, defaults: Defaults | undefined): boolean =>
  restartOf(agent, defaults).when === "always"

const needsQuotes = /[^\w@%+=:,./-]/

/** As it would be typed, for people. */
const shownOf = (words: ReadonlyArray<string>): string =>
  words.map((word) => (word === "" || needsQuotes.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : word)).join(" ")

const millisOf = (duration: Duration.Duration | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toMillis(duration)

/** What its claims say for the policies. */
const schedulingOf = (agent: Agent, defaults: Defaults | undefined): Instance["scheduling"] => {
  const priority = agent.priority ?? defaults?.priority
  const expected = agent.expected ?? defaults?.expected
  const preemptible = agent.preemptible ?? defaults?.preemptible
  const onQuota = agent.onQuota ?? defaults?.onQuota
  return {
    ...(priority === undefined ? {} : { priority }),
    ...(expected === undefined ? {} : { expected }),
    ...(preemptible === true ? { preemptible } : {}),
    ...(onQuota === undefined ? {} : { onQuota })
  }
}

const instancesOf = (name: string, agent: Agent, defaults: Defaults | undefined, folder: string) => {
  const { command, count = 1 } = agent
  const [program = "", ...args] = typeof command === "string" ? ["sh", "-c", command] : command
  const cwd = agent.cwd ?? defaults?.cwd
  const instance: Omit<Instance, "id"> = {
    name,
    agent: agent.agent ?? name,
    command: program,
    args,
    shown: typeof command === "string" ? command : shownOf(command),
    claim: claimOf(agent, defaults),
    scheduling: schedulingOf(agent, defaults),
    after: forerunnersOf(agent),
    restart: restartOf(agent, defaults),
    timeoutMillis: millisOf(agent.timeout ?? defaults?.timeout),
    waitMillis: millisOf(agent.wait ?? defaults?.wait),
    graceMillis: millisOf(agent.grace ?? defaults?.grace) ?? graceMillisDefault,
    env: { ...defaults?.env, ...agent.env },
    cwd: cwd === undefined ? folder : resolve(folder, cwd)
  }
  return Array.from({ length: count }, (_, index): Instance => ({
    ...instance,
    id: count === 1 ? name : `${name}/${index + 1}`
  }))
}

/** `path` is that of the file: what is relative in it is relative to its folder. */
export const planOf = (file: UpFile, path: string): Plan => {
  const folder = dirname(resolve(path))
  return {
    title: file.title ?? basename(path).replace(/\.(ya?ml|json)$/, ""),
    onFailure: file.onFailure ?? "continue",
    instances: Object.entries(file.agents).flatMap(([name, agent]) => instancesOf(name, agent, file.defaults, folder))
  }
}
