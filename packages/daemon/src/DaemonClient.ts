/**
 * The manager of a daemon as the `ResourceManager` that programs know. It keeps its
 * leases over a broken connection, and gives all back when it ends, however it ends.
 *
 * ```ts
 * program.pipe(Effect.provide(DaemonClient.layer()))
 * ```
 *
 * What differs from a manager in the same process, because the daemon can take
 * leases back or be started anew without its journal:
 *
 * - The body of any `withLease` is interrupted when its lease is taken (revoked, or
 *   lost with its session). The call fails with `LeaseRevoked` where it has an expiry,
 *   and with `ManagerStopped` otherwise.
 * - Calls wait while the daemon is away. Claims that wait are asked anew where the
 *   daemon knows the session no more.
 */
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Layer from "effect/Layer"
import type { ConnectionOptions, DaemonConnection } from "./DaemonConnection.ts"
import type { InvalidAddress, UnsafeFolder } from "./Errors.ts"
import * as internal from "./internal/client.ts"
import type { LinkError } from "./internal/link.ts"

export interface DaemonClientOptions extends ConnectionOptions {
  /** The only agent that it acts as. Any, unless given. */
  readonly agent?: string | undefined
  /** What its session is called among people. Unless given, the process's id. */
  readonly name?: string | undefined
  /**
   * `<lease>.<key>` of the lease that all of it is inside of. Unless given:
   * `$RESOURCE_MANAGER_LEASE`, where the daemon knows it.
   */
  readonly inside?: string | undefined
}

/** A client until the scope closes: then everything that it still holds comes back. */
export const layer = (
  options: DaemonClientOptions = {}
): Layer.Layer<ResourceManager | DaemonConnection, LinkError | InvalidAddress | UnsafeFolder> =>
  Layer.effectContext(internal.client(options))
