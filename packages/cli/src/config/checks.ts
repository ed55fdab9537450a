/** What a Schema of single fields cannot see: fields that contradict each other. */
import * as ResourceType from "@resource-manager/core/ResourceType"
import * as Duration from "effect/Duration"
import { optionsOf } from "./adaptive.ts"
import type { LlmLimit } from "./llm.ts"
import { policyProblems } from "./policyChecks.ts"
import type { FieldPath, Problem } from "./problems.ts"
import { unknownName } from "./problems.ts"
import type { Config } from "./schema.ts"
import { isSize } from "./units.ts"

const hostPools = ["cpu", "memory", "fileHandles"]

const at = (path: FieldPath, message: string, place: Problem["at"] = "value"): Problem => ({ path, message, at: place })

/** What one unit of a pool is; `undefined` where nobody says. */
export const unitOf = (name: string, unit: string | undefined): string | undefined =>
  unit ?? ResourceType.known.find((type) => type.name === name)?.unit

const field = (value: unknown, path: FieldPath): unknown => {
  let inner = value
  for (const key of path) {
    if (typeof inner !== "object" || inner === null) return undefined
    inner = Object.entries(inner).find(([name]) => name === String(key))?.[1]
  }
  return inner
}

const boundsOf = (
  path: FieldPath,
  pool: { readonly capacity?: number; readonly min?: number; readonly max?: number }
): ReadonlyArray<Problem> => {
  const { capacity, max = Infinity, min = 0 } = pool
  if (min > max) return [at([...path, "max"], `${max} is less than min, ${min}`)]
  if (capacity === undefined) return []
  if (capacity < min) return [at([...path, "capacity"], `${capacity} is less than min, ${min}`)]
  return capacity > max ? [at([...path, "capacity"], `${capacity} is more than max, ${max}`)] : []
}

/** Sizes of what is not counted in bytes: `cpu: 4GiB`. */
export const sizesOf = (file: unknown, path: FieldPath, unit: string | undefined, keys: ReadonlyArray<string>) =>
  unit === undefined || unit === "bytes"
    ? []
    : keys.flatMap((key) =>
        isSize(field(file, [...path, key]))
          ? [at([...path, key], `is a size in bytes, but this counts ${unit}; allowed: a whole number`)]
          : []
      )

const poolProblems = (config: Config, file: unknown): ReadonlyArray<Problem> =>
  Object.entries(config.pools ?? {}).flatMap(([name, pool]) => {
    const path = ["pools", name]
    return [...boundsOf(path, pool), ...sizesOf(file, path, unitOf(name, pool.unit), ["capacity", "min", "max"])]
  })

const hostProblems = (config: Config): ReadonlyArray<Problem> =>
  Object.entries(config.plugins?.host?.pools ?? {}).flatMap(([name, pool]) => {
    const path = ["plugins", "host", "pools", name]
    const taken =
      config.pools?.[name] === undefined ? [] : [at(path, `is in \`pools\` too; allowed: one of them`, "key")]
    return [...taken, ...boundsOf(path, pool)]
  })

/** The types that there will be; `undefined` where only a plugin knows. */
export const typesOf = (config: Config): ReadonlyArray<string> | undefined => {
  const plugins = Object.keys(config.plugins ?? {})
  if (plugins.some((name) => name !== "host")) return undefined
  const hasDefault = config.pools === undefined && config.plugins === undefined
  const host = hasDefault ? ["cpu", "memory"] : Object.keys(config.plugins?.host?.pools ?? hostPools)
  const offered = hasDefault || plugins.includes("host") ? host : []
  return [...new Set([...Object.keys(config.pools ?? {}), ...offered])]
}

const quotaProblems = (config: Config, file: unknown): ReadonlyArray<Problem> => {
  const types = typesOf(config)
  return Object.entries(config.quotas ?? {}).flatMap(([agent, quotas]) =>
    Object.keys(quotas).flatMap((type) => {
      const path = ["quotas", agent, type]
      if (types !== undefined && !types.includes(type)) return [at(path, unknownName("pool", type, types), "key")]
      return sizesOf(file, ["quotas", agent], unitOf(type, config.pools?.[type]?.unit), [type])
    })
  )
}

type Group = NonNullable<Config["groups"]>[string]

