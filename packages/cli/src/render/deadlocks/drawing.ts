/**
 * The wait-for graph as nodes and edges to be drawn, as many as a person can look
 * at: the graph now, and the cycles of the latest detected deadlocks.
 *
 * Edges are what waits for what: a wait for the pools that it is short of, a pool
 * for the leases that hold it, a lease for the waits inside of it.
 */
import type { DetectedDeadlock, Deadlocks, LeaseNode, WaitGraph, WaitNode } from "@resource-manager/core/WaitGraph"
import { amount, amountIn, amountOf, claimShort, count, counted, type Types } from "../amounts.ts"
import { named } from "../names.ts"
import { duration, wallTime } from "../time.ts"
import type { Sheet } from "../views.ts"

export type NodeKind = "wait" | "lease" | "pool" | "more"

export interface DrawnNode {
  /** Letters and digits, one of its own in all groups. */
  readonly key: string
  readonly kind: NodeKind
  readonly lines: ReadonlyArray<string>
  /** Whether it is in a deadlock or behind one. */
  readonly stuck: boolean
}

export interface DrawnEdge {
  readonly from: string
  readonly to: string
  readonly kind: "waitsFor" | "heldBy" | "comesBackAfter"
  readonly label: string
  readonly stuck: boolean
}

export interface Group {
  readonly title: string
  readonly nodes: ReadonlyArray<DrawnNode>
  readonly edges: ReadonlyArray<DrawnEdge>
}

/** Waits that are drawn; the rest is counted at their pools. With their leases and pools about 50 nodes. */
export const waitsMax = 20

/** Of waits that keep nobody waiting: a few, so that one sees where they are. */
const othersMax = 6

/** Detected deadlocks that are drawn; the text tells all. */
export const detectedMax = 3

/** What explains most is drawn first: what is stuck, then what keeps leases from coming back, then the rest. */
const weight = (wait: WaitNode): number => (wait.stuck ? 0 : wait.inside.length > 0 ? 1 : 2)

const chosenWaits = ({ waits }: WaitGraph): ReadonlyArray<WaitNode> => {
  const sorted = waits.toSorted((a, b) => weight(a) - weight(b) || a.id - b.id)
  const telling = sorted.filter((wait) => weight(wait) < 2).slice(0, waitsMax)
  const others = sorted.filter((wait) => weight(wait) === 2).slice(0, othersMax)
  return [...telling, ...others].toSorted((a, b) => a.id - b.id)
}

/** The leases to draw: those that hold what a wait asks for, and the innermost around each wait. */
const chosenLeases = (graph: WaitGraph, waits: ReadonlyArray<WaitNode>): ReadonlyArray<LeaseNode> => {
  const asked = new Set(waits.flatMap(({ short }) => short))
  const innermost = new Set(waits.flatMap(({ inside }) => inside.slice(0, 1)))
  const around = new Set(waits.flatMap(({ inside }) => inside))
  return graph.leases.filter(
    ({ claim, id }) =>
      innermost.has(id) ||
      (around.has(id) && Object.keys(claim).some((type) => asked.has(type) && amountIn(claim, type) > 0))
  )
}

const waitDrawn = (wait: WaitNode, types: Types): DrawnNode => ({
  key: `w${wait.id}`,
  kind: "wait",
  stuck: wait.stuck,
  lines: [
    `waiter ${wait.id}: ${named(wait.agent)}`,
    wait.grows === undefined
      ? `asks for ${claimShort(types, wait.claim)}`
      : `grows lease ${wait.grows} by ${claimShort(types, wait.claim)}`,
    wait.stuck ? `deadlocked for ${duration(wait.waitedMillis)}` : `waits for ${duration(wait.waitedMillis)}`
  ]
})

