/** A daemon in this process with a client of it, on a Unix socket of their own. */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import type { ResourceManager, ResourceManagerOptions } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as DaemonClient from "../../src/DaemonClient.ts"
import { DaemonServer, type DaemonServerOptions } from "../../src/DaemonServer.ts"

/** A folder until the scope closes. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rm-daemon-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** What `ResourceManagerTest.suite` asks for. */
export const daemonOf =
  <E>(
    home: (options: ResourceManagerOptions) => Layer.Layer<ResourceManager | LeaseTable | Meter, E>,
    server: Partial<DaemonServerOptions> = {}
  ) =>
  (options: ResourceManagerOptions) =>
    Layer.unwrap(
      Effect.map(folder, (path) => {
        const address = join(path, "daemon.sock")
        const daemon = DaemonServer.layer({ listen: [address], ...server }).pipe(Layer.provide(home(options)))
        return DaemonClient.layer({ address }).pipe(Layer.provide(daemon))
      })
    )
