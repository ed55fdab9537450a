/** `plugins list`: loads them into a manager of its own, and looks at what is there. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { loadSettings } from "../../config/load.ts"
import { print } from "../../frame/output.ts"
import { type PluginOutput, PluginsListOutput } from "../../output/plugins.ts"
import { type LoadedPlugin, loadPlugins } from "../../plugins/load.ts"
import { typesOf } from "../../render/amounts.ts"
import { pluginList } from "../../render/plugins.ts"

/** What one plugin registers with a manager that has nothing else. */
const offerOf = Effect.fnUntraced(function* ({ layer, name, warning }: LoadedPlugin) {
  const home = Layer.mergeAll(ResourceManager.layerHome(), LeaseExits.layer, LeaseReports.layer)
  const context = yield* Layer.build(Layer.provideMerge(layer, home))
  const manager = Context.get(context, ResourceManager)
  const types = yield* manager.types
  const pools = yield* Effect.forEach(yield* manager.pools, (pool) =>
    Effect.map(Effect.orDie(manager.measure(pool.resourceType)), (measured) => ({
      resourceType: pool.resourceType,
      capacity: pool.capacity,
      ...(pool.rate === undefined ? {} : { rate: pool.rate }),
      ...(Option.isNone(measured) ? {} : { measured: measured.value }),
      ...(pool.note === undefined ? {} : { note: pool.note })
    }))
  )
  const output: PluginOutput = { name, ...(warning === undefined ? {} : { warning }), pools }
  return { output, types }
}, Effect.scoped)

export const list = Effect.fnUntraced(function* (file: string | undefined) {
  const loaded = yield* loadPlugins(yield* loadSettings(file))
  const offers = yield* Effect.forEach(loaded, offerOf)
  const types = typesOf(offers.flatMap((offer) => offer.types))
  const value = offers.map(({ output }) => output)
  yield* print({
    schema: PluginsListOutput,
    value,
    types,
    lines: (sheet) => [
      ...pluginList(value, sheet),
      ...value.flatMap(({ name, warning }) => (warning === undefined ? [] : ["", `${name}: ${warning}`]))
    ]
  })
})