const leaseDrawn = (lease: LeaseNode, stuck: boolean, types: Types): DrawnNode => ({
  key: `l${lease.id}`,
  kind: "lease",
  stuck,
  lines: [
    `lease ${lease.id}: ${named(lease.agent)}`,
    `holds ${claimShort(types, lease.claim)}`,
    lease.expiresInMillis === undefined
      ? `for ${duration(lease.heldMillis)}`
      : `expires in ${duration(lease.expiresInMillis)}`
  ]
})

/** What of the graph is drawn, and what of it is stuck. */
interface Chosen {
  readonly waits: ReadonlyArray<WaitNode>
  readonly leases: ReadonlyArray<LeaseNode>
  readonly pools: WaitGraph["pools"]
  readonly poolKeys: ReadonlyMap<string, string>
  readonly stuckLeases: ReadonlySet<number>
  readonly stuckTypes: ReadonlySet<string>
}

const choose = (graph: WaitGraph): Chosen => {
  const waits = chosenWaits(graph)
  const asked = new Set(waits.flatMap(({ short }) => short))
  const pools = graph.pools.filter(({ resourceType }) => asked.has(resourceType))
  const stuck = waits.filter((wait) => wait.stuck)
  return {
    waits,
    leases: chosenLeases(graph, waits),
    pools,
    poolKeys: new Map(pools.map(({ resourceType }, index) => [resourceType, `p${index}`])),
    stuckLeases: new Set(stuck.flatMap(({ inside }) => inside)),
    stuckTypes: new Set(stuck.flatMap(({ short }) => short))
  }
}

const poolDrawn = (
  pool: WaitGraph["pools"][number],
  { leases, poolKeys, stuckTypes }: Chosen,
  types: Types
): DrawnNode => {
  const { capacity, inUse, resourceType } = pool
  const rest = inUse - leases.reduce((sum, { claim }) => sum + amountIn(claim, resourceType), 0)
  return {
    key: poolKeys.get(resourceType) ?? "",
    kind: "pool",
    stuck: stuckTypes.has(resourceType),
    lines: [
      `pool ${named(resourceType)}`,
      `${amountOf(types, resourceType, inUse, capacity)} in use`,
      ...(rest > 0 ? [`${amount(types, resourceType, rest)} in other leases`] : [])
    ]
  }
}

/** Waits that are not drawn are counted where they wait. */
const moreDrawn = ({ poolKeys, pools, waits }: Chosen): ReadonlyArray<readonly [DrawnNode, DrawnEdge]> =>
  pools.flatMap(({ resourceType, waiting }): ReadonlyArray<readonly [DrawnNode, DrawnEdge]> => {
    const rest = waiting - waits.filter(({ claim }) => amountIn(claim, resourceType) > 0).length
    const pool = poolKeys.get(resourceType) ?? ""
    const lines = [`${count(rest)} more ${rest === 1 ? "waits" : "wait"}`]
    const edge: DrawnEdge = { from: `m${pool}`, to: pool, kind: "waitsFor", label: "", stuck: false }
    return rest > 0 ? [[{ key: `m${pool}`, kind: "more", stuck: false, lines }, edge]] : []
  })

const edgesOf = (
  { leases, poolKeys, pools, stuckLeases, stuckTypes, waits }: Chosen,
  types: Types
): ReadonlyArray<DrawnEdge> => {
  const waitsFor = waits.flatMap((wait) =>
    wait.short.map((type): DrawnEdge => ({
      from: `w${wait.id}`,
      to: poolKeys.get(type) ?? "",
      kind: "waitsFor",
      label: amount(types, type, amountIn(wait.claim, type)),
      stuck: wait.stuck
    }))
  )
  const heldBy = pools.flatMap(({ resourceType: type }) =>
    leases
      .filter(({ claim }) => amountIn(claim, type) > 0)
      .map((lease): DrawnEdge => ({
        from: poolKeys.get(type) ?? "",
        to: `l${lease.id}`,
        kind: "heldBy",
        label: amount(types, type, amountIn(lease.claim, type)),
        stuck: stuckTypes.has(type) && stuckLeases.has(lease.id)
      }))
  )
  const comesBackAfter = leases.flatMap(({ id }) =>
    waits
      .filter(({ inside }) => inside.includes(id))
      .map((wait): DrawnEdge => ({
        from: `l${id}`,
        to: `w${wait.id}`,
        kind: "comesBackAfter",
        label: "",
        stuck: wait.stuck
      }))
  )
  return [...waitsFor, ...heldBy, ...comesBackAfter]
}

