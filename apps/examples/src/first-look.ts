// #region program
import { cores, mebibytes, ResourceManager } from "@resource-manager/core"
import { Effect } from "effect"

const render = (scene: string) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    // Two resources at once: granted whole or not at all, given back whatever happens.
    return yield* manager.withLease("renderer", { cpu: cores(2), memory: mebibytes(512) })(
      Effect.as(Effect.sleep("10 millis"), `${scene}.png`)
    )
  })

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* manager.setQuota("renderer", "cpu", cores(8))
  return yield* Effect.forEach(["sea", "sky", "city"], render, { concurrency: "unbounded" })
})

const layer = ResourceManager.layer({
  pools: { cpu: { capacity: cores(4) }, memory: { capacity: mebibytes(2048) } }
})

const pictures = await Effect.runPromise(Effect.provide(program, layer))
console.log(pictures.join(", ")) // sea.png, sky.png, city.png
// #endregion program

if (pictures.join() !== "sea.png,sky.png,city.png") throw new Error(`rendered ${pictures.join()}`)
