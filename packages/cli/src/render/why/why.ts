/**
 * `why`: every reason of a wait at once, with who holds what and since when, who is
 * ahead, and the earliest time where that is known. The last lines are what would
 * help (see `hints.ts` and `agentHints.ts`).
 */
import type { WaitReason } from "@resource-manager/core/Statistics"
import { amount, amountIn, amountOf, claimShort, count, counted, rateText, type Types } from "../amounts.ts"
import { command } from "../commands.ts"
import { endingText } from "../endings.ts"
import { failuresText } from "../failures.ts"
import { nameCell, named } from "../names.ts"
import { byWeight } from "../reasons.ts"
import { type Column, fields, paragraph, table } from "../table.ts"
import { joinText, line, span, type Text, widthOf } from "../text.ts"
import { duration } from "../time.ts"
import type { AgentStatistics, HeldLease, OverviewView, Sheet, WaiterView } from "../views.ts"
import { hintForAgent } from "./agentHints.ts"
import { type Hint, hintForWaiter } from "./hints.ts"
import { held, Scene } from "./scene.ts"

/** How many holders, waiters ahead and waits of an agent are named; the rest is counted. */
const namedMax = 10

const indent = "  "

const narrower = (sheet: Sheet): Sheet => ({ ...sheet, width: Math.max(1, sheet.width - indent.length) })

/** The first rows as a table, and how many more there are. */
const someRows = <Row>(
  rows: ReadonlyArray<Row>,
  columns: ReadonlyArray<Column<Row>>,
  what: string,
  sheet: Sheet
): ReadonlyArray<string> => {
  if (rows.length === 0) return []
  const { style, width } = narrower(sheet)
  const rest = rows.length - namedMax
  const lines = [
    ...table(rows.slice(0, namedMax), columns, { style, width }),
    ...(rest > 0 ? [line(span("dim", `and ${counted(rest, `more ${what}`)}`), width, style)] : [])
  ]
  return lines.map((text) => `${indent}${text}`)
}

/** What a lease is to the waiter, and what it waits for itself. */
const noteOf = (lease: HeldLease, waiter: WaiterView, scene: Scene, types: Types): Text => {
  const wait = scene.waitInside(lease)
  const isAround = scene.around(waiter.parent).includes(lease)
  const parts: ReadonlyArray<Text> = [
    ...(lease.orphaned === true ? [span("bad", "orphaned")] : []),
    ...(isAround ? ["this wait is inside it"] : lease.agent === waiter.agent ? ["of the same agent"] : []),
    ...(wait === undefined || isAround ? [] : [`waits for ${claimShort(types, wait.claim)} (waiter ${wait.id})`]),
    ...(lease.ending === undefined
      ? lease.expiresInMillis === undefined
        ? []
        : [`expires in ${duration(lease.expiresInMillis)}`]
      : [endingText(lease.ending)])
  ]
  return joinText(parts, ", ")
}

const holders = (type: string, waiter: WaiterView, scene: Scene, sheet: Sheet): ReadonlyArray<string> => {
  const all = scene.holdersOf(type)
  const notes = new Map(all.slice(0, namedMax).map((lease) => [lease, noteOf(lease, waiter, scene, sheet.types)]))
  const hasNotes = [...notes.values()].some((note) => widthOf(note) > 0)
  const columns: ReadonlyArray<Column<HeldLease>> = [
    { header: "LEASE", cell: ({ id }) => String(id), align: "right" },
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
    { header: "AMOUNT", cell: (lease) => amount(sheet.types, type, held(lease, type)), align: "right" },
    { header: "HELD", cell: ({ heldMillis }) => duration(heldMillis), align: "right", hide: 2 },
    ...(hasNotes ? [{ header: "NOTE", cell: (lease: HeldLease) => notes.get(lease) ?? "", least: 20, hide: 1 }] : [])
  ]
  return someRows(all, columns, "lease", sheet)
}

