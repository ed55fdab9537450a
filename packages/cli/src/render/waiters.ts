/** `waiters list`. */
import { claimShort, count } from "./amounts.ts"
import { command } from "./commands.ts"
import { nameCell } from "./names.ts"
import { whyShort } from "./reasons.ts"
import { type Column, paragraph, table } from "./table.ts"
import { span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { Sheet, WaiterView } from "./views.ts"

const dash: Text = span("dim", "-")

const some = (waiters: ReadonlyArray<WaiterView>, has: (waiter: WaiterView) => boolean, column: Column<WaiterView>) =>
  waiters.some(has) ? [column] : []

export const waiterTable = (
  waiters: ReadonlyArray<WaiterView>,
  sheet: Sheet,
  agents = true,
  empty?: string
): ReadonlyArray<string> => {
  const columns: ReadonlyArray<Column<WaiterView>> = [
    { header: "WAITER", cell: ({ id }) => String(id), align: "right" },
    ...(agents ? [{ header: "AGENT", cell: ({ agent }: WaiterView) => nameCell(agent), least: 10 }] : []),
    { header: "CLAIM", cell: ({ claim }) => claimShort(sheet.types, claim), least: 18, hide: 4 },
    { header: "WAITED", cell: ({ waitedMillis }) => duration(waitedMillis), align: "right" },
    ...some(waiters, ({ timesOutInMillis }) => timesOutInMillis !== undefined, {
      header: "GIVES UP IN",
      cell: ({ timesOutInMillis }) => (timesOutInMillis === undefined ? dash : duration(timesOutInMillis)),
      align: "right",
      hide: 2
    }),
    ...some(waiters, ({ parent }) => parent !== undefined, {
      header: "INSIDE",
      cell: ({ parent }) => (parent === undefined ? dash : String(parent)),
      align: "right",
      hide: 1
    }),
    ...some(waiters, ({ earmarked }) => earmarked.length > 0, {
      header: "KEPT FOR IT",
      cell: ({ earmarked }) => earmarked.join(", ") || dash,
      least: 8,
      hide: 3
    }),
    { header: "WHY", cell: (waiter) => whyShort(waiter, sheet.types), least: 28, hide: 5 }
  ]
  return table(waiters, columns, sheet, empty)
}

export const noWaiters = `Nobody waits. What is held: \`${command("leases list")}\`.`

/** The first of all who wait, of whom there are `total`. */
export const waiterList = (waiters: ReadonlyArray<WaiterView>, total: number, sheet: Sheet): ReadonlyArray<string> => {
  const first = waiters[0]
  const more = total - waiters.length
  return [
    ...waiterTable(waiters, sheet, true, noWaiters),
    ...(more > 0 ? paragraph(`and ${count(more)} more: \`${command("waiters list")} --limit ${total}\``, sheet) : []),
    ...(first === undefined ? [] : ["", ...paragraph(`All reasons of one: \`${command("why", first.id)}\``, sheet)])
  ]
}
