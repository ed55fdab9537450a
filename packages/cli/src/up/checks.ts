/** What a Schema of single fields cannot see of a file of `up`. */
import { classProblems, problemsOfConfig, sizesOf, typesOf, unitOf } from "../config/checks.ts"
import type { FieldPath, Problem } from "../config/problems.ts"
import { unknownName } from "../config/problems.ts"
import type { Config } from "../config/schema.ts"
import { claimOf, forerunnersOf, isServiceOf } from "./resolve.ts"
import { type Agent, instancesMax, type UpFile } from "./schema.ts"

const at = (path: FieldPath, message: string, place: Problem["at"] = "value"): Problem => ({ path, message, at: place })

const afterPath = (name: string, { after }: Agent, index: number): FieldPath =>
  typeof after === "string" ? ["agents", name, "after"] : ["agents", name, "after", index]

/** Each ring of agents that wait for each other, once, from where it closes. */
const ringsOf = (agents: UpFile["agents"]): ReadonlyArray<ReadonlyArray<string>> => {
  const rings: Array<ReadonlyArray<string>> = []
  const known = new Set<string>()
  const visit = (name: string, path: ReadonlyArray<string>): void => {
    const back = path.indexOf(name)
    if (back >= 0) return void rings.push(path.slice(back))
    if (known.has(name)) return
    for (const next of forerunnersOf(agents[name])) visit(next, [...path, name])
    // Only now: a ring is found from inside of it.
    known.add(name)
  }
  for (const name of Object.keys(agents)) visit(name, [])
  return rings
}

const orderProblems = (file: UpFile): ReadonlyArray<Problem> => {
  const names = Object.keys(file.agents)
  const problems = Object.entries(file.agents).flatMap(([name, agent]) =>
    forerunnersOf(agent).flatMap((other, index): ReadonlyArray<Problem> => {
      const path = afterPath(name, agent, index)
      const forerunner = file.agents[other]
      if (forerunner === undefined) return [at(path, unknownName("agent", other, names))]
      if (other === name) return [at(path, `${name} would wait for itself`)]
      return isServiceOf(forerunner, file.defaults)
        ? [at(path, `${other} is a service (restart: always), and ends only after everybody else`)]
        : []
    })
  )
  const rings = ringsOf(file.agents).filter((ring) => ring.length > 1)
  return [
    ...problems,
    ...rings.map((ring) =>
      at(["agents", ring[0] ?? "", "after"], `these wait for each other: ${[...ring, ring[0]].join(" after ")}`)
    )
  ]
}

/** What one claim can be granted at most, as far as the file says. */
const mostOf = (file: UpFile, type: string): number => {
  const pool = file.pools?.[type]
  if (pool === undefined) return Infinity
  const scaling = file.manager?.scaling
  const scales = scaling !== undefined && scaling !== "off"
  return scales ? (pool.max ?? pool.capacity) : pool.capacity
}

const claimProblems = (file: UpFile, config: Config, written: unknown): ReadonlyArray<Problem> => {
  const types = typesOf(config)
  const places: ReadonlyArray<readonly [FieldPath, Agent]> = Object.entries(file.agents).map(([name, agent]) => [
    ["agents", name],
    agent
  ])
  const claims = places.flatMap(([path, agent]) => {
    const own = agent.claim !== undefined
    const name = String(path[1])
    return Object.entries(claimOf(agent, file.defaults)).flatMap(([type, amount]): ReadonlyArray<Problem> => {
      // Where the claim is not the agent's own, the agent shows which one it is about.
      const place: FieldPath = own ? [...path, "claim", type] : path
      const said = own ? "" : `claims ${amount} of ${type}, which it does not say itself: `
      if (types !== undefined && !types.includes(type))
        return [at(place, said + unknownName("pool", type, types), "key")]
      const most = mostOf(file, type)
      if (amount > most) return [at(place, `${said}${amount} can never be granted: the pool has at most ${most}`)]
      const quota = file.quotas?.[agent.agent ?? name]?.[type] ?? Infinity
      return amount > quota ? [at(place, `${said}${amount} can never be granted: its quota is ${quota}`)] : []
    })
  })
  const sizes = [...places.map(([path]) => path), ["defaults"]].flatMap((path) =>
    Object.keys(file.pools ?? {}).flatMap((type) =>
      sizesOf(written, [...path, "claim"], unitOf(type, file.pools?.[type]?.unit), [type])
    )
  )
  return [...claims, ...sizes]
}

const priorityProblems = ({ agents, defaults }: UpFile, config: Config): ReadonlyArray<Problem> => [
  ...classProblems(config, ["defaults", "priority"], defaults?.priority),
  ...Object.entries(agents).flatMap(([name, { priority }]) =>
    classProblems(config, ["agents", name, "priority"], priority)
  )
]

const countProblems = ({ agents }: UpFile): ReadonlyArray<Problem> => {
  let total = 0
  for (const [name, { count = 1 }] of Object.entries(agents)) {
    total += count
    if (total > instancesMax) {
      return [at(["agents", name, "count"], `makes ${total} instances of all agents; allowed: at most ${instancesMax}`)]
    }
  }
  return []
}

/** The part that settings have too. */
export const configOf = ({
  groups,
  manager,
  plugins,
  pools,
  priorities,
  quotas,
  reservations,
  weights
}: UpFile): Config => ({
  ...(pools === undefined ? {} : { pools }),
  ...(quotas === undefined ? {} : { quotas }),
  ...(groups === undefined ? {} : { groups }),
  ...(weights === undefined ? {} : { weights }),
  ...(priorities === undefined ? {} : { priorities }),
  ...(reservations === undefined ? {} : { reservations }),
  ...(plugins === undefined ? {} : { plugins }),
  ...(manager === undefined ? {} : { manager })
})

/** `written` is the same as it stands in the file. */
export const problemsOfUpFile = (file: UpFile, written: unknown): ReadonlyArray<Problem> => {
  const config = configOf(file)
  return [
    ...problemsOfConfig(config, written),
    ...orderProblems(file),
    ...claimProblems(file, config, written),
    ...priorityProblems(file, config),
    ...countProblems(file)
  ]
}