const ahead = (type: string, waiter: WaiterView, scene: Scene, sheet: Sheet): ReadonlyArray<string> => {
  const all = scene.aheadOf(waiter, type)
  const isKept = ({ earmarked }: WaiterView) => earmarked.includes(type)
  const note = { header: "NOTE", cell: (each: WaiterView) => (isKept(each) ? "kept for it" : ""), hide: 1 }
  const columns: ReadonlyArray<Column<WaiterView>> = [
    { header: "WAITER", cell: ({ id }) => String(id), align: "right" },
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
    { header: "AMOUNT", cell: ({ claim }) => amount(sheet.types, type, amountIn(claim, type)), align: "right" },
    { header: "WAITED", cell: ({ waitedMillis }) => duration(waitedMillis), align: "right", hide: 2 },
    ...(all.some(isKept) ? [note] : [])
  ]
  return someRows(all, columns, "waiter", sheet)
}

interface Told {
  readonly text: string
  readonly below?: ReadonlyArray<string>
}

const tell = (reason: WaitReason, waiter: WaiterView, scene: Scene, sheet: Sheet): Told => {
  const { available = 0, requested = 0, resourceType: type } = reason
  const { types } = sheet
  const pool = scene.pool(type)
  const capacity = pool?.capacity ?? 0
  switch (reason._tag) {
    case "Capacity": {
      const text = `capacity: asks for ${amount(types, type, requested)}, ${amountOf(types, type, available, capacity)} free`
      return { text, below: holders(type, waiter, scene, sheet) }
    }
    case "Growth": {
      const note = pool?.note === undefined ? "" : ` (${pool.note})`
      const has = `the pool has ${amount(types, type, capacity)}${note}`
      const most = `may grow to ${amount(types, type, pool?.maxCapacity ?? capacity)}`
      return { text: `growth: asks for ${amount(types, type, requested)}, ${has} and ${most}` }
    }
    case "Reservation": {
      const text = `reservation: asks for ${amount(types, type, requested)}, ${amountOf(types, type, available, capacity)} free and promised to nobody else`
      const below = (reason.kept ?? []).map((kept) => {
        const when = kept.inMillis > 0 ? `in ${duration(kept.inMillis)}` : "now"
        return line(
          [indent, `${amount(types, type, kept.amount)} reserved for ${named(kept.for)}, ${when}`],
          sheet.width,
          sheet.style
        )
      })
      return { text, below }
    }
    case "Rate": {
      const rate = pool?.rate === undefined ? "" : ` at ${rateText(pool.rate)}`
      const when =
        reason.readyInMillis === undefined
          ? "what there is is kept for those ahead"
          : `enough in ${duration(reason.readyInMillis)}`
      return { text: `rate: needs ${counted(requested, "token")}${rate}, ${count(available)} there, ${when}` }
    }
    case "Quota":
      // The manager's own words name the level, what is in use there and who has borrowed it.
      return { text: `quota: ${reason.message.slice(type.length + 2)}` }
    case "Safety": {
      const left = amount(types, type, available)
      const below = (reason.declared ?? []).map(({ agent, amount: most, lease }) => {
        const who = lease === 0 || lease === waiter.id ? "the claim itself" : `lease ${lease} of ${named(agent)}`
        return line([indent, `${who} may ask for ${amount(types, type, most)} more`], sheet.width, sheet.style)
      })
      const text = `safety: it is there, and to grant it would risk a deadlock: ${left} would be left, by what was declared`
      return { text, below }
    }
    case "Order":
      return {
        text: `order: ${count(reason.ahead)} ahead in the queue${standing(waiter)}`,
        below: ahead(type, waiter, scene, sheet)
      }
  }
}

const decides = {
  rescued: "which has waited for so long",
  committed: "which was next before",
  share: "of an agent with a lower share",
  priority: "of higher priority",
  size: "which is smaller",
  arrival: "which came before"
} as const