/** Groups in an order in which each comes after its parent; those of a cycle are left out. */
export const groupsInOrder = (groups: Config["groups"] = {}): ReadonlyArray<readonly [string, Group]> => {
  const ordered = new Map<string, Group>()
  for (let above: ReadonlySet<string | undefined> = new Set([undefined]); above.size > 0;) {
    const below = Object.entries(groups).filter(([, group]) => above.has(group.parent))
    for (const [name, group] of below) ordered.set(name, group)
    above = new Set(below.map(([name]) => name))
  }
  return [...ordered]
}

const groupProblems = (config: Config, file: unknown): ReadonlyArray<Problem> => {
  const groups = Object.entries(config.groups ?? {})
  const names = groups.map(([name]) => name)
  const inOrder = new Set(groupsInOrder(config.groups).map(([name]) => name))
  const types = typesOf(config)
  const groupOf = new Map<string, string>()
  return groups.flatMap(([name, { agents = [], limits = {}, parent }]): ReadonlyArray<Problem> => {
    const path = ["groups", name]
    const above =
      parent === undefined || inOrder.has(name)
        ? []
        : [
            at(
              [...path, "parent"],
              names.includes(parent)
                ? `${parent} is in a circle: no root is above it`
                : unknownName("group", parent, names)
            )
          ]
    const twice = agents.flatMap((agent, index) => {
      const other = groupOf.get(agent)
      groupOf.set(agent, name)
      return other === undefined ? [] : [at([...path, "agents", index], `${agent} is in ${other} already`)]
    })
    const amounts = Object.keys(limits).flatMap((type) => {
      const place = [...path, "limits", type]
      if (types !== undefined && !types.includes(type)) return [at(place, unknownName("pool", type, types), "key")]
      const unit = unitOf(type, config.pools?.[type]?.unit)
      return sizesOf(file, place, unit, ["nominal", "borrowingLimit", "lendingLimit", "max"])
    })
    return [...above, ...twice, ...amounts]
  })
}

/** The names of priorities that the order of a file has. */
const classesOf = (config: Config): ReadonlyArray<string> => {
  const order = config.manager?.order
  const priority = typeof order === "object" ? order.priority : undefined
  return typeof priority === "object" ? Object.keys(priority.classes ?? {}) : []
}

/** A priority that names a class which the order does not have. */
export const classProblems = (
  config: Config,
  path: FieldPath,
  priority: number | string | undefined
): ReadonlyArray<Problem> => {
  const classes = classesOf(config)
  if (typeof priority !== "string" || classes.includes(priority)) return []
  return [at(path, unknownName("class of priority", priority, classes) + "; see manager.order.priority.classes")]
}

const priorityProblems = (config: Config): ReadonlyArray<Problem> => {
  const order = config.manager?.order
  const priority = typeof order === "object" ? order.priority : undefined
  const names = typeof priority === "object" ? Object.keys(priority.classes ?? {}) : []
  return [
    ...names
      .filter((name) => name.trim() === "" || !Number.isNaN(Number(name)))
      .map((name) =>
        at(["manager", "order", "priority", "classes", name], "reads as a number; allowed: another name", "key")
      ),
    ...Object.entries(config.priorities ?? {}).flatMap(([agent, said]) =>
      classProblems(config, ["priorities", agent], said)
    ),
    ...(config.reservations ?? []).flatMap((reservation, index) =>
      classProblems(config, ["reservations", index, "priority"], reservation.priority)
    )
  ]
}

/** Pools whose capacity is learnt, and what else would set it. */
const adaptiveProblems = (config: Config): ReadonlyArray<Problem> => {
  const scaling = config.manager?.scaling
  return Object.entries(config.pools ?? {}).flatMap(([name, { adaptive, capacity, max = capacity, min = 1 }]) => {
    if (adaptive === undefined) return []
    const path = ["pools", name, "adaptive"]
    const options = optionsOf(adaptive)
    const { samplesMax = Infinity, samplesMin = 1 } = options
    return [
      ...(scaling === undefined || scaling === "off"
        ? []
        : [at(path, "manager.scaling sets the capacity of this pool too; allowed: one of them", "key")]),
      ...(max < Math.max(1, min) ? [at(path, `needs a max of at least ${Math.max(1, min)}, not ${max}`, "key")] : []),
      ...(samplesMin > samplesMax
        ? [at([...path, "samplesMax"], `${samplesMax} is less than samplesMin, ${samplesMin}`)]
        : [])
    ]
  })
}

