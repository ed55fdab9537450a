/** The daemon's server, assembled. */
import { corrupt, type JournalFailed } from "@resource-manager/core/Journal"
import { LeaseTable } from "@resource-manager/core/LeaseTable"
import { Meter } from "@resource-manager/core/Meter"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Scope from "effect/Scope"
import { type Address, format, isLocal, parse } from "../Address.ts"
import type { DaemonServer, DaemonServerOptions } from "../DaemonServer.ts"
import { ListenFailed } from "../Errors.ts"
import { LeaseExits } from "../LeaseExits.ts"
import { LeaseReports } from "../LeaseReports.ts"
import { defaultLimits, type Limits } from "../Limits.ts"
import { ProcessTable } from "../process/ProcessTable.ts"
import { DaemonRpcs, protocolVersion, serialization, type Status } from "../Protocol.ts"
import * as Tokens from "../Tokens.ts"
import * as Administration from "./administration.ts"
import * as AnswersAtOnce from "./answersAtOnce.ts"
import { Claims } from "./claims.ts"
import { DeadlockLog } from "./deadlockLog.ts"
import * as Handlers from "./handlers.ts"
import * as Introductions from "./introductions.ts"
import * as LeaseKeys from "./leaseKeys.ts"
import * as Questions from "./questions.ts"
import * as Reports from "./reports.ts"
import * as Records from "./records.ts"
import * as ServerTransport from "./serverTransport.ts"
import { type Peer, SessionHost } from "./sessionHost.ts"

const sessionTimeoutDefault = Duration.seconds(10)

/** Beyond this machine nobody is let in without a token. */
const checkExposure = (addresses: ReadonlyArray<Address>, tokens: Tokens.TokenOptions) => {
  const exposed = addresses.find((address) => !isLocal(address))
  if (exposed === undefined) return Effect.void
  if ((tokens.admin?.length ?? 0) >= Tokens.tokenLengthMin) return Effect.void
  return Effect.fail(
    new ListenFailed({
      address: format(exposed),
      reason: "no admin token",
      message: `the daemon does not listen on ${format(exposed)}, beyond this machine, without an admin token of at least ${Tokens.tokenLengthMin} characters`
    })
  )
}

/** Completes once there was nothing to keep for that long. */
const untilIdle = Effect.fnUntraced(function* (isIdle: Effect.Effect<boolean>, millis: number) {
  const pause = Math.max(10, Math.min(1_000, millis / 10))
  let idleMillis = 0
  while (idleMillis < millis) {
    yield* Effect.sleep(pause)
    idleMillis = (yield* isIdle) ? idleMillis + pause : 0
  }
})

/** The processes of this machine, where they can be seen: those that are provided, or looked at here. */
const processTable = Effect.flatMap(Effect.serviceOption(ProcessTable), (provided) =>
  Option.isSome(provided)
    ? Effect.succeed(provided.value)
    : Effect.map(Effect.option(Layer.build(ProcessTable.layer)), (built) =>
        Option.getOrUndefined(Option.map(built, (context) => Context.get(context, ProcessTable)))
      )
)

