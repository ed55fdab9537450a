/**
 * The daemon inside of `up`: the manager that the file describes, served on a socket
 * of its own in a folder that only this user can enter. So commands that `up` runs
 * find it (`run`, `status`, `top`, a program's client), and so does `up` itself.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as DaemonClient from "@resource-manager/daemon/DaemonClient"
import { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import { DaemonServer } from "@resource-manager/daemon/DaemonServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Settings } from "../config/settings.ts"
import { loadPlugins } from "../plugins/load.ts"
import { programName, readVersion } from "../program.ts"
import { homeOf } from "../serve/home.ts"

export interface Embedded {
  /** What clients connect to. */
  readonly address: string
  /** The manager itself, for looking at it. */
  readonly home: ResourceManager["Service"]
  /** The same as a client of the daemon, for leases that processes work under. */
  readonly client: ResourceManager["Service"]
  readonly daemon: DaemonConnection["Service"]
}

const privateFolder = Effect.acquireRelease(
  // Made with the rights of its owner alone.
  Effect.sync(() => mkdtempSync(join(tmpdir(), "resource-manager-up-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Serves until the scope closes. */
export const embed = Effect.fnUntraced(function* (settings: Settings) {
  const folder = yield* privateFolder
  const address = `unix:${join(folder, "daemon.sock")}`
  const plugins = yield* loadPlugins(settings)
  for (const { name, warning } of plugins) {
    if (warning !== undefined) yield* Effect.logWarning(`plugin ${name} ${warning}`)
  }
  const server = DaemonServer.layer({ listen: [address], version: readVersion() })
  const served = yield* Layer.build(Layer.provideMerge(server, homeOf(settings, plugins)))
  const connected = yield* Layer.build(
    DaemonClient.layer({ address, name: `up (pid ${process.pid})`, client: `${programName} (pid ${process.pid})` })
  )
  const embedded: Embedded = {
    address,
    home: Context.get(served, ResourceManager),
    client: Context.get(connected, ResourceManager),
    daemon: Context.get(connected, DaemonConnection)
  }
  return embedded
})
