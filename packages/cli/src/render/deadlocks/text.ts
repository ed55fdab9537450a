/** `deadlocks` as text: each wait with what it is inside of and who holds what it lacks, then what was detected. */
import type { DeadlockStep } from "@resource-manager/core/Errors"
import type { Deadlocks, DetectedDeadlock, WaitGraph, WaitNode } from "@resource-manager/core/WaitGraph"
import { amount, amountIn, amountOf, claimShort, count, counted } from "../amounts.ts"
import { command } from "../commands.ts"
import { nameCell, named } from "../names.ts"
import { paragraph } from "../table.ts"
import { line, span, type Text } from "../text.ts"
import { duration } from "../time.ts"
import type { Sheet } from "../views.ts"
import { detectedTitle, nowTitle, waitsMax } from "./drawing.ts"

/** How many leases of a pool are named below a wait; the rest is counted. */
const holdersMax = 5

const poolLines = (type: string, graph: WaitGraph, sheet: Sheet): ReadonlyArray<Text> => {
  const pool = graph.pools.find(({ resourceType }) => resourceType === type)
  if (pool === undefined) return []
  const { types } = sheet
  const holders = graph.leases.filter(({ claim }) => amountIn(claim, type) > 0)
  const rest = pool.inUse - holders.reduce((sum, { claim }) => sum + amountIn(claim, type), 0)
  return [
    ["  lacks ", nameCell(type), `: ${amountOf(types, type, pool.inUse, pool.capacity)} in use`],
    ...holders.slice(0, holdersMax).map(({ agent, claim, id }): Text => {
      const inner = graph.waits.filter(({ inside }) => inside.includes(id)).map((wait) => wait.id)
      const waits = inner.length === 0 ? "" : `, which comes back after waiter ${inner.join(", ")}`
      return [`    ${amount(types, type, amountIn(claim, type))} in lease ${id} of `, nameCell(agent), waits]
    }),
    ...(holders.length > holdersMax
      ? [`    and ${counted(holders.length - holdersMax, "more lease")} with waits inside`]
      : []),
    ...(rest > 0 ? [`    ${amount(types, type, rest)} in leases that come back by themselves`] : [])
  ]
}

const insideText = ({ grows, inside }: WaitNode, graph: WaitGraph, { types }: Sheet): string | undefined => {
  if (inside.length === 0) return undefined
  const leases = inside.map((id) => {
    const lease = graph.leases.find((each) => each.id === id)
    const holds = lease === undefined ? "" : ` (${claimShort(types, lease.claim)}, held ${duration(lease.heldMillis)})`
    return `lease ${id}${holds}${grows === id ? ", which it grows" : ""}`
  })
  return `  inside ${leases.join(", inside ")}`
}

const waitLines = (wait: WaitNode, graph: WaitGraph, sheet: Sheet): ReadonlyArray<string> => {
  const { style, types, width } = sheet
  const inside = insideText(wait, graph, sheet)
  // Before what may be cut.
  const state = wait.stuck ? [span("bad", ", deadlocked")] : wait.exempt ? [span("warn", ", may pass the queue")] : []
  const head: Text = [
    span("strong", `Waiter ${wait.id}`),
    ...state,
    ": ",
    nameCell(wait.agent),
    ` asks for ${claimShort(types, wait.claim)}, for ${duration(wait.waitedMillis)} now`
  ]
  const told: ReadonlyArray<Text> = [
    ...(inside === undefined ? [] : [inside]),
    ...wait.short.flatMap((type) => poolLines(type, graph, sheet)),
    ...(wait.timesOutInMillis === undefined ? [] : [`  gives up in ${duration(wait.timesOutInMillis)}`])
  ]
  return ["", ...[head, ...told].map((text) => line(text, width, style))]
}

const stepText = (
  { agent, heldBy, holds, lease, requested, resourceType: type }: DeadlockStep,
  { types }: Sheet
): Text => [
  "  ",
  nameCell(agent),
  ` waits for ${amount(types, type, requested)} of ${named(type)}, of which `,
  nameCell(heldBy),
  ` holds ${amount(types, type, holds)} (lease ${lease})`
]

const detectedLines = (detected: DetectedDeadlock, sheet: Sheet): ReadonlyArray<string> =>
  ["", detectedTitle(detected, sheet), ...detected.cycle.map((step) => stepText(step, sheet))].map((text) =>
    line(text, sheet.width, sheet.style)
  )

/** What would help: to take the lease that was granted last of those with stuck waits inside. */
const hintLines = (graph: WaitGraph, sheet: Sheet): ReadonlyArray<string> => {
  const stuck = new Set(graph.waits.flatMap((wait) => (wait.stuck ? wait.inside : [])))
  const youngest = graph.leases.findLast(({ expiresInMillis, id }) => stuck.has(id) && expiresInMillis === undefined)
  if (youngest === undefined) return []
  const text = `Hint: nobody looks for deadlocks here. Lease ${youngest.id} of ${named(youngest.agent)} is the youngest in it; to take it:`
  return [
    "",
    ...paragraph(text, sheet),
    line(["  ", span("strong", command("leases revoke", youngest.id))], Infinity, sheet.style)
  ]
}

/** Waits that say something about deadlocks: those that are stuck, and those that keep a lease. */
const telling = ({ waits }: WaitGraph): ReadonlyArray<WaitNode> =>
  waits.filter(({ inside, stuck }) => stuck || inside.length > 0)

export const deadlocksText = ({ detected, detectedTotal, graph }: Deadlocks, sheet: Sheet): ReadonlyArray<string> => {
  const { style, width } = sheet
  const waits = telling(graph)
  const shown = waits.slice(0, waitsMax)
  const more = waits.length - shown.length
  const total = `${counted(detectedTotal, "deadlock")} detected since the start${detectedTotal > detected.length ? `, the last ${count(detected.length)} of them` : ""}:`
  return [
    ...paragraph(nowTitle(graph), sheet),
    ...shown.flatMap((wait) => waitLines(wait, graph, sheet)),
    ...(more > 0 ? ["", line(span("dim", `and ${counted(more, "more waiter")} inside leases`), width, style)] : []),
    ...hintLines(graph, sheet),
    "",
    ...(detectedTotal === 0
      ? paragraph("No deadlock was detected since the start.", sheet)
      : [line(span("strong", total), width, style), ...detected.flatMap((each) => detectedLines(each, sheet))])
  ]
}
