/** How a connection begins: who speaks, what it may do, and the session that it is for. */
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import { ForeignLease, NotAllowed, ProtocolMismatch } from "../Errors.ts"
import * as Protocol from "../Protocol.ts"
import type { ProcessIdentity } from "../process/Identity.ts"
import type { Service as ProcessTable } from "../process/ProcessTable.ts"
import type { Tokens } from "../Tokens.ts"
import type { LeaseKeys } from "./leaseKeys.ts"
import { limitExceeded, limitReached, type Peer, type SessionHost } from "./sessionHost.ts"

export interface IntroductionOptions {
  readonly host: SessionHost
  readonly tokens: Tokens
  readonly keys: LeaseKeys
  readonly processes: ProcessTable | undefined
  readonly connectionsMax: number
  readonly welcome: Omit<Protocol.Welcome, "rights">
  /** Ends a connection once its answer is out. */
  readonly dismiss: (peer: Peer, why: string) => void
}

export const make = (options: IntroductionOptions) => {
  const { dismiss, host, keys, processes, tokens, welcome } = options

  const hello = (
    peer: Peer,
    payload: Rpc.Payload<typeof Protocol.Hello>
  ): Effect.Effect<Protocol.Welcome, Rpc.Error<typeof Protocol.Hello>> => {
    if (peer.connection.isExcess) {
      dismiss(peer, "too many connections")
      return Effect.fail(limitExceeded("connections", options.connectionsMax, options.connectionsMax, "the daemon"))
    }
    if (payload.protocol !== Protocol.protocolVersion) {
      dismiss(peer, "another version of the protocol")
      const newer = payload.protocol > Protocol.protocolVersion
      return Effect.fail(
        new ProtocolMismatch({
          daemonVersion: welcome.version,
          daemonProtocol: Protocol.protocolVersion,
          clientProtocol: payload.protocol,
          message:
            `daemon ${welcome.version} speaks protocol ${Protocol.protocolVersion}, this client (${payload.client}) ${payload.protocol}: ` +
            (newer ? "restart the daemon with the client's version" : "use the daemon's version of the client")
        })
      )
    }
    return tokens.rights(payload.token, peer.connection.isUnix).pipe(
      Effect.tapError((error) => Effect.sync(() => dismiss(peer, error.message))),
      Effect.map((rights) => {
        peer.rights = rights
        peer.connection.introduced = true
        return { ...welcome, rights }
      })
    )
  }

  /** A process that is not seen here (in another container, say) is not waited for. */
  const seen = (process: ProcessIdentity | undefined, isUnix: boolean): Effect.Effect<ProcessIdentity | undefined> =>
    process === undefined || processes === undefined || !isUnix
      ? Effect.succeed(undefined)
      : Effect.orElseSucceed(
          Effect.map(processes.isAlive(process), (lives) => (lives ? process : undefined)),
          () => undefined
        )

  const openSession = (
    peer: Peer,
    payload: Rpc.Payload<typeof Protocol.OpenSession>
  ): Effect.Effect<Rpc.Success<typeof Protocol.OpenSession>, Rpc.Error<typeof Protocol.OpenSession>> =>
    Effect.gen(function* () {
      if (peer.session !== undefined) {
        return yield* new NotAllowed({
          action: "opening a session",
          agent: peer.rights?.agent,
          message: "this connection has a session already"
        })
      }
      if (payload.resume !== undefined) {
        const known = host.sessions.get(payload.resume)
        // One that is bound to no agent holds what is any agent's.
        const denied =
          known === undefined
            ? undefined
            : known.facts.agent === undefined
              ? host.mayActAsAny(peer, "the session")
              : host.mayActAs(peer, known.facts.agent, "the session")
        if (denied !== undefined) return yield* Effect.fail(denied)
        const session = host.resume(peer, payload.resume)
        if (session instanceof Error) return yield* session
        return answerOf(session)
      }
      if (payload.agent !== undefined) {
        const denied = host.mayActAs(peer, payload.agent, "a session")
        if (denied !== undefined) return yield* Effect.fail(denied)
      }
      const inside = payload.inside === undefined ? undefined : keys.verify(payload.inside)
      if (payload.inside !== undefined && inside === undefined) {
        return yield* new ForeignLease({
          lease: Number.parseInt(payload.inside, 10) || 0,
          message:
            "the key in RESOURCE_MANAGER_LEASE is not this daemon's: unset it, or connect to the daemon that gave it"
        })
      }
      const process = yield* seen(payload.process, peer.connection.isUnix)
      const session = host.open(peer, {
        agent: peer.rights?.agent ?? payload.agent,
        name: payload.name?.slice(0, 256),
        process,
        inside
      })
      if ("_tag" in session) return yield* limitReached(session, "the daemon")
      return answerOf(session)
    })

  const answerOf = (session: NonNullable<Peer["session"]>): Rpc.Success<typeof Protocol.OpenSession> => ({
    session: session.id,
    tickets: [...session.tickets],
    returned: [...session.returned],
    ...(session.facts.inside === undefined ? {} : { inside: session.facts.inside })
  })

  return { hello, openSession }
}

export type Introductions = ReturnType<typeof make>
