/**
 * The pressure on the machine, as the kernel tells it, and what it does to the pools:
 * for whoever wants to know why a capacity is lower than the machine's.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { HostUnreadable } from "./HostErrors.ts"
import type { HostFiles } from "./HostFiles.ts"
import type { Sources } from "./HostSource.ts"
import * as Pressure from "./Pressure.ts"
import type { PressedPool, PressureConfig } from "./PressureOptions.ts"
import * as PressureSource from "./PressureSource.ts"

/** What was read last, and what that does. */
export interface PressureStatus {
  /** Milliseconds since the epoch, by the wall clock: for people. */
  readonly takenAt: number
  /** The share of the last interval that was lost, by every file that was read. */
  readonly readings: ReadonlyArray<Pressure.Reading>
  /** The fraction of each pool that is handed out, and why. */
  readonly pools: Readonly<Record<PressedPool, Pressure.State>>
}

export class HostPressure extends Context.Service<
  HostPressure,
  {
    /** The last reading. `undefined` where no pressure is read. */
    readonly status: Effect.Effect<PressureStatus | undefined>
    /** The last reading and every one from now on, the latest 16 for a slow reader. Ends where no pressure is read. */
    readonly changes: Stream.Stream<PressureStatus>
  }
>()("@resource-manager/plugin-host/HostPressure") {}

/** Where nobody asked for it, or the kernel has none. */
export const off: HostPressure["Service"] = { status: Effect.undefined, changes: Stream.empty }

/** Reads until the scope closes. */
export const make = Effect.fnUntraced(function* (
  name: string,
  config: PressureConfig,
  files: HostFiles,
  sources: Sources,
  lookUpEvery: Duration.Duration
) {
  const clock = yield* Clock.Clock
  const source = yield* PressureSource.make(files, sources, config.kinds, lookUpEvery)
  const published = yield* Effect.acquireRelease(
    PubSub.sliding<PressureStatus>({ capacity: 16, replay: 1 }),
    PubSub.shutdown
  )
  let readable = true
  let steppedAt = clock.monotonicTimeNanosUnsafe()
  let status: PressureStatus = {
    takenAt: clock.currentTimeMillisUnsafe(),
    readings: [],
    pools: { cpu: Pressure.initial, memory: Pressure.initial }
  }

  const noReadings = (error: HostUnreadable) => {
    const again = !readable
    readable = false
    const none: ReadonlyArray<Pressure.Reading> = []
    return again
      ? Effect.succeed(none)
      : Effect.as(
          Effect.logWarning(`${name}: pressure cannot be read, the pools stay as they are: ${error.message}`),
          none
        )
  }

  const look = Effect.gen(function* () {
    const readings = yield* Effect.matchEffect(source.read, {
      onSuccess: (found) => {
        readable = true
        return Effect.succeed(found)
      },
      onFailure: noReadings
    })
    const now = clock.monotonicTimeNanosUnsafe()
    const elapsedMicros = Number(now - steppedAt) / 1_000
    steppedAt = now
    const stepped = (pool: PressedPool) =>
      Pressure.step(config.policies[pool], status.pools[pool], readings, elapsedMicros)
    status = {
      takenAt: clock.currentTimeMillisUnsafe(),
      readings,
      pools: { cpu: stepped("cpu"), memory: stepped("memory") }
    }
    yield* PubSub.publish(published, status)
  })

  yield* PubSub.publish(published, status)
  yield* Effect.forever(Effect.delay(look, config.interval)).pipe(
    // Nobody waits for this fiber: what ends it must be told here.
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`${name}: pressure is followed no more`, cause)
    ),
    Effect.forkScoped
  )
  const made: HostPressure["Service"] = {
    status: Effect.sync(() => status),
    changes: Stream.fromPubSub(published)
  }
  return made
})
