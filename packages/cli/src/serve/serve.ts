/**
 * A daemon: settings, plugins, the manager, and the server on top of it, until it is
 * told to end.
 *
 * 1. It has the state folder before it does anything else: two never work on one.
 * 2. It is told that it listens only after it does.
 * 3. Told to end, a daemon without a journal takes no more claims and waits for its
 *    leases for the grace period: they would end with it. With one it ends at once,
 *    and the next one goes on with them. A second signal ends it at once as well.
 */
import { statSync } from "node:fs"
import { resolve } from "node:path"
import * as Address from "@resource-manager/daemon/Address"
import { DaemonServer, type DaemonServerOptions } from "@resource-manager/daemon/DaemonServer"
import * as Lock from "@resource-manager/daemon/Lock"
import * as Places from "@resource-manager/daemon/Places"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as SqliteJournal from "@resource-manager/plugin-sqlite/SqliteJournal"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { exitCodes } from "../exitCodes.ts"
import { loadSettings } from "../config/load.ts"
import type { Complete } from "../config/schema.ts"
import type { Settings } from "../config/settings.ts"
import { loadPlugins } from "../plugins/load.ts"
import { readVersion } from "../program.ts"
import { counted } from "../render/amounts.ts"
import { toServeFailure } from "./failure.ts"
import { homeOf } from "./home.ts"
import { layerLog } from "./log.ts"
import { readTokens } from "./tokens.ts"

export interface ServeOptions {
  readonly file: string | undefined
  /** Instead of what the settings say. */
  readonly listen: ReadonlyArray<string>
  /** Started by somebody who needed it, and not by hand. */
  readonly isBackground: boolean
  /** Told once it listens. */
  readonly onListening: (addresses: ReadonlyArray<string>) => Effect.Effect<void>
}

const limitsOf = ({ helloTimeout, ...limits }: Complete["daemon"]["limits"]) => ({
  ...limits,
  helloMillis: Duration.toMillis(helloTimeout)
})

const sizeOf = (file: string): number =>
  [file, `${file}-wal`].reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)

const journalOptions = ({ complete, folder }: Settings): SqliteJournal.SqliteJournalOptions | undefined => {
  const { journal } = complete.daemon
  return journal === "off" ? undefined : { ...journal, path: resolve(folder, journal.path) }
}

const serverOptions = Effect.fnUntraced(function* (
  settings: Settings,
  listen: ReadonlyArray<string>,
  places: Places.Places
) {
  const { daemon } = settings.complete
  const journal = journalOptions(settings)
  const options: DaemonServerOptions = {
    listen,
    sessionTimeout: daemon.sessionTimeout,
    idleTimeout: daemon.idleTimeout === "off" ? undefined : daemon.idleTimeout,
    limits: limitsOf(daemon.limits),
    tokens: yield* readTokens(settings),
    secretFile: places.secret,
    version: readVersion(),
    stateFolder: places.stateFolder,
    journal: journal === undefined ? undefined : () => ({ file: journal.path, bytes: sizeOf(journal.path) })
  }
  return options
})

/** Leases of a manager without a journal end with it: they are given time to come back. */
const drain = Effect.fnUntraced(function* (manager: ResourceManager["Service"], gracePeriod: Duration.Duration) {
  yield* manager.stop
  const held = Effect.map(manager.leases, (leases) => leases.length)
  const before = yield* held
  if (before === 0) return
  yield* Effect.logInfo(`waiting up to ${Duration.toMillis(gracePeriod)} ms for ${counted(before, "lease")}`)
  const left = yield* Effect.repeat(held, {
    schedule: Schedule.spaced("50 millis"),
    until: (count) => count === 0
  }).pipe(Effect.timeoutOrElse({ duration: gracePeriod, orElse: () => held }))
  if (left > 0) yield* Effect.logWarning(`not given back: ${counted(left, "lease")}`)
})

/** Whether it was told to end by a signal: `NodeRuntime` interrupts for it. */
const untilSignal = <A, E>(waiting: Effect.Effect<A, E>): Effect.Effect<A | "signal", E> =>
  Effect.flatMap(Effect.exit(waiting), (exit): Effect.Effect<A | "signal", E> =>
    Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? Effect.succeed("signal") : exit
  )

/** A terminal that closes is as good as a signal to end; whoever says so twice means now. */
const heedSignals = Effect.sync(() => {
  process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"))
})

const heedSecondSignal = Effect.sync(() => {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(exitCodes.interrupted))
})

const isObserved = ({ complete: { daemon } }: Settings): boolean =>
  daemon.metrics !== "off" || daemon.otlp !== undefined

const start = Effect.fnUntraced(function* (options: ServeOptions) {
  const settings = yield* loadSettings(options.file, options.isBackground)
  const places = Places.make(process.env)
  const listen = options.listen.length === 0 ? settings.complete.daemon.listen : options.listen
  yield* Places.privateFolder(places.stateFolder)
  if (listen.some((address) => address.includes(places.runtimeFolder))) {
    yield* Places.privateFolder(places.runtimeFolder)
  }
  const lock = yield* Lock.acquire(places, { address: listen.join(" "), version: readVersion() })
  const plugins = yield* loadPlugins(settings)
  for (const { name, warning } of plugins) {
    if (warning !== undefined) yield* Effect.logWarning(`plugin ${name} ${warning}`)
  }
  const journal = journalOptions(settings)
  const server = DaemonServer.layer(yield* serverOptions(settings, listen, places))
  const home = homeOf(settings, plugins, journal === undefined ? Layer.empty : SqliteJournal.layer(journal))
  const context = yield* Layer.build(Layer.provideMerge(server, home))
  if (isObserved(settings)) {
    const { observe } = yield* Effect.promise(() => import("./observe.ts"))
    yield* Layer.build(Layer.provide(observe(settings), Layer.succeedContext(context)))
  }
  const { addresses, ended } = Context.get(context, DaemonServer)
  const names = addresses.map(Address.format)
  yield* Effect.logInfo(`listens on ${names.join(", ")}; settings: ${settings.file ?? "those that are built in"}`)
  yield* options.onListening(names)
  return { ended, lock, manager: Context.get(context, ResourceManager), settings }
})

/** Serves until it is told to end: then it succeeds. */
export const serve = (options: ServeOptions) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* heedSignals
        const { ended, lock, manager, settings } = yield* Effect.mapError(restore(start(options)), toServeFailure)
        const why = yield* Effect.mapError(untilSignal(restore(ended)), toServeFailure)
        yield* heedSecondSignal
        yield* Effect.logInfo(why === "idle" ? "ends: there was nothing to keep" : `ends: ${why}`)
        // What a journal keeps does not end with the daemon.
        if (settings.complete.daemon.journal === "off") {
          yield* drain(manager, settings.complete.manager.gracePeriod)
        }
        // Who starts the next one need not be told that this one has the folder.
        yield* lock.ending
        // A signal that was heeded is no interruption.
        process.exitCode = exitCodes.ok
      })
    )
  ).pipe(Effect.provide(layerLog))
