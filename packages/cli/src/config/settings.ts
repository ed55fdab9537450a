/**
 * The settings that count: those of the file over those that are built in, and
 * where each came from.
 */
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { problemsOfConfig } from "./checks.ts"
import * as Document from "./document.ts"
import { type ConfigInvalid, ConfigUnreadable } from "./errors.ts"
import type { FieldPath } from "./problems.ts"
import { Complete, Config } from "./schema.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the daemon keeps its things, as far as settings name them. */
export interface SettingsPlaces {
  readonly socket: string
  readonly journal: string
}

/** Written as in a file. */
export type Plain = string | number | boolean | null | ReadonlyArray<Plain> | { readonly [key: string]: Plain }

export interface Origin {
  readonly path: FieldPath
  readonly value: Plain
  /** `file:line:column`, or `default`. */
  readonly from: string
}

export interface Settings {
  /** The file they come from; `undefined` where there is none. */
  readonly file: string | undefined
  /** What relative paths in them are relative to. */
  readonly folder: string
  /** For errors about one of them. */
  readonly document: Document.Document
  readonly complete: Complete
  /** The same as it would be written in a file. */
  readonly written: { readonly [key: string]: Plain }
  /** Every single value, in the order of the file format. */
  readonly origins: ReadonlyArray<Origin>
}

/** The machine itself, less something for whoever is not managed. */
const thisMachine: Plain = { host: { pools: { cpu: {}, memory: { share: 0.8 } }, pressure: "auto" } }

/** How long a daemon that `run` started lasts with nothing to keep. */
export const idleTimeoutInBackground = "10 minutes"

const builtIn = (places: SettingsPlaces, isBackground: boolean): { readonly [key: string]: Plain } => ({
  pools: {},
  quotas: {},
  groups: {},
  weights: {},
  priorities: {},
  reservations: [],
  plugins: {},
  manager: {
    timeout: "off",
    waitersMax: 100_000,
    waitersPerAgentMax: 10_000,
    loadInterval: "5 seconds",
    gracePeriod: "5 seconds",
    deadlock: "fail",
    order: "arrival",
    preemption: "off",
    scaling: "off"
  },
  daemon: {
    listen: [`unix:${places.socket}`],
    sessionTimeout: "10 seconds",
    idleTimeout: isBackground ? idleTimeoutInBackground : "off",
    journal: { path: places.journal, snapshotEvery: 50_000, synchronous: "full" },
    limits: {
      messageBytes: "1 MiB",
      connections: 1_024,
      sessions: 4_096,
      commandsPerSession: 16_384,
      leasesPerSession: 65_536,
      streamsPerConnection: 16,
      callsPerConnection: 32_768,
      outgoingBytes: "8 MiB",
      helloTimeout: "10 seconds",
      registrations: 1_000
    },
    metrics: "off"
  }
})

type Mapping = { readonly [key: string]: Plain }

const isMapping = (value: Plain | undefined): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Fields of the file over those that are built in, mapping by mapping; in the order of the built-in ones. */
const over = (base: Mapping, top: Mapping): Mapping => {
  const merged = new Map<string, Plain>(Object.entries(base))
  for (const [key, value] of Object.entries(top)) {
    const below = merged.get(key)
    merged.set(key, isMapping(below) && isMapping(value) ? over(below, value) : value)
  }
  return Object.fromEntries(merged)
}

const merge = (file: Mapping, places: SettingsPlaces, isBackground: boolean): Mapping => {
  const { $schema: _schema, ...own } = file
  const base = builtIn(places, isBackground)
  const hasPools = own["pools"] !== undefined || own["plugins"] !== undefined
  const merged = over(hasPools ? base : { ...base, plugins: thisMachine }, own)
  const daemon = merged["daemon"]
  if (!isMapping(daemon) || !("listen" in daemon) || Array.isArray(daemon["listen"])) return merged
  return { ...merged, daemon: { ...daemon, listen: [daemon["listen"] ?? ""] } }
}

const leaves = (value: Plain, path: FieldPath): ReadonlyArray<{ readonly path: FieldPath; readonly value: Plain }> => {
  if (!isMapping(value)) return [{ path, value }]
  const inner = Object.entries(value).flatMap(([key, field]) => leaves(field, [...path, key]))
  return inner.length === 0 && path.length > 1 ? [{ path, value }] : inner
}

const valueAt = (value: Plain | undefined, path: FieldPath): Plain | undefined => {
  let at = value
  for (const key of path) at = isMapping(at) ? at[String(key)] : undefined
  return at
}

const originsOf = (document: Document.Document, file: Mapping, written: Mapping): ReadonlyArray<Origin> =>
  leaves(written, []).map(({ path, value }) => {
    if (valueAt(file, path) === undefined) return { path, value, from: "default" }
    const place = document.placeOf(path, "value")
    return { path, value, from: place === undefined ? document.file : `${document.file}:${place.line}:${place.column}` }
  })

/** The settings of a document: those that it names over those that are built in. */
export const settle = Effect.fnUntraced(function* (
  document: Document.Document,
  file: string | undefined,
  places: SettingsPlaces,
  isBackground: boolean
): Effect.fn.Return<Settings, ConfigInvalid> {
  yield* Document.decode(Config, document, (config) => problemsOfConfig(config, document.value))
  // The Schema let it through, and it came from YAML or JSON: nothing else can be in it.
  const own = document.value as Mapping
  const written = merge(own, places, isBackground)
  // Each part was decoded already, so that this cannot fail.
  const complete = yield* Effect.orDie(Schema.decodeUnknownEffect(Complete)(written))
  const folder = dirname(document.path)
  return { file, folder, document, complete, written, origins: originsOf(document, own, written) }
})

/** The folder that settings are looked for in, unless a file is named. */
export const configFolder = (environment: Environment): string =>
  join(environment["XDG_CONFIG_HOME"] || join(environment["HOME"] || homedir(), ".config"), "resource-manager")

const candidates = ["config.yaml", "config.yml", "config.json"]

/** The file of settings: the one that is named, else `$RESOURCE_MANAGER_CONFIG`, else one in the folder for them. */
export const find = (
  named: string | undefined,
  environment: Environment
): Effect.Effect<string | undefined, ConfigUnreadable> =>
  Effect.suspend(() => {
    const explicit = named ?? (environment["RESOURCE_MANAGER_CONFIG"] || undefined)
    if (explicit !== undefined) return Effect.succeed(explicit)
    const folder = configFolder(environment)
    const found = candidates.filter((name) => existsSync(join(folder, name)))
    if (found.length > 1) {
      return Effect.fail(
        new ConfigUnreadable({ file: folder, reason: `has ${found.join(" and ")}; allowed: one of them` })
      )
    }
    return Effect.succeed(found[0] === undefined ? undefined : join(folder, found[0]))
  })

export interface LoadOptions {
  readonly file: string | undefined
  readonly environment: Environment
  readonly places: SettingsPlaces
  /** Started by somebody who needed it, and not by hand. */
  readonly isBackground?: boolean
}

/** Finds, reads and checks the settings; without a file, those that are built in. */
export const load = Effect.fnUntraced(function* (
  options: LoadOptions
): Effect.fn.Return<Settings, ConfigInvalid | ConfigUnreadable> {
  const file = yield* find(options.file, options.environment)
  const document =
    file === undefined
      ? Document.without("default", {}, resolve(configFolder(options.environment), "config.yaml"))
      : yield* Document.load(file)
  return yield* settle(document, file, options.places, options.isBackground ?? false)
})
