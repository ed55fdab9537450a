/**
 * Plugins by name: `host` and `llm`, which are built in, and any package or file that exports
 *
 * ```ts
 * export const plugin = (options: unknown): Layer.Layer<never, unknown, ResourceManager> => …
 * ```
 *
 * It brings its own `effect` and `@resource-manager/core`, which this program has
 * inside of it as well. Services are found by their names, so the two meet; what
 * they are made of must be the same, and so versions are compared.
 */
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import type { LeaseReports } from "@resource-manager/daemon/LeaseReports"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Complete } from "../config/schema.ts"
import type { Settings } from "../config/settings.ts"
import { importFrom, manifestOf } from "./importFrom.ts"
import { PluginFailed } from "./PluginFailed.ts"
import { versions } from "./versions.ts"

/** What plugins may use: those that are built in of a home that hands leases to others, all others of the manager. */
export type PluginHome = ResourceManager | LeaseTable | LeaseExits | LeaseReports

export interface LoadedPlugin {
  readonly name: string
  readonly layer: Layer.Layer<never, PluginFailed, PluginHome>
  /** What may go wrong with it, where something may. */
  readonly warning: string | undefined
}

/** The names of what is built in. */
export const hostName = "host"
export const llmName = "llm"

const describe = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error)

/** Whatever a plugin fails with, as what is told of it. */
const guarded = <A, E, R>(name: string, layer: Layer.Layer<A, E, R>): Layer.Layer<never, PluginFailed, R> =>
  Layer.effectDiscard(
    // Built here: what it offers besides is nobody's but its own.
    Layer.build(layer).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(new PluginFailed({ plugin: name, problem: describe(Cause.squash(cause)) }))
      )
    )
  )

type HostOptions = NonNullable<Complete["plugins"]["host"]>

const loadHost = Effect.fnUntraced(function* (options: HostOptions): Effect.fn.Return<LoadedPlugin> {
  const { Host } = yield* Effect.promise(() => import("@resource-manager/plugin-host"))
  return { name: hostName, layer: guarded(hostName, Host.layer(options)), warning: undefined }
})

const loadLlm = Effect.fnUntraced(function* (
  limits: NonNullable<Complete["plugins"]["llm"]>
): Effect.fn.Return<LoadedPlugin> {
  const { llm } = yield* Effect.promise(() => import("../serve/llm.ts"))
  return { name: llmName, layer: guarded(llmName, llm(limits)), warning: undefined }
})

const PluginModule = Schema.Struct({ plugin: Schema.Unknown })

const exportsWhat = "a plugin exports `plugin`, a function from its options to a Layer"

type Make = (options: unknown) => unknown

const isFunction = (value: unknown): value is Make => typeof value === "function"

const layerOf = (name: string, module: unknown, options: unknown) =>
  Effect.suspend((): Effect.Effect<Layer.Layer<never, unknown, ResourceManager>, PluginFailed> => {
    const fail = (problem: string) => Effect.fail(new PluginFailed({ plugin: name, problem }))
    const found = Option.getOrUndefined(Schema.decodeUnknownOption(PluginModule)(module))
    if (!isFunction(found?.plugin)) return fail(`it has no such export; ${exportsWhat}`)
    try {
      const made = found.plugin(options)
      if (!Layer.isLayer(made)) return fail(`its function did not return a Layer; ${exportsWhat}`)
      // What it requires cannot be seen from outside: a service that is missing is a defect, which is told.
      return Effect.succeed(made as Layer.Layer<never, unknown, ResourceManager>)
    } catch (error) {
      return fail(describe(error))
    }
  })

const versionOf = (manifest: string | undefined): string | undefined => {
  if (manifest === undefined) return undefined
  const parsed: unknown = JSON.parse(readFileSync(manifest, "utf8"))
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : undefined
}

const major = (version: string): string => version.split(".")[0] ?? ""
const minor = (version: string): string => version.split(".").slice(0, 2).join(".")

/** Whether a plugin is named by its path. */
const isFile = (name: string): boolean => /^\.{0,2}\//.test(name)

/** Compares what the plugin brings with what is in this program. */
const compare = (name: string, folder: string): Effect.Effect<string | undefined, PluginFailed> =>
  Effect.suspend(() => {
    // A package is found by its name; a file stands where the settings do.
    const manifest = isFile(name) ? undefined : manifestOf(name, folder)
    const from = manifest === undefined ? folder : dirname(manifest)
    const warnings: Array<string> = []
    for (const [dependency, ours] of Object.entries(versions())) {
      const theirs = versionOf(manifestOf(dependency, from))
      if (theirs === undefined) continue
      if (major(theirs) !== major(ours)) {
        const problem = `it brings ${dependency} ${theirs}, and this program has ${ours}: install it with ${dependency} ${minor(ours)}`
        return Effect.fail(new PluginFailed({ plugin: name, problem }))
      }
      if (minor(theirs) !== minor(ours)) warnings.push(`${dependency} ${theirs} beside this program's ${ours}`)
    }
    return Effect.succeed(warnings.length === 0 ? undefined : `brings ${warnings.join(" and ")}`)
  })

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""

const importPlugin = (name: string, folder: string): Effect.Effect<unknown, PluginFailed> =>
  Effect.tryPromise({
    try: () => importFrom(name, folder),
    catch: (error) => {
      // Not one that the plugin imports, which stands in the same words.
      const own = [`'${name}'`, `'${resolve(folder, name)}'`]
      const isMissing =
        codeOf(error) === "ERR_MODULE_NOT_FOUND" && own.some((it) => describe(error).includes(`${it} imported`))
      const problem = !isMissing
        ? `it cannot be loaded: ${describe(error)}`
        : isFile(name)
          ? `there is no file ${resolve(folder, name)}`
          : `it is not installed in ${folder}: run \`npm install ${name}\` there, or name a file as ./plugin.js`
      return new PluginFailed({ plugin: name, problem })
    }
  })

const loadOther = Effect.fnUntraced(function* (
  name: string,
  options: unknown,
  folder: string
): Effect.fn.Return<LoadedPlugin, PluginFailed> {
  const module = yield* importPlugin(name, folder)
  const warning = yield* compare(name, folder)
  const layer = yield* layerOf(name, module, options)
  return { name, layer: guarded(name, layer), warning }
})

/** The plugins that settings name, in their order. */
export const loadPlugins = (
  settings: Pick<Settings, "complete" | "folder">
): Effect.Effect<ReadonlyArray<LoadedPlugin>, PluginFailed> => {
  const { host, llm, ...others } = settings.complete.plugins
  return Effect.forEach(Object.keys(settings.complete.plugins), (name) => {
    if (name === hostName) return loadHost(host ?? {})
    return name === llmName ? loadLlm(llm ?? {}) : loadOther(name, others[name] ?? {}, settings.folder)
  })
}
