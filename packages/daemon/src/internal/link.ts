/**
 * A link to the daemon that outlives its connections: it connects again for ever,
 * introduces itself, goes on with its session, and tells what became of it.
 *
 * - C1 Calls wait for the link to be ready, and are made again when their
 *   connection goes: whoever makes them sees to it that they can be (command ids).
 * - C2 The session is gone where the daemon says that it knows none such.
 * - C3 Over TCP it is gone too when nothing that was sent in nine tenths of the
 *   session timeout was answered: soon the daemon gives its leases to others. Over a
 *   Unix socket silence means that the daemon stands still, and so do its grants.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import {
  ClientClosed,
  type DaemonUnreachable,
  type ForeignLease,
  LimitExceeded,
  type NotAllowed,
  type ProtocolMismatch,
  SessionUnknown,
  type TokenRefused
} from "../Errors.ts"
import type { ProcessIdentity } from "../process/Identity.ts"
import {
  answerBytesMax,
  Claim,
  DaemonRpcs,
  messageBytesDefault,
  protocolVersion,
  Release,
  type ReturnedLease,
  serialization,
  type Welcome
} from "../Protocol.ts"
import * as ClientTransport from "./clientTransport.ts"
import type { Calling } from "./directCalls.ts"
import { fitsTimer, timerMillis } from "./timers.ts"

type ClientRpc = RpcClient.RpcClient<RpcGroup.Rpcs<typeof DaemonRpcs>, RpcClientError>

/** effect/rpc's client, but for the calls that are made beneath it. */
export type DaemonRpc = Omit<ClientRpc, "Claim" | "Release"> & {
  readonly Claim: Calling<typeof Claim>
  readonly Release: Calling<typeof Release>
}

/** What a call may fail with: its own errors, and that there is no link. */
export type CallFailure<E> = Exclude<E, RpcClientError> | LinkRefused

/** Why a link cannot be, however often it is tried. */
export type LinkRefused = ClientClosed | ProtocolMismatch | TokenRefused | LimitExceeded | NotAllowed | ForeignLease
export type LinkError = DaemonUnreachable | LinkRefused

export interface SessionRequest {
  readonly name: string | undefined
  readonly agent: string | undefined
  readonly inside: string | undefined
  readonly process: ProcessIdentity | undefined
}

/** What became of the session on a new connection. */
export interface SessionOpened {
  readonly resumed: boolean
  readonly tickets: ReadonlySet<number>
  readonly inside: number | undefined
  readonly returned: ReadonlyArray<ReturnedLease>
  readonly rpc: DaemonRpc
}

export interface LinkOptions {
  readonly address: Address
  readonly token: string | undefined
  /** Who speaks, for people. */
  readonly client: string
  readonly connectMillis: number
  /** Without one there is no session on the link. */
  readonly session: SessionRequest | undefined
  /** All answers below were received. */
  readonly ack: () => number
  readonly onSession: (opened: SessionOpened) => Effect.Effect<void>
  readonly onLost: () => void
}

interface Current {
  readonly rpc: DaemonRpc
  readonly closed: Deferred.Deferred<void>
  /** Ends the connection. */
  readonly close: () => void
}

/** A daemon that comes back meets all of its clients: nobody gives up on its answer soon, and asks again. */
const answerMillisMin = 60_000
const retryMillisMin = 20
const retryMillisMax = 1_000

/** Whether a call failed because of its connection. */
export const isLinkError = (error: unknown): error is RpcClientError => error instanceof RpcClientError

const isTooLarge = (error: RpcClientError): boolean => error.reason.message === ClientTransport.tooLarge

export class Link {
  private readonly options: LinkOptions
  private current: Current | undefined
  private readonly waiters = new Set<() => void>()
  private session: string | undefined
  private refused: LinkRefused | undefined
  private heartbeat: NodeJS.Timeout | undefined
  private silence: NodeJS.Timeout | undefined
  welcome: Welcome | undefined

  constructor(options: LinkOptions) {
    this.options = options
  }

  /** The calls of the connection, if there is one now. */
  get rpc(): DaemonRpc | undefined {
    return this.current?.rpc
  }

  /** Completes once there is a connection with its session; fails where there never will be. */
  readonly ready: Effect.Effect<DaemonRpc, LinkRefused> = Effect.callback<DaemonRpc, LinkRefused>((resume) => {
    const look = () => {
      if (this.refused !== undefined) resume(Effect.fail(this.refused))
      else if (this.current !== undefined) resume(Effect.succeed(this.current.rpc))
      else return false
      return true
    }
    if (look()) return
    const waiter = () => {
      if (look()) this.waiters.delete(waiter)
    }
    this.waiters.add(waiter)
    return Effect.sync(() => this.waiters.delete(waiter))
  })