type Ahead = NonNullable<WaiterView["standing"]>["ahead"][number]

/** Where groups are compared, who is in them does not decide: they are named. */
const decidesText = ({ because, behind, group }: Ahead): string => {
  if (because !== "share" || (group === undefined && behind === undefined)) return decides[because]
  const lower = group === undefined ? "which has a lower share" : `whose group ${named(group)} has a lower share`
  return behind === undefined ? `${lower} than its agent` : `${lower} than its group ${named(behind)}`
}

/** What was done for it that no reason tells, because nobody is ahead of it. */
const placeText = (waiter: WaiterView): string | undefined => {
  const told = waiter.reasons.some(({ _tag }) => _tag === "Order") ? "" : standing(waiter).replace(/^[;,] /, "")
  return told === "" ? undefined : told
}

/** Why the first of those ahead is, where a policy says who goes first; and how often it was passed. */
const standing = ({ standing }: WaiterView): string => {
  if (standing === undefined) return ""
  const { inherits, passed, passedMax, priority, rescued } = standing
  const [first] = standing.ahead
  return [
    first === undefined ? "" : `, the first is ${first.id} of ${first.agent}, ${decidesText(first)}`,
    inherits ? `; it runs at priority ${priority}, which it inherits` : "",
    rescued ? "; it goes before all others now, for it has waited for so long" : "",
    passed === 0 ? "" : `; passed ${passed}${passedMax === undefined ? "" : ` of ${passedMax}`} times`,
    passedMax !== undefined && passed >= passedMax ? ", and no more: what comes back is kept for it" : ""
  ].join("")
}

const reasonLines = (waiter: WaiterView, scene: Scene, sheet: Sheet): ReadonlyArray<string> =>
  byWeight(waiter.reasons).flatMap((reason) => {
    const { below = [], text } = tell(reason, waiter, scene, sheet)
    const name = nameCell(reason.resourceType)
    const room = Math.max(1, sheet.width - widthOf(name) - indent.length)
    const [first = "", ...rest] = paragraph(text, { ...sheet, width: room })
    const head = line(joinText([name, first], indent), sheet.width, sheet.style)
    return ["", head, ...rest.map((each) => line([indent, each], sheet.width, sheet.style)), ...below]
  })

const insideText = (waiter: WaiterView, scene: Scene, { types }: Sheet): string | undefined => {
  const chain = scene
    .around(waiter.parent)
    .map((lease) => `lease ${lease.id} (${claimShort(types, lease.claim)}, held ${duration(lease.heldMillis)})`)
  if (chain.length > 0) return chain.join(", inside ")
  return waiter.parent === undefined ? undefined : `lease ${waiter.parent}`
}

/** The command last, on a line of its own and never cut: it is to be run. */
const hintLines = ({ command: run, text }: Hint, sheet: Sheet): ReadonlyArray<string> => [
  "",
  ...paragraph(`Hint: ${text}`, sheet),
  ...(run === undefined ? [] : [line([indent, span("strong", run)], Infinity, sheet.style)])
]

const waiterPage = (waiter: WaiterView, scene: Scene, sheet: Sheet): ReadonlyArray<string> => {
  const { style, types, width } = sheet
  const { earliestInMillis, earmarked, timesOutInMillis } = waiter
  const asks = ` asks for ${claimShort(types, waiter.claim)}`
  const timeOut = timesOutInMillis === undefined ? "" : `, gives up in ${duration(timesOutInMillis)}`
  return [
    line([span("strong", `Waiter ${waiter.id}`), ": ", nameCell(waiter.agent), asks], width, style),
    ...fields(
      [
        ["waited", `${duration(waiter.waitedMillis)}${timeOut}`],
        ["inside", insideText(waiter, scene, sheet)],
        ["kept for it", earmarked.length === 0 ? undefined : `what it needs of ${earmarked.map(named).join(", ")}`],
        ["exempt", waiter.exempt ? "may pass the queue: order alone would keep it for ever" : undefined],
        ["earliest", earliestInMillis === undefined ? undefined : `in ${duration(earliestInMillis)}`],
        ["order", placeText(waiter)]
      ],
      sheet
    ),
    ...reasonLines(waiter, scene, sheet),
    ...hintLines(hintForWaiter(waiter, scene, types), sheet)
  ]
}

