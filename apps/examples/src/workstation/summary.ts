/** The figures of a run, for programs and for people. */
import { formatBytes } from "@resource-manager/core/Amount"
import type { DeadlockStep } from "@resource-manager/core/Errors"
import type { AgentStatistics, Distribution, PoolStatistics } from "@resource-manager/core/Statistics"
import type { Checker } from "./checker.ts"
import { watched } from "./machine.ts"
import { shown } from "./names.ts"
import type { Progress } from "./progress.ts"
import type { RegistryCounts } from "./registry.ts"
import type { Scan, Unreadable } from "./scan.ts"

export interface PoolSummary {
  readonly capacity: number
  readonly peak: number
  /** In use over capacity, by time, as measured where things are used. From 0 to 1. */
  readonly utilization: number
  readonly leases: number
  readonly waitMillis: Pick<Distribution, "p50" | "p90" | "p99" | "max">
}

export interface Summary {
  readonly directory: string
  readonly files: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Bytes out over bytes in. */
  readonly ratio: number
  readonly seconds: number
  readonly agents: number
  readonly threads: number
  readonly pools: Readonly<Record<string, PoolSummary>>
  /** Jain's index of the files that agents got to work on: 1 is equal, 1/agents is all to one. */
  readonly fairness: number
  readonly leases: number
  readonly deadlocks: {
    readonly detected: number
    readonly retried: number
    readonly cycles: ReadonlyArray<ReadonlyArray<DeadlockStep>>
  }
  readonly capacityChanges: Progress["capacityChanges"]
  readonly registry: { readonly stored: number; readonly refused: number; readonly openPeak: number }
  readonly skipped: {
    readonly unreadable: ReadonlyArray<Unreadable>
    readonly vanished: number
    readonly symlinks: number
    readonly special: number
  }
  /** Why the manifest was not written in the end. */
  readonly manifestProblem: string | undefined
  readonly violations: ReadonlyArray<string>
}

/** (sum x)^2 / (n * sum x^2): Jain, Chiu and Hawe 1984. */
export const jain = (shares: ReadonlyArray<number>): number => {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares)
}

export interface SummaryInput {
  readonly directory: string
  readonly threads: number
  readonly seconds: number
  readonly scan: Scan
  readonly progress: Progress
  readonly checker: Checker
  readonly pools: ReadonlyArray<PoolStatistics>
  readonly agents: ReadonlyArray<AgentStatistics>
  readonly registry: RegistryCounts & { readonly stored: number }
  readonly manifestProblem: string | undefined
}

export const summarize = (input: SummaryInput): Summary => {
  const { checker, progress, registry, scan } = input
  const agents = input.agents.filter(({ agent }) => progress.agents.has(agent))
  const pools = watched.flatMap((name) => {
    const pool = input.pools.find(({ resourceType }) => resourceType === name)
    if (pool === undefined) return []
    const { max, p50, p90, p99 } = pool.waits
    const use = checker.use(name)
    const waitMillis = { p50, p90, p99, max }
    return [[name, { capacity: pool.capacity, ...use, leases: pool.acquisitions, waitMillis }] as const]
  })
  return {
    directory: input.directory,
    files: progress.files,
    bytesIn: progress.bytesIn,
    bytesOut: progress.bytesOut,
    ratio: progress.bytesIn === 0 ? 1 : progress.bytesOut / progress.bytesIn,
    seconds: input.seconds,
    agents: progress.agents.size,
    threads: input.threads,
    pools: Object.fromEntries(pools),
    fairness: jain([...progress.agents.values()].map(({ files }) => files)),
    leases: agents.reduce((total, { acquisitions }) => total + acquisitions, 0),
    deadlocks: {
      detected: progress.deadlocks.length,
      retried: progress.deadlocks.filter(({ retried }) => retried).length,
      cycles: progress.deadlocks.map(({ cycle }) => cycle)
    },
    capacityChanges: progress.capacityChanges,
    registry: { stored: registry.stored, refused: registry.refused, openPeak: registry.openPeak },
    skipped: {
      unreadable: [...scan.unreadable, ...progress.unreadable],
      vanished: progress.vanished,
      symlinks: scan.symlinks,
      special: scan.special
    },
    manifestProblem: input.manifestProblem,
    violations: checker.violations
  }
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`

const millis = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0))

const amount = (type: string, value: number) => (type === "memory" ? formatBytes(value) : String(value))

const counted = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`

/** How many unreadable files are named; the rest is counted. */
const namedMax = 10

/** How many capacities of a pool are shown, the last among them. */
const stepsMax = 6

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): Array<string> => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd()
  )
}

/** The summary as people read it. */
export const formatSummary = (summary: Summary): ReadonlyArray<string> => {
  const { deadlocks, pools, registry, skipped } = summary
  const left = [
    skipped.symlinks > 0 ? counted(skipped.symlinks, "symbolic link") : "",
    skipped.special > 0 ? counted(skipped.special, "special file") : "",
    skipped.vanished > 0 ? `${skipped.vanished} vanished` : "",
    skipped.unreadable.length > 0 ? `${skipped.unreadable.length} unreadable` : ""
  ].filter((text) => text !== "")
  const changes = Map.groupBy(summary.capacityChanges, ({ resourceType }) => resourceType)
  const scaled = [...changes].map(([type, all]) => {
    const steps = [all[0]!.from, ...all.map(({ to }) => to)]
    const named = steps.length <= stepsMax ? steps : [...steps.slice(0, stepsMax - 1), "…", steps.at(-1)!]
    return `${type} ${named.join(" → ")}`
  })
  const rows = [
    ["pool", "capacity", "peak", "used", "leases", "wait p50", "p90", "p99 ms"],
    ...Object.entries(pools).map(([name, pool]) => [
      name,
      amount(name, pool.capacity),
      amount(name, pool.peak),
      percent(pool.utilization),
      String(pool.leases),
      millis(pool.waitMillis.p50),
      millis(pool.waitMillis.p90),
      millis(pool.waitMillis.p99)
    ])
  ]
  const saved = `${formatBytes(summary.bytesIn)} → ${formatBytes(summary.bytesOut)} (${summary.bytesIn === 0 ? "-" : percent(summary.ratio)})`
  // With fewer files than agents some must go without, however fair the order.
  const fairness =
    summary.files < summary.agents ? "- (fewer files than agents)" : `${summary.fairness.toFixed(3)} (Jain)`
  return [
    `${shown(summary.directory)}: ${counted(summary.files, "file")}, ${saved} in ${summary.seconds.toFixed(1)} s`,
    ...(left.length > 0 ? [`left out: ${left.join(", ")}`] : []),
    ...skipped.unreadable.slice(0, namedMax).map(({ path, reason }) => `  ${shown(path)}: ${shown(reason)}`),
    ...(skipped.unreadable.length > namedMax ? [`  and ${skipped.unreadable.length - namedMax} more`] : []),
    "",
    ...table(rows),
    "cpu, memory and fileHandles are claimed together: their waits are those of one claim",
    "",
    `agents      ${summary.agents}, ${counted(summary.leases, "lease")} granted, fairness ${fairness}`,
    `deadlocks   ${deadlocks.detected} detected, ${deadlocks.retried} retried`,
    `scaling     ${counted(summary.capacityChanges.length, "change")}${scaled.length > 0 ? `: ${scaled.join("; ")}` : ""}`,
    `registry    ${registry.stored} digests stored, ${registry.refused} refused (429)`,
    `violations  ${summary.violations.length}`,
    ...summary.violations.slice(0, namedMax).map((violation) => `  ${shown(violation)}`)
  ]
}
