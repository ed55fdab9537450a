/** `leases list`. */
import { claimShort } from "./amounts.ts"
import { command } from "./commands.ts"
import { endingText } from "./endings.ts"
import { nameCell, named } from "./names.ts"
import { type Column, table } from "./table.ts"
import { joinText, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { HeldLease, Sheet } from "./views.ts"

const dash: Text = span("dim", "-")

/** Whether there is anything unusual about a lease. */
export const isNoted = ({ ending, manual, orphaned }: HeldLease): boolean =>
  manual || orphaned === true || ending !== undefined

/** What is unusual about a lease, in words. */
export const leaseNote = ({ ending, manual, orphaned }: HeldLease): Text =>
  joinText(
    [
      ...(orphaned === true ? [span("bad", "orphaned")] : manual ? ["by hand"] : []),
      ...(ending === undefined ? [] : [endingText(ending)])
    ],
    ", "
  )

const some = (leases: ReadonlyArray<HeldLease>, has: (lease: HeldLease) => boolean, column: Column<HeldLease>) =>
  leases.some(has) ? [column] : []

const pids = ({ processes = [] }: HeldLease): Text =>
  processes.length === 0
    ? dash
    : processes.length > 3
      ? `${processes.slice(0, 3).join(" ")} +${processes.length - 3}`
      : processes.join(" ")

export const leaseTable = (
  leases: ReadonlyArray<HeldLease>,
  sheet: Sheet,
  agents = true,
  empty?: string
): ReadonlyArray<string> => {
  const columns: ReadonlyArray<Column<HeldLease>> = [
    { header: "LEASE", cell: ({ id }) => String(id), align: "right" },
    ...(agents ? [{ header: "AGENT", cell: ({ agent }: HeldLease) => nameCell(agent), least: 10 }] : []),
    { header: "CLAIM", cell: ({ claim }) => claimShort(sheet.types, claim) || dash, least: 18 },
    { header: "HELD", cell: ({ heldMillis }) => duration(heldMillis), align: "right", hide: 7 },
    ...some(leases, ({ expiresInMillis }) => expiresInMillis !== undefined, {
      header: "EXPIRES IN",
      cell: ({ expiresInMillis }) => (expiresInMillis === undefined ? dash : duration(expiresInMillis)),
      align: "right",
      hide: 5
    }),
    ...some(leases, ({ parent }) => parent !== undefined, {
      header: "INSIDE",
      cell: ({ parent }) => (parent === undefined ? dash : String(parent)),
      align: "right",
      hide: 4
    }),
    ...some(leases, ({ session }) => session !== undefined, {
      header: "SESSION",
      cell: ({ session }) => (session === undefined ? dash : named(session)),
      least: 8,
      hide: 2
    }),
    ...some(leases, ({ processes }) => (processes?.length ?? 0) > 0, { header: "PROCESSES", cell: pids, hide: 3 }),
    { header: "TOKEN", cell: ({ token }) => span("dim", String(token)), align: "right", hide: 1 },
    ...some(leases, isNoted, { header: "NOTE", cell: leaseNote, least: 20, hide: 6 })
  ]
  return table(leases, columns, sheet, empty)
}

export const noLeases = `Nothing is held. Try \`${command("run --agent me --cpu 1 -- sleep 10")}\`.`

export const leaseList = (leases: ReadonlyArray<HeldLease>, sheet: Sheet): ReadonlyArray<string> =>
  leaseTable(leases, sheet, true, noLeases)
