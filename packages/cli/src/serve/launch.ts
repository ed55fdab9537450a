/** Starts this user's daemon in the background where none answers, and tells of the one that does. */
import { renameSync, statSync } from "node:fs"
import { resolve } from "node:path"
import * as Launcher from "@resource-manager/daemon/Launcher"
import * as Places from "@resource-manager/daemon/Places"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { toFailure, withDaemon } from "../frame/daemon.ts"
import { binary } from "../program.ts"

export interface LaunchOptions {
  /** Settings; those that are found unless given. */
  readonly file?: string | undefined
  /** Instead of what the settings say. The first is the one that is waited for. */
  readonly listen?: ReadonlyArray<string> | undefined
}

/** Tells a daemon that nobody started it by hand: then it ends by itself when there is nothing to keep. */
export const backgroundVariable = "RESOURCE_MANAGER_BACKGROUND"

/** A log that has grown beyond this is set aside when a daemon starts: there are two of them at most. */
const logBytesMax = 16 * 1024 * 1024

const setAside = (log: string) =>
  Effect.sync(() => {
    const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0
    if (size > logBytesMax) renameSync(log, `${log}.1`)
  })

const start = Effect.fnUntraced(function* ({ file, listen = [] }: LaunchOptions) {
  const places = Places.make(process.env)
  const address = listen[0] ?? Places.address(process.env)
  yield* Places.privateFolder(places.stateFolder)
  yield* setAside(places.log)
  const args = [
    ...process.execArgv,
    resolve(binary()),
    "serve",
    ...(file === undefined ? [] : ["--config", resolve(file)]),
    ...listen.flatMap((one) => ["--listen", one])
  ]
  const isStarted = yield* Launcher.ensure({
    address,
    command: process.execPath,
    args,
    env: { [backgroundVariable]: "1" },
    log: places.log
  })
  const status = yield* withDaemon(Option.some(address), (daemon) => daemon.call((rpc) => rpc.Status()))
  return { isStarted, status }
})

/** Several that start one at once end up with the same: whether it was this one who started it. */
export const launch = (options: LaunchOptions = {}) => Effect.mapError(start(options), toFailure)
