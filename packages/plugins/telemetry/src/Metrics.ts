/**
 * Every metric that is told, in one place: names and units of OpenTelemetry, from
 * which the names of the Prometheus page follow by the mapping that OpenTelemetry
 * lays down. `docs/metrics.md` is this table.
 */

/** What tells series of one metric apart. */
export type AttributeName = "resource_type" | "agent" | "error.type"

export interface Metric {
  readonly name: string
  /** The kind of instrument. A sum of amounts of the moment is an `upDownCounter`; what makes no sense as a sum, a `gauge`. */
  readonly kind: "counter" | "upDownCounter" | "gauge" | "histogram"
  /** As UCUM writes it; in braces is what is counted. */
  readonly unit: string
  readonly attributes: ReadonlyArray<AttributeName>
  readonly description: string
}

const ofPool: ReadonlyArray<AttributeName> = ["resource_type"]
const ofAgent: ReadonlyArray<AttributeName> = ["agent"]
const ofAccount: ReadonlyArray<AttributeName> = ["agent", "resource_type"]

export const poolLimit: Metric = {
  name: "resource_manager.pool.limit",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofPool,
  description: "The pool's capacity now, in the smallest unit of its type (memory: bytes)"
}

export const poolUsage: Metric = {
  name: "resource_manager.pool.usage",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofPool,
  description: "Units in use"
}

export const poolEarmarked: Metric = {
  name: "resource_manager.pool.earmarked",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofPool,
  description: "Units that are free and kept for claims that wait"
}

export const poolRequested: Metric = {
  name: "resource_manager.pool.requested",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofPool,
  description: "Units that waiting claims ask for"
}

export const poolFairness: Metric = {
  name: "resource_manager.pool.fairness",
  kind: "gauge",
  unit: "1",
  attributes: ofPool,
  description:
    "How evenly agents that hold or wait share the pool, by weight (Jain's index): 1 evenly, 1/n where one of n has all"
}

export const poolWaiters: Metric = {
  name: "resource_manager.pool.waiters",
  kind: "upDownCounter",
  unit: "{claim}",
  attributes: ofPool,
  description: "Claims that wait for the pool"
}

export const poolTokens: Metric = {
  name: "resource_manager.pool.tokens",
  kind: "gauge",
  unit: "{token}",
  attributes: ofPool,
  description: "Whole tokens of the pool's rate that are there; only of pools with a rate"
}

export const claimGranted: Metric = {
  name: "resource_manager.claim.granted",
  kind: "counter",
  unit: "{claim}",
  attributes: ofPool,
  description: "Claims granted. One over several types counts in each of their pools"
}

export const claimFailed: Metric = {
  name: "resource_manager.claim.failed",
  kind: "counter",
  unit: "{claim}",
  attributes: ["resource_type", "error.type"],
  description: "Claims that ended without a lease, by the error. One over several types counts in each of their pools"
}

export const claimWaitDuration: Metric = {
  name: "resource_manager.claim.wait.duration",
  kind: "histogram",
  unit: "s",
  attributes: ofPool,
  description: "How long claims had waited when they were granted"
}

export const leaseHoldDuration: Metric = {
  name: "resource_manager.lease.hold.duration",
  kind: "histogram",
  unit: "s",
  attributes: ofPool,
  description: "How long leases had been held when they came back"
}

export const agentKnown: Metric = {
  name: "resource_manager.agent.known",
  kind: "upDownCounter",
  unit: "{agent}",
  attributes: [],
  description: "Agents that the manager has met"
}

export const agentUsage: Metric = {
  name: "resource_manager.agent.usage",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofAccount,
  description: "Units that the agent holds"
}

export const agentLimit: Metric = {
  name: "resource_manager.agent.limit",
  kind: "upDownCounter",
  unit: "{unit}",
  attributes: ofAccount,
  description: "The agent's quota; only where one is set, and of agents told by name"
}

export const agentWaiters: Metric = {
  name: "resource_manager.agent.waiters",
  kind: "upDownCounter",
  unit: "{claim}",
  attributes: ofAgent,
  description: "Claims of the agent that wait"
}

export const agentClaimGranted: Metric = {
  name: "resource_manager.agent.claim.granted",
  kind: "counter",
  unit: "{claim}",
  attributes: ofAgent,
  description: "Claims of the agent granted, each counted once"
}

export const agentClaimFailed: Metric = {
  name: "resource_manager.agent.claim.failed",
  kind: "counter",
  unit: "{claim}",
  attributes: ["agent", "error.type"],
  description: "Claims of the agent that ended without a lease, by the error, each counted once"
}

export const agentWaitTime: Metric = {
  name: "resource_manager.agent.wait.time",
  kind: "counter",
  unit: "s",
  attributes: ofAgent,
  description: "Time that granted claims of the agent had waited, in all"
}

export const agentHoldTime: Metric = {
  name: "resource_manager.agent.hold.time",
  kind: "counter",
  unit: "s",
  attributes: ofAgent,
  description: "Time that returned leases of the agent had been held, in all"
}

export const daemonConnections: Metric = {
  name: "resource_manager.daemon.connections",
  kind: "upDownCounter",
  unit: "{connection}",
  attributes: [],
  description: "Connections of clients; only of a daemon"
}

export const daemonSessions: Metric = {
  name: "resource_manager.daemon.sessions",
  kind: "upDownCounter",
  unit: "{session}",
  attributes: [],
  description: "Sessions of clients, those included whose client is away for now; only of a daemon"
}

export const daemonOrphans: Metric = {
  name: "resource_manager.daemon.orphans",
  kind: "upDownCounter",
  unit: "{lease}",
  attributes: [],
  description: "Leases whose session has ended, kept for processes that will not end; only of a daemon"
}

/** Those that a daemon has besides. */
export const ofDaemon: ReadonlyArray<Metric> = [daemonConnections, daemonSessions, daemonOrphans]

/** All of them, in the order of the page. */
export const all: ReadonlyArray<Metric> = [
  poolLimit,
  poolUsage,
  poolEarmarked,
  poolRequested,
  poolFairness,
  poolWaiters,
  poolTokens,
  claimGranted,
  claimFailed,
  claimWaitDuration,
  leaseHoldDuration,
  agentKnown,
  agentUsage,
  agentLimit,
  agentWaiters,
  agentClaimGranted,
  agentClaimFailed,
  agentWaitTime,
  agentHoldTime,
  ...ofDaemon
]

/** Upper bounds of the buckets of durations, in seconds, unless others are given. */
export const durationBounds: ReadonlyArray<number> = [
  0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400
]

/** The agent under which all agents without series of their own are summed. */
export const otherAgents = "other"

const sanitized = (name: string): string => name.replaceAll(/[^A-Za-z0-9_:]+/g, "_")

/** What the Prometheus page calls a metric: its unit and, where it only grows, `_total` are at the end. */
export const prometheusName = ({ kind, name, unit }: Metric): string => {
  const suffix = { s: "_seconds", By: "_bytes", "1": kind === "gauge" ? "_ratio" : "" }[unit] ?? ""
  return `${sanitized(name)}${suffix}${kind === "counter" ? "_total" : ""}`
}

/** The same of an attribute, which is a label there. */
export const prometheusLabel = (attribute: AttributeName): string => sanitized(attribute)