const quotasText = (agent: AgentStatistics, { types }: Sheet): string | undefined => {
  const limited = Object.entries(agent.accounts).flatMap(([type, account]) =>
    account.quota === undefined ? [] : [`${named(type)} ${amountOf(types, type, account.held, account.quota)}`]
  )
  return limited.length === 0 ? undefined : limited.join(", ")
}

const agentPage = (agent: AgentStatistics, scene: Scene, sheet: Sheet): ReadonlyArray<string> => {
  const holds = Object.fromEntries(
    Object.entries(agent.accounts).flatMap(([type, account]) => (account.held > 0 ? [[type, account.held]] : []))
  )
  return [
    line([nameCell(agent.agent), " waits for nothing"], sheet.width, sheet.style),
    ...fields(
      [
        ["holds", claimShort(sheet.types, holds) || "nothing"],
        ["of its quotas", quotasText(agent, sheet)],
        ["failed", failuresText(agent.failures)]
      ],
      sheet
    ),
    ...hintLines(hintForAgent(agent, scene.overview, sheet.types), sheet)
  ]
}

/** Why a waiter waits, by its number. */
const whyWaiter = (id: number, scene: Scene, sheet: Sheet): ReadonlyArray<string> | undefined => {
  const waiter = scene.overview.waiters.find((each) => each.id === id)
  if (waiter !== undefined) return waiterPage(waiter, scene, sheet)
  const lease = scene.overview.leases.find((each) => each.id === id)
  if (lease === undefined) return undefined
  const what = `a lease of ${named(lease.agent)} (${claimShort(sheet.types, lease.claim)})`
  return paragraph(`${id} does not wait: it is ${what}, held for ${duration(lease.heldMillis)}.`, sheet)
}

/** Why an agent waits: each of its waits. Or what was refused to it. */
const whyAgent = (name: string, scene: Scene, sheet: Sheet): ReadonlyArray<string> | undefined => {
  const waits = scene.overview.waiters.filter(({ agent }) => agent === name)
  if (waits.length === 0) {
    const agent = scene.overview.agents.find((each) => each.agent === name)
    return agent === undefined ? undefined : agentPage(agent, scene, sheet)
  }
  const rest = waits.length - namedMax
  // Said first: the last line is a hint.
  const total = `${named(name)} has ${count(waits.length)} waits; the ${namedMax} that are first:`
  const pages = waits.slice(0, namedMax).map((waiter) => waiterPage(waiter, scene, sheet))
  return [
    ...(rest > 0 ? [...paragraph(total, sheet), ""] : []),
    ...pages.flatMap((page, index) => (index === 0 ? page : ["", ...page]))
  ]
}

/**
 * The page of a waiter (its number) or an agent (its name; where it is written as a
 * number, a waiter or lease of that number comes first). `undefined` where there is neither.
 */
export const why = (target: string, overview: OverviewView, sheet: Sheet): ReadonlyArray<string> | undefined => {
  const scene = new Scene(overview)
  const page = /^\d{1,15}$/.test(target) ? whyWaiter(Number(target), scene, sheet) : undefined
  return page ?? whyAgent(target, scene, sheet)
}

/** What to say where there is neither. */
export const whyNobody = (target: string, sheet: Sheet): ReadonlyArray<string> =>
  paragraph(
    `Neither a waiter nor an agent is called ${named(target)}: see \`${command("waiters list")}\` and \`${command("agents list")}\`.`,
    sheet
  )
