/** `pools list` and `pools show`. */
import type { Distribution } from "@resource-manager/core/Statistics"
import { amount, amountIn, amountOf, count, counted, frequency, isUnlimited, percent, rateText } from "./amounts.ts"
import { bar } from "./bar.ts"
import { command } from "./commands.ts"
import { failuresText, failuresTotal } from "./failures.ts"
import { nameCell, named } from "./names.ts"
import { type Column, fields, table } from "./table.ts"
import { joinText, line, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { HeldLease, PoolStatistics, Sheet, WaiterView } from "./views.ts"

const barWidth = 16

/** `50/s, 42 left`; `-` where there is no rate. */
export const rateCell = (pool: PoolStatistics): string => {
  const tokens = pool.tokens === undefined ? undefined : count(pool.tokens)
  const rate = pool.rate === undefined ? undefined : rateText(pool.rate)
  if (tokens === undefined) return rate ?? "-"
  return rate === undefined ? counted(pool.tokens ?? 0, "token") : `${rate}, ${tokens} left`
}

const orDash = (value: number, text: () => string): Text => (value === 0 ? span("dim", "-") : text())

export const usedCell = (pool: PoolStatistics, { types }: Sheet): Text => {
  const text = amountOf(types, pool.resourceType, pool.inUse, pool.capacity)
  return pool.inUse > pool.capacity ? span("bad", `${text}, over`) : text
}

export const waitingCell = (waiting: number): Text => (waiting === 0 ? span("dim", "-") : span("warn", count(waiting)))

const columnsFor = (sheet: Sheet, pools: ReadonlyArray<PoolStatistics>): ReadonlyArray<Column<PoolStatistics>> => {
  const { style, types } = sheet
  const columns: ReadonlyArray<Column<PoolStatistics> | undefined> = [
    { header: "POOL", cell: ({ resourceType }) => nameCell(resourceType), least: 8 },
    { header: "USE", cell: (pool) => bar(pool, barWidth, style), hide: 4 },
    { header: "IN USE", cell: (pool) => usedCell(pool, sheet) },
    pools.some(({ earmarked }) => earmarked > 0)
      ? {
          header: "KEPT",
          cell: (pool) => orDash(pool.earmarked, () => amount(types, pool.resourceType, pool.earmarked)),
          hide: 3
        }
      : undefined,
    { header: "WAITING", cell: ({ waiting }) => waitingCell(waiting), align: "right" },
    pools.some(({ tokens }) => tokens !== undefined) ? { header: "RATE", cell: rateCell, hide: 5 } : undefined,
    { header: "GRANTED", cell: ({ acquisitions }) => count(acquisitions), align: "right", hide: 2 },
    {
      header: "FAILED",
      cell: ({ failures }) => orDash(failuresTotal(failures), () => count(failuresTotal(failures))),
      align: "right",
      hide: 2
    },
    {
      header: "WAIT P90",
      cell: ({ waits }) => orDash(waits.count, () => duration(waits.p90)),
      align: "right",
      hide: 1
    },
    pools.some(({ fairness }) => fairness !== undefined)
      ? { header: "FAIR", cell: fairnessCell, align: "right", hide: 2 }
      : undefined,
    pools.some(({ note }) => note !== undefined)
      ? { header: "NOTE", cell: ({ note }) => note ?? "", least: 10, hide: 1 }
      : undefined
  ]
  return columns.filter((column) => column !== undefined)
}

/** Jain's index, where several agents use the pool. */
export const fairnessCell = ({ fairness }: PoolStatistics): string =>
  fairness === undefined ? "-" : fairness.toFixed(2)

export const noPools = `No pools. Name them in the configuration, and look at it with \`${command("config show")}\`.`

export const poolList = (pools: ReadonlyArray<PoolStatistics>, sheet: Sheet): ReadonlyArray<string> =>
  table(pools, columnsFor(sheet, pools), sheet, noPools)

/** `p50 3.2 s, p90 5 s, p99 12 s, at most 20 s, of 1,204`. */
export const distributionText = (distribution: Distribution): string => {
  const { count: total, max, p50, p90, p99 } = distribution
  if (total === 0) return "none yet"
  return `p50 ${duration(p50)}, p90 ${duration(p90)}, p99 ${duration(p99)}, at most ${duration(max)}, of ${count(total)}`
}

const boundsText = (pool: PoolStatistics, sheet: Sheet): string => {
  const of = (value: number) => amount(sheet.types, pool.resourceType, value)
  const bounds = [
    ...(pool.minCapacity > 0 ? [`at least ${of(pool.minCapacity)}`] : []),
    ...(pool.maxCapacity > pool.capacity ? [`at most ${of(pool.maxCapacity)}`] : [])
  ]
  return bounds.length === 0 ? of(pool.capacity) : `${of(pool.capacity)} (${bounds.join(", ")})`
}

const meanText = ({ capacity, meanInUse }: PoolStatistics): string =>
  isUnlimited(capacity) ? frequency(meanInUse) : `${frequency(meanInUse)} of ${count(capacity)}`

const rateField = (pool: PoolStatistics): string | undefined => {
  const { rate, tokens } = pool
  if (tokens === undefined && rate === undefined) return undefined
  const parts = [
    ...(rate === undefined ? [] : [`${rateText(rate)} by the ${rate.per}`]),
    ...(rate?.burst === undefined ? [] : [`at most ${count(rate.burst)} saved up`]),
    ...(tokens === undefined ? [] : [`${counted(tokens, "token")} there`])
  ]
  return parts.join(", ")
}

const holders = (type: string, leases: ReadonlyArray<HeldLease>, sheet: Sheet): ReadonlyArray<string> => {
  const holding = leases
    .filter(({ claim }) => amountIn(claim, type) > 0)
    .toSorted((a, b) => amountIn(b.claim, type) - amountIn(a.claim, type) || a.id - b.id)
  const columns: ReadonlyArray<Column<HeldLease>> = [
    { header: "LEASE", cell: ({ id }) => String(id), align: "right" },
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
    { header: "AMOUNT", cell: ({ claim }) => amount(sheet.types, type, amountIn(claim, type)), align: "right" },
    { header: "HELD", cell: ({ heldMillis }) => duration(heldMillis), align: "right", hide: 1 }
  ]
  return holding.length === 0
    ? []
    : ["", line(span("strong", "Held by"), sheet.width, sheet.style), ...table(holding, columns, sheet)]
}

const queue = (type: string, waiters: ReadonlyArray<WaiterView>, sheet: Sheet): ReadonlyArray<string> => {
  const waiting = waiters.filter(({ claim }) => amountIn(claim, type) > 0)
  const columns: ReadonlyArray<Column<WaiterView>> = [
    { header: "WAITER", cell: ({ id }) => String(id), align: "right" },
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
    { header: "AMOUNT", cell: ({ claim }) => amount(sheet.types, type, amountIn(claim, type)), align: "right" },
    { header: "WAITED", cell: ({ waitedMillis }) => duration(waitedMillis), align: "right", hide: 1 },
    { header: "", cell: ({ earmarked }) => (earmarked.includes(type) ? "kept for it" : "") }
  ]
  if (waiting.length === 0) return []
  return ["", line(span("strong", "Waiting, in order"), sheet.width, sheet.style), ...table(waiting, columns, sheet)]
}

/** One pool with who holds it and who waits for it. */
export const poolShow = (
  pool: PoolStatistics,
  around: { readonly leases: ReadonlyArray<HeldLease>; readonly waiters: ReadonlyArray<WaiterView> },
  sheet: Sheet
): ReadonlyArray<string> => {
  const of = (value: number) => amount(sheet.types, pool.resourceType, value)
  const { style } = sheet
  return [
    ...fields(
      [
        ["pool", named(pool.resourceType)],
        [
          "in use",
          joinText([usedCell(pool, sheet), `(${percent(pool.usagePercent)})`, bar(pool, barWidth, style)], " ")
        ],
        ["free", of(pool.free)],
        ["kept", pool.earmarked > 0 ? `${of(pool.earmarked)} for earlier waiters` : undefined],
        ["capacity", boundsText(pool, sheet)],
        ["because", pool.note],
        ["rate", rateField(pool)],
        ["peak", of(pool.peak)],
        ["mean in use", meanText(pool)],
        ["fairness", pool.fairness === undefined ? undefined : `${fairnessCell(pool)} of 1, by weight`],
        ["granted", count(pool.acquisitions)],
        ["failed", failuresText(pool.failures)],
        ["waits", distributionText(pool.waits)],
        ["holds", distributionText(pool.holds)]
      ],
      sheet
    ),
    ...holders(pool.resourceType, around.leases, sheet),
    ...queue(pool.resourceType, around.waiters, sheet)
  ]
}
