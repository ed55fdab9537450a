/** Reservations at the edge: durations become instants, and refusals become errors. */
import * as Effect from "effect/Effect"
import * as Errors from "../Errors.ts"
import type { InvalidClaim, Refusal, ReservationRefused } from "../ledger/Refusal.ts"
import { reservationViews, type ReservedView } from "../ledger/reservations/view.ts"
import type { Holder as LedgerHolder } from "../ledger/reservations/Reservation.ts"
import type { Holder, HolderInput, ReservationView } from "../Reservation.ts"
import type { ResourceManager } from "../ResourceManager.ts"
import { readDuration, readPriority } from "./claimOptions.ts"
import type { LedgerRuntime } from "./LedgerRuntime.ts"
import { type Formats, holderText, invalidClaim, unknownResourceType } from "./refusal.ts"

const toLedger = (holder: HolderInput, { classes }: LedgerRuntime): LedgerHolder | InvalidClaim => {
  if ("agent" in holder) return { _tag: "Agent", agent: holder.agent }
  if ("group" in holder) return { _tag: "Group", group: holder.group }
  const atLeast = readPriority(holder.priority, classes)
  return typeof atLeast === "number" ? { _tag: "Priority", atLeast } : atLeast
}

const fromLedger = (holder: LedgerHolder): Holder => {
  switch (holder._tag) {
    case "Agent":
      return { agent: holder.agent }
    case "Group":
      return { group: holder.group }
    case "Priority":
      return { priority: holder.atLeast }
  }
}

const view = ({ reservation, used }: ReservedView, now: number): ReservationView => ({
  id: reservation.id,
  for: fromLedger(reservation.holder),
  claim: reservation.claim,
  used,
  startsInMillis: Math.max(0, reservation.from - now) / 1_000,
  ...(reservation.until === undefined ? {} : { endsInMillis: (reservation.until - now) / 1_000 }),
  ...(reservation.note === undefined ? {} : { note: reservation.note })
})

type Refused = Extract<Refusal, { readonly _tag: "InvalidClaim" | "UnknownResourceType" }> | ReservationRefused

const toError = (refusal: Refused, holder: LedgerHolder, formats: Formats) => {
  if (refusal._tag === "InvalidClaim") return invalidClaim(refusal.field, refusal.value, refusal.allowed)
  if (refusal._tag === "UnknownResourceType") return unknownResourceType(refusal.resourceType, refusal.known)
  const amount = (value: number) => formats(refusal.resourceType, value)
  const { capacity, requested, resourceType, short } = refusal
  return new Errors.ReservationRefused({
    message: `${resourceType}: ${amount(requested)} cannot be promised to ${holderText(holder)}, ${amount(short)} short: of ${amount(capacity)} the rest is promised already, or held by leases that do not say that they end before`,
    resourceType,
    requested,
    capacity,
    short
  })
}

type Reservations = Pick<ResourceManager["Service"], "reserve" | "reservations" | "endReservation">

export const make = (runtime: LedgerRuntime): Reservations => ({
  reserve: (options) =>
    Effect.suspend(() => {
      const startsIn = options.startsIn === undefined ? 0 : readDuration("startsIn", options.startsIn)
      if (typeof startsIn !== "number")
        return Effect.fail(invalidClaim(startsIn.field, startsIn.value, startsIn.allowed))
      const lasts = options.lasts === undefined ? undefined : readDuration("lasts", options.lasts)
      if (typeof lasts === "object") return Effect.fail(invalidClaim(lasts.field, lasts.value, lasts.allowed))
      const holder = toLedger(options.for, runtime)
      if (holder._tag === "InvalidClaim") return Effect.fail(invalidClaim(holder.field, holder.value, holder.allowed))
      const answer = runtime.command((core, now) => {
        const from = now + startsIn
        const wish = {
          holder,
          claim: options.claim,
          from,
          ...(lasts === undefined || lasts === Infinity ? {} : { until: from + lasts }),
          ...(options.note === undefined ? {} : { note: options.note })
        }
        return core.reserve(wish, now)
      })
      if ("_tag" in answer) return Effect.fail(toError(answer, holder, runtime.formats))
      const { books } = runtime.ledger
      const made = reservationViews(books).find(({ reservation }) => reservation === answer)
      return runtime.told(Effect.succeed(view(made ?? { reservation: answer, used: {} }, books.now)))
    }),
  endReservation: (id, reason = "cancelled") =>
    Effect.suspend(() =>
      runtime.told(Effect.succeed(runtime.command((core, now) => core.endReservation(id, reason, now))))
    ),
  reservations: Effect.suspend(() => {
    const views = runtime.command((core, now) => {
      core.advance(now)
      return reservationViews(core.books).map((each) => view(each, core.now))
    })
    return runtime.told(Effect.succeed(views))
  })
})
