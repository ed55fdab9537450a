/**
 * Serves a manager to other processes. See `docs/design/daemon.md` for the rules.
 *
 * ```ts
 * DaemonServer.layer({ listen: ["unix:/run/user/1000/resource-manager/daemon.sock"] }).pipe(
 *   Layer.provide(ResourceManager.layerHome({ pools: { cpu: { capacity: 8 } } }))
 * )
 * ```
 */
import type { JournalCorrupt, JournalFailed } from "@resource-manager/core/Journal"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Address } from "./Address.ts"
import type { InvalidAddress, ListenFailed, UnsafeFolder } from "./Errors.ts"
import * as internal from "./internal/daemonServer.ts"
import type { Limits } from "./Limits.ts"
import type { Status } from "./Protocol.ts"
import type { TokenOptions } from "./Tokens.ts"

export interface DaemonServerOptions {
  /** Addresses: `unix:PATH`, `PATH` or `tcp:HOST:PORT` (port 0: one that is free). */
  readonly listen: ReadonlyArray<string>
  /** How long a session lives without a word of its client. Default 10 seconds. */
  readonly sessionTimeout?: Duration.Input | undefined
  /** Ends (`ended`) after this time without leases, waiters, sessions and connections. Never unless given. */
  readonly idleTimeout?: Duration.Input | undefined
  /** Between asking the processes of a dead client to end and killing them. Default 5 seconds. */
  readonly processGrace?: Duration.Input | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly tokens?: TokenOptions | undefined
  /** Where the secret is kept that signs the keys of leases. Unless given, it is made anew. */
  readonly secretFile?: string | undefined
  /** What the daemon calls its version. */
  readonly version?: string | undefined
  readonly stateFolder?: string | undefined
  /** What the journal tells of itself, for `status`. Its presence says that grants outlive the daemon. */
  readonly journal?: (() => Readonly<Record<string, string | number | boolean>>) | undefined
}

export class DaemonServer extends Context.Service<
  DaemonServer,
  {
    /** Where it listens, with the ports that were free. */
    readonly addresses: ReadonlyArray<Address>
    /**
     * Completes when it is time to end: by a call, or because there was nothing to keep for long enough. Fails where
     * the journal does: its connections are cut then, so that clients wait for the next daemon.
     */
    readonly ended: Effect.Effect<"shutdown" | "idle", JournalFailed>
    readonly status: Effect.Effect<Status>
  }
>()("@resource-manager/daemon/DaemonServer") {
  /** A server until the scope closes. */
  static readonly layer = (
    options: DaemonServerOptions
  ): Layer.Layer<
    DaemonServer,
    ListenFailed | InvalidAddress | UnsafeFolder | JournalCorrupt,
    ResourceManager | LeaseTable | Meter
  > => Layer.effect(DaemonServer, internal.make(options))
}
