/** What a pool hands out of what there is, under pressure: as it is told to the pool and logged. */
import type { Plugin, ResourceType } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { PressureStatus } from "./HostPressure.ts"
import * as Pressure from "./Pressure.ts"
import type { PressedPool } from "./PressureOptions.ts"

/** What a pool hands out now, and what is known of why. */
interface Handed {
  readonly measured: number
  readonly pressure: Pressure.State
  readonly capacity: number
}

const handedOut = (measured: number, pressure: Pressure.State, min: number): Handed => ({
  measured,
  pressure,
  capacity: Pressure.capacityUnder(measured, pressure.factor, min)
})

/** As the pool is told: under pressure lower for now, with what it may have again and why. */
const changeOf = ({ capacity, measured, pressure }: Handed): Plugin.CapacityChange =>
  pressure.cause === undefined || pressure.factor === 1
    ? { capacity }
    : { capacity, max: measured, note: `lowered by ${Pressure.formatBreach(pressure.cause)}` }

const sameChange = (one: Plugin.CapacityChange, other: Plugin.CapacityChange): boolean =>
  one.capacity === other.capacity && one.max === other.max && one.note === other.note

const logChange = (name: string, { pool, type: { format } }: PressedOf, before: Handed, after: Handed) => {
  const { cause, factor } = after.pressure
  if (cause === undefined) {
    return before.pressure.cause === undefined
      ? Effect.void
      : Effect.logInfo(`${name}: ${pool}: the pressure is over, all ${format(after.capacity)} are handed out again`)
  }
  return factor < before.pressure.factor && after.capacity < before.capacity
    ? Effect.logInfo(
        `${name}: ${pool}: ${format(before.capacity)} → ${format(after.capacity)} for new leases, ${Pressure.formatBreach(cause)}`
      )
    : Effect.void
}

/** The pool that is pressed. */
export interface PressedOf {
  readonly pool: PressedPool
  readonly type: ResourceType.ResourceType
  /** What is there at the start. */
  readonly initial: number
  readonly min: number
}

/**
 * The changes of a pool that pressure shrinks: of what there is, and of how much of it
 * is handed out. Both compose: the factor is of what there is now. `name` is the
 * plugin's, in what is logged.
 */
export const pressedChanges = (
  name: string,
  of: PressedOf,
  measured: Stream.Stream<number>,
  pressure: Stream.Stream<PressureStatus>
): Stream.Stream<Plugin.CapacityChange> =>
  Stream.merge(
    Stream.map(measured, (units) => (last: Handed) => handedOut(units, last.pressure, of.min)),
    Stream.map(
      pressure,
      ({ pools }) =>
        (last: Handed) =>
          handedOut(last.measured, pools[of.pool], of.min)
    )
  ).pipe(
    Stream.mapAccumEffect(
      () => handedOut(of.initial, Pressure.initial, of.min),
      (last, next) => {
        const handed = next(last)
        return Effect.as(logChange(name, of, last, handed), [handed, [changeOf(handed)]] as const)
      }
    ),
    Stream.changesWith(sameChange)
  )
