/**
 * The daemon's own calls, for tools that watch and steer it: status, events,
 * revoking leases, binding processes, and whatever else `ResourceManager` has not.
 *
 * ```ts
 * const daemon = yield* DaemonConnection
 * const status = yield* daemon.call((rpc) => rpc.Status())
 * ```
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { DaemonUnreachable, InvalidAddress, UnsafeFolder } from "./Errors.ts"
import * as internal from "./internal/client.ts"
import type { CallFailure, DaemonRpc, LinkError } from "./internal/link.ts"
import type { Welcome } from "./Protocol.ts"

export type { CallFailure, DaemonRpc, LinkError, LinkRefused } from "./internal/link.ts"

export interface ConnectionOptions {
  /** `unix:PATH`, `PATH` or `tcp:HOST:PORT`. Unless given: `$RESOURCE_MANAGER_CONNECT`, else the user's daemon. */
  readonly address?: string | undefined
  /** Unless given: `$RESOURCE_MANAGER_TOKEN`, else what is in the file `$RESOURCE_MANAGER_TOKEN_FILE`. */
  readonly token?: string | undefined
  /** Who connects, for people. */
  readonly client?: string | undefined
  /** How long the first connection may take. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
}

export class DaemonConnection extends Context.Service<
  DaemonConnection,
  {
    /** What the daemon said of itself when the last connection began. */
    readonly welcome: Effect.Effect<Welcome>
    /** A call, made again on the next connection where this one goes: for calls that may be repeated. */
    readonly call: <A, E>(make: (rpc: DaemonRpc) => Effect.Effect<A, E>) => Effect.Effect<A, CallFailure<E>>
    /** A call, made once. Fails with `DaemonUnreachable` where its connection goes: it may have been carried out. */
    readonly once: <A, E>(
      make: (rpc: DaemonRpc) => Effect.Effect<A, E>
    ) => Effect.Effect<A, CallFailure<E> | DaemonUnreachable>
    /** A stream, begun again on the next connection where this one goes. */
    readonly stream: <A, E>(make: (rpc: DaemonRpc) => Stream.Stream<A, E>) => Stream.Stream<A, CallFailure<E>>
  }
>()("@resource-manager/daemon/DaemonConnection") {
  /** A connection without a session: it reads and steers, and claims nothing. */
  static readonly layer = (
    options: ConnectionOptions = {}
  ): Layer.Layer<DaemonConnection, LinkError | InvalidAddress | UnsafeFolder> =>
    Layer.effect(DaemonConnection, internal.connection(options))
}
