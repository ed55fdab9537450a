/** `reserve list`: what is promised, as a table and as a plan over time. */
import type { Holder, ReservationView } from "@resource-manager/core/Reservation"
import { claimShort, type Types } from "./amounts.ts"
import { command } from "./commands.ts"
import { nameCell, named } from "./names.ts"
import { type Column, table } from "./table.ts"
import { joinText, line, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { Sheet } from "./views.ts"

const dash: Text = span("dim", "-")

export const noReservations = `Nothing is promised. Try \`${command("reserve add --agent demo --in 1h --lasting 30m cpu=1")}\`.`

export const holderText = (holder: Holder): string => {
  if ("agent" in holder) return named(holder.agent)
  if ("group" in holder) return `group ${named(holder.group)}`
  return `priority ${holder.priority}+`
}

const whenText = ({ endsInMillis, startsInMillis }: ReservationView): string => {
  const from = startsInMillis > 0 ? `in ${duration(startsInMillis)}` : "now"
  return endsInMillis === undefined
    ? startsInMillis > 0
      ? `from ${duration(startsInMillis)} from now on`
      : "at all times"
    : `${from}, for ${duration(endsInMillis - startsInMillis)}`
}

/** In words. */
export const reservationText = (reservation: ReservationView, types: Types): string =>
  `${claimShort(types, reservation.claim)} for ${holderText(reservation.for)}, ${whenText(reservation)}`

export const reservationLine = (reservation: ReservationView, { types }: Sheet): string =>
  `reservation ${reservation.id}: ${reservationText(reservation, types)}`

/** Without what is not in use. */
const inUse = (used: ReservationView["used"]): ReservationView["used"] =>
  Object.fromEntries(Object.entries(used).filter(([, amount]) => amount > 0))

const columns = ({ types }: Sheet, all: ReadonlyArray<ReservationView>): ReadonlyArray<Column<ReservationView>> => [
  { header: "RESERVATION", cell: ({ id }) => String(id), align: "right" },
  { header: "FOR", cell: (reservation) => nameCell(holderText(reservation.for)), least: 10 },
  { header: "CLAIM", cell: ({ claim }) => claimShort(types, claim), least: 14 },
  { header: "IN USE", cell: ({ used }) => claimShort(types, inUse(used)) || dash, least: 6, hide: 2 },
  {
    header: "BEGINS IN",
    cell: ({ startsInMillis }) => (startsInMillis > 0 ? duration(startsInMillis) : span("good", "now")),
    align: "right"
  },
  {
    header: "ENDS IN",
    cell: ({ endsInMillis }) => (endsInMillis === undefined ? dash : duration(endsInMillis)),
    align: "right"
  },
  ...(all.some(({ note }) => note !== undefined)
    ? [{ header: "NOTE", cell: ({ note }: ReservationView) => (note === undefined ? dash : named(note)), hide: 1 }]
    : [])
]

const shapes = {
  unicode: { reserved: "█", idle: "·", more: "▶" },
  ascii: { reserved: "#", idle: ".", more: ">" }
} as const

const chartMax = 72

/** One row for each reservation, from now to the last end: where its window is. */
const plan = (all: ReadonlyArray<ReservationView>, { style, width }: Sheet): ReadonlyArray<string> => {
  const ends = all.map(({ endsInMillis, startsInMillis }) => endsInMillis ?? startsInMillis)
  const horizon = Math.max(...ends)
  const label = Math.max(...all.map(({ id }) => String(id).length)) + 2
  const cells = Math.min(chartMax, Math.max(10, (width === Infinity ? chartMax : width) - label - 1))
  if (horizon <= 0) return []
  const shape = style.unicode ? shapes.unicode : shapes.ascii
  const cellOf = (millis: number): number => Math.min(cells, Math.round((millis / horizon) * cells))
  const rows = all.map(({ endsInMillis, id, startsInMillis }) => {
    const from = Math.min(cells - 1, cellOf(startsInMillis))
    const to = endsInMillis === undefined ? cells : Math.max(from + 1, cellOf(endsInMillis))
    const bar = shape.reserved.repeat(to - from - (endsInMillis === undefined ? 1 : 0))
    return line(
      joinText(
        [
          `${String(id).padStart(label - 2)}  `,
          span("dim", shape.idle.repeat(from)),
          span(startsInMillis > 0 ? "accent" : "good", endsInMillis === undefined ? bar + shape.more : bar),
          span("dim", shape.idle.repeat(cells - to))
        ],
        ""
      ),
      width,
      style
    )
  })
  const last = `in ${duration(horizon)}`
  const axis = `${" ".repeat(label)}now${last.padStart(Math.max(last.length + 1, cells - 3))}`
  return ["", ...rows, line(span("dim", axis), width, style)]
}

export const reservationList = (all: ReadonlyArray<ReservationView>, sheet: Sheet): ReadonlyArray<string> =>
  all.length === 0
    ? table(all, columns(sheet, all), sheet, noReservations)
    : [...table(all, columns(sheet, all), sheet), ...plan(all, sheet)]