/** Pools whose rate backs off, which takes their capacity for a pause. */
const adaptiveRateProblems = (config: Config): ReadonlyArray<Problem> => {
  const scaling = config.manager?.scaling
  return Object.entries(config.pools ?? {}).flatMap(([name, { adaptive, adaptiveRate, max, min = 0, rate }]) => {
    if (adaptiveRate === undefined) return []
    const path = ["pools", name, "adaptiveRate"]
    return [
      ...(rate === undefined ? [at(path, "needs a rate: that of this pool without overload", "key")] : []),
      ...(min > 0 ? [at(["pools", name, "min"], `${min} keeps the pool from being paused; allowed: 0`)] : []),
      ...(adaptive === undefined
        ? []
        : [at(path, "the capacity of this pool is learnt; allowed: a pool of its own, in the same claim", "key")]),
      ...(scaling === undefined || scaling === "off" || max === undefined
        ? []
        : [at(path, "manager.scaling sets the capacity of this pool too; allowed: one of them", "key")])
    ]
  })
}

const boundsOfConcurrent = (path: FieldPath, concurrent: LlmLimit["concurrent"]): ReadonlyArray<Problem> => {
  if (concurrent === undefined || typeof concurrent === "number") return []
  const { initial = 1, max, min = 1 } = concurrent
  if (min > max) return [at([...path, "max"], `${max} is less than min, ${min}`)]
  return concurrent.initial !== undefined && (initial < min || initial > max)
    ? [at([...path, "initial"], `${initial} is not from ${min} to ${max}`)]
    : []
}

const llmProblems = (config: Config): ReadonlyArray<Problem> =>
  Object.entries(config.plugins?.llm ?? {}).flatMap(([name, { budget, concurrent, price }]) => {
    const path = ["plugins", "llm", name]
    const own = ["requests", "inputTokens", "outputTokens", "calls", "spend"].map((pool) => `${name}.${pool}`)
    const taken = [name, ...own].find((pool) => config.pools?.[pool] !== undefined)
    return [
      ...(taken === undefined ? [] : [at(path, `${taken} is in \`pools\` too; allowed: one of them`, "key")]),
      ...(budget !== undefined && price === undefined
        ? [at([...path, "budget"], "needs a price: dollars for a million tokens", "key")]
        : []),
      ...boundsOfConcurrent([...path, "concurrent"], concurrent)
    ]
  })

const scalingProblems = (config: Config): ReadonlyArray<Problem> => {
  const scaling = config.manager?.scaling
  if (scaling === undefined || scaling === "off") return []
  const { scaleDownAt = 0.2, scaleUpAt = 0.8 } = scaling
  return scaleDownAt < scaleUpAt
    ? []
    : [at(["manager", "scaling"], `scaleDownAt, ${scaleDownAt}, is not less than scaleUpAt, ${scaleUpAt}`)]
}

const isLocal = (address: string): boolean =>
  !address.startsWith("tcp:") || /^tcp:(localhost|\[::1\]|127(\.\d{1,3}){3}):/.test(address)

/** Shorter than this, a client that is well is taken for one that is gone. */
const patienceMillisMin = 100

const patienceProblems = ({ daemon }: Config): ReadonlyArray<Problem> =>
  (
    [
      [daemon?.sessionTimeout, ["daemon", "sessionTimeout"]],
      [daemon?.limits?.helloTimeout, ["daemon", "limits", "helloTimeout"]]
    ] as const
  ).flatMap(([span, path]) =>
    span === undefined || Duration.toMillis(span) >= patienceMillisMin
      ? []
      : [
          at(
            path,
            `${Duration.toMillis(span)} ms is shorter than any client answers; allowed: from ${patienceMillisMin} ms`
          )
        ]
  )

const daemonProblems = (config: Config): ReadonlyArray<Problem> => {
  const listen = config.daemon?.listen
  const addresses: ReadonlyArray<string> = typeof listen === "string" ? [listen] : (listen ?? [])
  const open = addresses.find((address) => !isLocal(address))
  return open !== undefined && config.daemon?.tokens?.admin === undefined
    ? [at(["daemon", "listen"], `${open} can be reached by other machines: daemon.tokens.admin is required`)]
    : []
}

/** `file` is the same as it was written. */
export const problemsOfConfig = (config: Config, file: unknown): ReadonlyArray<Problem> => [
  ...poolProblems(config, file),
  ...hostProblems(config),
  ...quotaProblems(config, file),
  ...groupProblems(config, file),
  ...priorityProblems(config),
  ...policyProblems(config),
  ...adaptiveProblems(config),
  ...adaptiveRateProblems(config),
  ...llmProblems(config),
  ...scalingProblems(config),
  ...daemonProblems(config),
  ...patienceProblems(config)
]
