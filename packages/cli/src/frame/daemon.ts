/**
 * The one place that commands reach the daemon through. It connects, says how to
 * start one where there is none, and makes of every error one line and an exit code.
 */
import * as DaemonConnection from "@resource-manager/daemon/DaemonConnection"
import { DaemonUnreachable } from "@resource-manager/daemon/Errors"
import * as Places from "@resource-manager/daemon/Places"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { exitCodes } from "../exitCodes.ts"
import { programName } from "../program.ts"
import { CommandFailed, type ExitCode, failed } from "./CommandFailed.ts"

/** How long one answer may take. */
const answerTimeout = Duration.seconds(10)

export interface Daemon {
  readonly address: string
  /** One call, made once. */
  readonly call: <A, E>(
    make: (rpc: DaemonConnection.DaemonRpc) => Effect.Effect<A, E>
  ) => Effect.Effect<A, CommandFailed>
  /** A stream, begun again where its connection goes. */
  readonly stream: <A, E>(
    make: (rpc: DaemonConnection.DaemonRpc) => Stream.Stream<A, E>
  ) => Stream.Stream<A, CommandFailed>
}

const codes = new Map<string, ExitCode>([
  ["DaemonUnreachable", exitCodes.unreachable],
  ["ProtocolMismatch", exitCodes.unreachable],
  ["LaunchFailed", exitCodes.unreachable],
  ["TokenRefused", exitCodes.denied],
  ["NotAllowed", exitCodes.denied],
  ["InvalidAddress", exitCodes.usage]
])

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : ""

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error)

/** What is to be done where no daemon answers. */
const howToStart = (address: string): string => {
  const own = `unix:${Places.make(process.env).socket}`
  if (address === own) return `start one with \`${programName} serve\``
  const from = address === normal(process.env["RESOURCE_MANAGER_CONNECT"]) ? ", or unset RESOURCE_MANAGER_CONNECT" : ""
  return `start one there with \`${programName} serve --listen ${address}\`${from}`
}

/** As addresses are told. */
const normal = (address: string | undefined): string | undefined =>
  address === undefined || address.startsWith("tcp:") || address.startsWith("unix:") ? address : `unix:${address}`

/** What an error of the daemon or of its manager means to a command. */
export const toFailure = (error: unknown): CommandFailed => {
  if (error instanceof CommandFailed) return error
  const hint = error instanceof DaemonUnreachable ? `; ${howToStart(error.address)}` : ""
  return failed(codes.get(tagOf(error)) ?? exitCodes.refused, `${messageOf(error)}${hint}`)
}

/** Connects until the scope closes. */
export const connect = Effect.fnUntraced(function* (
  given: Option.Option<string>
): Effect.fn.Return<Daemon, CommandFailed, Scope.Scope> {
  const address = Option.getOrElse(given, () => Places.address(process.env))
  const layer = DaemonConnection.DaemonConnection.layer({ address, client: `${programName} (pid ${process.pid})` })
  const context = yield* Effect.mapError(Layer.build(layer), toFailure)
  const connection = Context.get(context, DaemonConnection.DaemonConnection)
  const silent = failed(
    exitCodes.unreachable,
    `the daemon at ${address} did not answer within ${Duration.toSeconds(answerTimeout)} seconds`
  )
  return {
    address,
    call: (make) =>
      connection
        .once(make)
        .pipe(
          Effect.mapError(toFailure),
          Effect.timeoutOrElse({ duration: answerTimeout, orElse: () => Effect.fail(silent) })
        ),
    stream: (make) => Stream.mapError(connection.stream(make), toFailure)
  }
})

/** Connects for one command. */
export const withDaemon = <A, E, R>(
  given: Option.Option<string>,
  use: (daemon: Daemon) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CommandFailed, Exclude<R, Scope.Scope>> => Effect.scoped(Effect.flatMap(connect(given), use))