export const make = Effect.fnUntraced(function* (options: DaemonServerOptions) {
  const manager = yield* ResourceManager
  const table = yield* LeaseTable
  const meter = yield* Meter
  const scope = yield* Scope.Scope
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const timeoutMillis = Duration.toMillis(options.sessionTimeout ?? sessionTimeoutDefault)
  const addresses = yield* Effect.forEach(options.listen, parse)
  yield* checkExposure(addresses, options.tokens ?? {})
  const processes = yield* processTable
  const ended = yield* Deferred.make<"shutdown" | "idle", JournalFailed>()
  const startedAt = Date.now()
  const version = options.version ?? "0.0.0"
  const durable = options.journal !== undefined
  const runFork = Effect.runForkWith(Context.omit(Scope.Scope)(yield* Effect.context<never>()))
  const track = Fiber.runIn(yield* Scope.fork(scope))
  const fork = (effect: Effect.Effect<void>) => track(runFork(effect))
  const peers = new Map<number, Peer>()

  const host = new SessionHost({
    table,
    sessions: {
      timeoutMillis,
      sessionsMax: limits.sessions,
      commandsMax: limits.commandsPerSession,
      leasesMax: limits.leasesPerSession
    },
    processes,
    terminate: options.processGrace === undefined ? {} : { grace: options.processGrace },
    fork,
    cut: (connection, why) => transport.cut(connection, why)
  })
  const { supervisor } = host
  const claims = new Claims(host, fork)
  const deadlocks = new DeadlockLog()
  const keys = yield* LeaseKeys.make(options.secretFile)

  const status = (counts: Pick<Status, "pools" | "agents" | "leases" | "waiters">): Status => ({
    version,
    protocol: protocolVersion,
    pid: process.pid,
    startedAt,
    uptimeMillis: Date.now() - startedAt,
    addresses: transport.addresses.map(format),
    ...(options.stateFolder === undefined ? {} : { stateFolder: options.stateFolder }),
    durable,
    ...(options.journal === undefined ? {} : { journal: options.journal() }),
    connections: transport.connections.size,
    sessions: host.sessions.size,
    orphans: supervisor.orphans,
    ...(options.idleTimeout === undefined ? {} : { idleTimeoutMillis: Duration.toMillis(options.idleTimeout) }),
    ...counts
  })

  // Sessions are taken up before anybody can come back to one.
  if (table.recovered !== undefined) {
    const restored = yield* Effect.mapError(Records.restore(table.recovered), (error) =>
      corrupt(
        String(options.journal?.()["file"] ?? "of the daemon"),
        `what it says of sessions is none: ${error.message}`
      )
    )
    const kept = host.restore(restored.sessions.values())
    yield* supervisor.restore(restored.processes)
    yield* claims.resumeAll
    yield* table.keepOnly(new Set([...kept, ...supervisor.bindings.keys()]))
    yield* supervisor.endUnowned
    host.lookForGone()
  }
  table.keeps(() => Records.stateOf(host.sessions.values(), supervisor.bindings))
  yield* table.onReturned(host.onReturned)
  yield* table.onNoticed(host.onNoticed)

  const transport: Effect.Success<ReturnType<typeof ServerTransport.make>> = yield* ServerTransport.make({
    listen: addresses,
    serialization: serialization(limits.messageBytes),
    limits,
    onOpen: (connection) => {
      peers.set(connection.id, {
        connection,
        rights: undefined,
        session: undefined,
        streams: 0,
        revocations: undefined
      })
    },
    onClose: (connection) => {
      const peer = peers.get(connection.id)
      peers.delete(connection.id)
      if (peer !== undefined) host.detach(peer)
    },
    // With a journal nothing is told at once.
    answerAtOnce: durable ? () => undefined : AnswersAtOnce.make(peers, claims)
  })

  const questions = Questions.make({ manager, meter, host, deadlocks, status })
  const reported = Option.getOrUndefined(yield* Effect.serviceOption(LeaseReports))
  const handlers = Handlers.make({
    peers,
    host,
    claims,
    questions,
    administration: Administration.make({
      manager,
      host,
      claims,
      registrationsMax: limits.registrations,
      shutdown: Effect.asVoid(Deferred.succeed(ended, "shutdown"))
    }),
    introductions: Introductions.make({
      host,
      tokens: Tokens.make(options.tokens ?? {}),
      keys,
      processes,
      connectionsMax: limits.connections,
      welcome: {
        protocol: protocolVersion,
        version,
        pid: process.pid,
        sessionTimeoutMillis: timeoutMillis,
        messageBytes: limits.messageBytes,
        commandsMax: limits.commandsPerSession,
        durable
      },
      dismiss: (peer, why) => {
        setTimeout(() => transport.cut(peer.connection, why), 20)
      }
    }),
    reports: Reports.make({
      manager,
      host,
      claims,
      keys,
      reports: reported
    }),
    deadlocks,
    keys,
    limits,
    manager,
    table,
    exits: Option.getOrUndefined(yield* Effect.serviceOption(LeaseExits))
  })

  yield* RpcServer.make(DaemonRpcs, { disableTracing: true, disableFatalDefects: true }).pipe(
    Effect.provideService(RpcServer.Protocol, transport.protocol),
    Effect.provide(DaemonRpcs.toLayer(handlers)),
    Effect.forkScoped
  )
  yield* Scope.addFinalizer(
    scope,
    // First of all: a call that the end interrupts is not to be answered so.
    Effect.andThen(
      transport.close,
      Effect.sync(() => host.close())
    )
  )
  yield* Effect.forkScoped(
    Effect.flatMap(table.failed, (error) => Effect.andThen(transport.close, Deferred.fail(ended, error)))
  )
  if (options.idleTimeout !== undefined) {
    const isIdle = Effect.gen(function* () {
      if (host.sessions.size > 0 || transport.connections.size > 0) return false
      // The next daemon would not know until when a service is left alone.
      return (yield* manager.leases).length === 0 && !(yield* Reports.isPaused(reported))
    })
    // Who is let in while that is decided would be cut off with a session that nobody takes up.
    const closed = Effect.suspend(() =>
      host.sessions.size === 0 && transport.connections.size === 0
        ? Effect.as(transport.close, true)
        : Effect.succeed(false)
    )
    const idle = Effect.repeat(Effect.andThen(untilIdle(isIdle, Duration.toMillis(options.idleTimeout)), closed), {
      until: (isClosed) => isClosed
    })
    yield* Effect.forkScoped(Effect.andThen(idle, Deferred.succeed(ended, "idle")))
  }
  const service: DaemonServer["Service"] = {
    addresses: transport.addresses,
    ended: Deferred.await(ended),
    status: questions.Status
  }
  return service
})