const nowGroup = (graph: WaitGraph, types: Types): Group => {
  const chosen = choose(graph)
  const more = moreDrawn(chosen)
  return {
    title: nowTitle(graph),
    nodes: [
      ...chosen.waits.map((wait) => waitDrawn(wait, types)),
      ...chosen.pools.map((pool) => poolDrawn(pool, chosen, types)),
      ...chosen.leases.map((lease) => leaseDrawn(lease, chosen.stuckLeases.has(lease.id), types)),
      ...more.map(([node]) => node)
    ],
    edges: [...edgesOf(chosen, types), ...more.map(([, edge]) => edge)]
  }
}

/** What the graph now comes to. */
export const nowTitle = ({ leases, waits, waitsTotal }: WaitGraph): string => {
  const stuck = waits.filter((wait) => wait.stuck).length
  if (waitsTotal === 0) return "Now nobody waits."
  const inside = `${counted(leases.length, "lease")} with waits inside`
  const found = stuck === 0 ? "every wait can be served" : `${count(stuck)} deadlocked, or behind a deadlock`
  return `Now ${counted(waitsTotal, "waiter")}, ${inside}: ${found}.`
}

/** `2026-11-23 14:03:12.345: a asked for x 1 and would have waited for ever` */
export const detectedTitle = ({ agent, claim, detectedAt }: DetectedDeadlock, { types, zone }: Sheet): string =>
  `${wallTime(detectedAt, zone)}: ${named(agent)} asked for ${claimShort(types, claim)} and would have waited for ever`

/** A cycle that was refused: each agent waits for a pool that the next one's lease holds. */
const detectedGroup = (detected: DetectedDeadlock, index: number, sheet: Sheet): Group => {
  const { types } = sheet
  const key = (kind: string, step: number) => `d${index}${kind}${step}`
  const { cycle } = detected
  const nodes = cycle.flatMap((step, at): ReadonlyArray<DrawnNode> => {
    const { agent, heldBy, holds, lease, requested, resourceType: type } = step
    return [
      {
        key: key("w", at),
        kind: "wait",
        stuck: true,
        lines: [named(agent), `asked for ${amount(types, type, requested)} of ${named(type)}`]
      },
      {
        key: key("l", at),
        kind: "lease",
        stuck: true,
        lines: [`lease ${lease}: ${named(heldBy)}`, `held ${amount(types, type, holds)} of ${named(type)}`]
      }
    ]
  })
  const edges = cycle.flatMap(({ resourceType }, at): ReadonlyArray<DrawnEdge> => [
    { from: key("w", at), to: key("l", at), kind: "waitsFor", label: named(resourceType), stuck: true },
    { from: key("l", at), to: key("w", (at + 1) % cycle.length), kind: "comesBackAfter", label: "", stuck: true }
  ])
  return { title: detectedTitle(detected, sheet), nodes, edges }
}

/** Nodes once each, and edges between nodes that are there: a daemon's answer is not trusted to be whole. */
const sound = ({ edges, nodes, title }: Group): Group => {
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  return { title, nodes: [...byKey.values()], edges: edges.filter(({ from, to }) => byKey.has(from) && byKey.has(to)) }
}

/** What to draw: the graph now, where anybody waits, and the latest cycles. */
export const groupsOf = ({ detected, graph }: Deadlocks, sheet: Sheet): ReadonlyArray<Group> =>
  [
    ...(graph.waits.length === 0 ? [] : [nowGroup(graph, sheet.types)]),
    ...detected.slice(0, detectedMax).map((each, index) => detectedGroup(each, index, sheet))
  ].map(sound)