  /** Connects, and stays connected until the scope closes. Fails where the first connection does. */
  readonly start: Effect.Effect<void, LinkError, Scope.Scope> = Effect.gen({ self: this }, function* () {
    const first = yield* this.connect
    const fiber = yield* Effect.forkScoped(this.keep(first))
    yield* Effect.addFinalizer(() =>
      Effect.gen({ self: this }, function* () {
        this.finish()
        clearInterval(this.heartbeat)
        clearTimeout(this.silence)
        this.current?.close()
        yield* Fiber.interrupt(fiber)
      })
    )
  })

  /**
   * A call, made again until a connection carried it, in the next session where the
   * daemon knows this one no more.
   */
  readonly call = <A, E>(make: (rpc: DaemonRpc) => Effect.Effect<A, E>): Effect.Effect<A, CallFailure<E>> =>
    Effect.suspend(() => {
      const rpc = this.refused === undefined ? this.rpc : undefined
      return rpc === undefined ? Effect.flatMap(this.ready, (next) => this.callOn(next, make)) : this.callOn(rpc, make)
    })

  private callOn<A, E>(
    rpc: DaemonRpc,
    make: (rpc: DaemonRpc) => Effect.Effect<A, E>
  ): Effect.Effect<A, CallFailure<E>> {
    return Effect.catch(make(rpc), (error): Effect.Effect<A, CallFailure<E>> => {
      if (isLinkError(error)) return isTooLarge(error) ? Effect.fail(this.tooLarge()) : this.call(make)
      if (error instanceof SessionUnknown) {
        this.renew(rpc)
        return this.call(make)
      }
      // The errors of the connection are dealt with above.
      return Effect.fail(error as Exclude<E, RpcClientError>)
    })
  }

  /** The daemon said on this connection that it knows no such session. Connecting again opens a new one. */
  private renew(rpc: DaemonRpc): void {
    const { current } = this
    if (current === undefined || current.rpc !== rpc) return
    this.lose()
    this.drop()
    current.close()
  }

  /** Makes no call any more, and fails what waits. */
  finish(): void {
    this.refused ??= new ClientClosed({ message: "the client of the daemon was closed" })
    this.wake()
  }

  private tooLarge(): LimitExceeded {
    const max = this.welcome?.messageBytes ?? messageBytesDefault
    return new LimitExceeded({
      limit: "messageBytes",
      value: max + 1,
      max,
      message: `the call makes a message of more than ${max} bytes, which the daemon does not take`
    })
  }

  private drop(): void {
    this.current = undefined
  }

  private lose(): void {
    if (this.session === undefined) return
    this.session = undefined
    this.options.onLost()
  }

  private wake(): void {
    for (const waiter of this.waiters) waiter()
  }

  private readonly connect: Effect.Effect<{ readonly current: Current; readonly scope: Scope.Closeable }, LinkError> =
    Effect.suspend(() => {
      const scope = Scope.makeUnsafe()
      const { address, connectMillis } = this.options
      const millis = this.welcome === undefined ? connectMillis : Math.max(connectMillis, answerMillisMin)
      const opened = Effect.timeoutOrElse(Scope.provide(this.opened, scope), {
        duration: millis,
        orElse: () => Effect.fail(ClientTransport.unreachable(address, `no answer within ${millis} ms`))
      })
      return Effect.onExit(opened, (exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)).pipe(
        Effect.map((current) => ({ current, scope }))
      )
    })

  private readonly opened: Effect.Effect<Current, LinkError, Scope.Scope> = Effect.gen({ self: this }, function* () {
    const { options } = this
    const closed = yield* Deferred.make<void>()
    const { destroy, direct, protocol } = yield* ClientTransport.make({
      address: options.address,
      serialization: serialization(answerBytesMax),
      messageBytes: () => this.welcome?.messageBytes ?? messageBytesDefault,
      connectMillis: options.connectMillis,
      onClosing: () => {
        if (this.current?.closed === closed) this.drop()
      },
      onClosed: () => Deferred.doneUnsafe(closed, Exit.void)
    })
    const client = yield* RpcClient.make(DaemonRpcs, { disableTracing: true, generateRequestId: direct.nextId }).pipe(
      Effect.provideService(RpcClient.Protocol, protocol)
    )
    const rpc: DaemonRpc = {
      ...client,
      Claim: direct.make(Claim, client.Claim),
      Release: direct.make(Release, client.Release)
    }
    const sentAt = performance.now()
    this.welcome = yield* broken(
      options.address,
      rpc.Hello({
        protocol: protocolVersion,
        client: options.client,
        ...(options.token === undefined ? {} : { token: options.token })
      })
    )
    if (options.session !== undefined) yield* this.openSession(rpc, options.session)
    this.confirm(sentAt)
    const current: Current = { rpc, closed, close: destroy }
    this.current = current
    this.beat()
    this.wake()
    return current
  })

