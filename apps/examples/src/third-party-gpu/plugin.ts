/**
 * A plugin as a package of its own would ship it: two resource types, `gpu` and
 * `gpuMemory`, with what the machine's driver says there is of them.
 */
import { Plugin, ResourceType } from "@resource-manager/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type Gpu, Gpus } from "./Gpus.ts"

export const name = "@acme/gpu"

// #region types
/** Whole devices. */
export const gpu = ResourceType.make("gpu", {
  unit: "devices",
  format: (amount) => (amount === 1 ? "1 GPU" : `${amount} GPUs`)
})

/** Memory of all devices together. The unit is bytes, so amounts read as `80 GiB` by themselves. */
export const gpuMemory = ResourceType.make("gpuMemory", { unit: "bytes" })
// #endregion

export interface GpuOptions {
  /** Time between two looks at the devices. Default 10 seconds. */
  readonly interval?: Duration.Input
}

export const layer = (options: GpuOptions = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const gpus = yield* Gpus
      const interval = Duration.fromInputUnsafe(options.interval ?? "10 seconds")

      const sum = (amountOf: (device: Gpu) => number) =>
        Effect.map(gpus.list, (devices) => devices.reduce((total, device) => total + amountOf(device), 0))

      /** What a pool hands out, and what is really in use of it, as sums over the devices. */
      // #region pool
      const pool = (type: ResourceType.ResourceType, has: (device: Gpu) => number, uses: (device: Gpu) => number) => ({
        type,
        // Computed as the plugin starts: a driver that does not answer fails the layer.
        capacity: sum(has),
        // Later a driver that does not answer is skipped: the pool keeps what it had.
        changes: Stream.fromSchedule(Schedule.spaced(interval)).pipe(
          Stream.filterMapEffect(() =>
            Effect.result(Effect.tapError(sum(has), (error) => Effect.logWarning(error.message)))
          ),
          Stream.changes
        ),
        measure: Effect.orDie(sum(uses))
      })
      // #endregion

      // #region layer
      return Plugin.layer({
        name,
        pools: [
          pool(
            gpu,
            () => 1,
            (device) => (device.memoryUsedBytes > 0 ? 1 : 0)
          ),
          pool(
            gpuMemory,
            (device) => device.memoryBytes,
            (device) => device.memoryUsedBytes
          )
        ]
      })
      // #endregion
    })
  )
