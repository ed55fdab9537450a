import { assert, describe, it } from "@effect/vitest"
import { gibibytes } from "@resource-manager/core"
import * as PluginTest from "@resource-manager/core/PluginTest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { type Gpu, Gpus, parse } from "../src/third-party-gpu/Gpus.ts"
import * as GpuPlugin from "../src/third-party-gpu/plugin.ts"

const device: Gpu = { name: "device", memoryBytes: gibibytes(80), memoryUsedBytes: 0 }

/** The devices of one test's machine: two, and a third one once it is plugged in. */
const devices: Array<Gpu> = []
const layer = Layer.unwrap(
  Effect.sync(() => {
    devices.splice(0, devices.length, device, device)
    return GpuPlugin.layer().pipe(Layer.provide(Gpus.layerSimulated(devices)))
  })
)

// #region suite
PluginTest.suite(GpuPlugin.name, layer, {
  pools: {
    gpu: { capacity: 2, measures: true, changes: Effect.sync(() => devices.push(device)) },
    gpuMemory: {
      capacity: gibibytes(160),
      measures: true,
      changes: Effect.sync(() => {
        devices.pop()
        return gibibytes(80)
      })
    }
  }
})
// #endregion

describe("what the driver tells", () => {
  it("is read as devices", () => {
    const read = parse("NVIDIA H100, 80HGX, 81559, 1024\nTesla T4, 15360, 0\n")
    assert.deepStrictEqual(Result.getOrThrow(read), [
      { name: "NVIDIA H100, 80HGX", memoryBytes: 81_559 * 1024 ** 2, memoryUsedBytes: 1_024 * 1024 ** 2 },
      { name: "Tesla T4", memoryBytes: 15_360 * 1024 ** 2, memoryUsedBytes: 0 }
    ])
  })

  it.each(["No devices were found", "Tesla T4, 15360", "Tesla T4, [N/A], 0"])("is not made up: %s", (text) => {
    assert.isTrue(Result.isFailure(parse(text)))
  })
})