  private readonly openSession = Effect.fnUntraced(function* (this: Link, rpc: DaemonRpc, request: SessionRequest) {
    const { address } = this.options
    const resumed =
      this.session === undefined
        ? undefined
        : yield* Effect.catchTag(broken(address, rpc.OpenSession({ resume: this.session })), "SessionUnknown", () =>
            Effect.succeed(undefined)
          )
    if (resumed === undefined) this.lose()
    const { agent, inside, name, process } = request
    const opened =
      resumed ??
      (yield* broken(
        address,
        rpc.OpenSession({
          ...(name === undefined ? {} : { name }),
          ...(agent === undefined ? {} : { agent }),
          ...(inside === undefined ? {} : { inside }),
          ...(process === undefined ? {} : { process })
        })
      ).pipe(Effect.catchTag("SessionUnknown", Effect.die)))
    this.session = opened.session
    yield* this.options.onSession({
      resumed: resumed !== undefined,
      tickets: new Set(opened.tickets),
      inside: opened.inside,
      returned: opened.returned,
      rpc
    })
  })

  /** Waits for the connection to go, and connects again, for ever. */
  private readonly keep = (first: {
    readonly current: Current
    readonly scope: Scope.Closeable
  }): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      let open = first
      while (true) {
        yield* Effect.onExit(Deferred.await(open.current.closed), () => Scope.close(open.scope, Exit.void))
        const next = yield* this.reconnect
        if (next === undefined) return
        open = next
      }
    })

  private readonly reconnect = Effect.gen({ self: this }, function* () {
    for (let pause = retryMillisMin; ; pause = Math.min(pause * 2, retryMillisMax)) {
      const attempt = yield* Effect.result(this.connect)
      if (attempt._tag === "Success") return attempt.success
      const error = attempt.failure
      if (error._tag !== "DaemonUnreachable" && error._tag !== "LimitExceeded") {
        this.lose()
        this.refused = error
        this.wake()
        return undefined
      }
      // Not all at once: a daemon that comes back meets all of its clients.
      yield* Effect.sleep(pause * (0.5 + Math.random()))
    }
  })

  // --- time

  private get timeoutMillis(): number {
    return this.welcome?.sessionTimeoutMillis ?? 10_000
  }

  private beat(): void {
    if (this.heartbeat !== undefined || this.options.session === undefined) return
    this.heartbeat = setInterval(() => this.tick(), timerMillis(this.timeoutMillis / 3))
  }

  private tick(): void {
    const rpc = this.current?.rpc
    if (rpc === undefined || this.refused !== undefined) return
    const sentAt = performance.now()
    Effect.runFork(
      Effect.matchEffect(rpc.Heartbeat({ ack: this.options.ack() }), {
        onFailure: (error) =>
          Effect.sync(() => {
            if (error._tag === "SessionUnknown") this.renew(rpc)
          }),
        onSuccess: () => Effect.sync(() => this.confirm(sentAt))
      })
    )
  }

  /** Something that was sent at this instant was answered (C3). */
  private confirm(sentAt: number): void {
    if (this.options.address._tag !== "Tcp" || this.options.session === undefined) return
    clearTimeout(this.silence)
    const giveUpAt = sentAt + this.timeoutMillis * 0.9
    // A heartbeat is answered, or is not, long before.
    if (!fitsTimer(giveUpAt - performance.now())) return
    this.silence = setTimeout(
      () => {
        const { current } = this
        this.lose()
        this.drop()
        current?.close()
      },
      Math.max(0, giveUpAt - performance.now())
    )
  }
}

/** A connection that goes while one introduces oneself is as good as none. */
const broken = <A, E>(address: Address, effect: Effect.Effect<A, E | RpcClientError>) =>
  Effect.catch(effect, (error) =>
    Effect.fail(
      isLinkError(error)
        ? ClientTransport.unreachable(address, error.reason.message)
        : (error as Exclude<E, RpcClientError>)
    )
  )
