/** Clients of a daemon, assembled. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { parse } from "../Address.ts"
import type { DaemonClientOptions } from "../DaemonClient.ts"
import { type ConnectionOptions, DaemonConnection } from "../DaemonConnection.ts"
import { ownIdentity } from "./ownIdentity.ts"
import { markerVariable } from "../process/Identity.ts"
import * as Places from "../Places.ts"
import * as Tokens from "../Tokens.ts"
import { ClientClaims } from "./clientClaims.ts"
import * as ClientManager from "./clientManager.ts"
import { unreachable } from "./clientTransport.ts"
import { type CallFailure, isLinkError, Link, type LinkOptions } from "./link.ts"

const connectTimeoutDefault = "10 seconds"

const linkOptions = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const address = yield* parse(options.address ?? Places.address())
  if (address._tag === "Unix") yield* Places.trusted(address.path)
  return {
    address,
    token: options.token ?? Tokens.fromEnvironment(process.env),
    client: options.client ?? `pid ${process.pid}`,
    connectMillis: Duration.toMillis(options.connectTimeout ?? connectTimeoutDefault),
    session: undefined,
    ack: () => 0,
    onSession: () => Effect.void,
    onLost: () => undefined
  } satisfies LinkOptions
})

const serviceOf = (link: Link, options: LinkOptions): DaemonConnection["Service"] => ({
  welcome: Effect.suspend(() =>
    link.welcome === undefined ? Effect.die(new Error("there has been no connection")) : Effect.succeed(link.welcome)
  ),
  call: link.call,
  once: (make) =>
    Effect.flatMap(link.ready, (rpc) =>
      Effect.catch(make(rpc), (error) =>
        Effect.fail(
          isLinkError(error)
            ? unreachable(options.address, error.reason.message)
            : // The errors of the connection are gone from it.
              (error as CallFailure<typeof error>)
        )
      )
    ),
  stream: <A, E>(make: (rpc: Parameters<Parameters<Link["call"]>[0]>[0]) => Stream.Stream<A, E>) => {
    const once: Stream.Stream<Option.Option<A>, CallFailure<E>> = Stream.unwrap(
      Effect.map(link.ready, (rpc) =>
        Stream.map(make(rpc), Option.some).pipe(
          Stream.concat(Stream.succeed(Option.none())),
          Stream.catch((error) =>
            // Begun again where its connection went.
            isLinkError(error) ? again : Stream.fail(error as CallFailure<E>)
          )
        )
      )
    )
    const again: Stream.Stream<Option.Option<A>, CallFailure<E>> = Stream.suspend(() => once)
    return Stream.takeWhile(once, Option.isSome).pipe(Stream.map((some) => some.value))
  }
})

export const connection = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const resolved = yield* linkOptions(options)
  const link = new Link(resolved)
  yield* link.start
  return serviceOf(link, resolved)
})

export const client = Effect.fnUntraced(function* (options: DaemonClientOptions) {
  const resolved = yield* linkOptions(options)
  const inherited = process.env[markerVariable] || undefined
  const identity = resolved.address._tag === "Unix" ? yield* ownIdentity : undefined
  // One refers to the other: the claims know what became of the session, the link whose it is.
  const made: { claims?: ClientClaims } = {}
  const sessionWith = (inside: string | undefined): LinkOptions => ({
    ...resolved,
    session: { name: options.name ?? `pid ${process.pid}`, agent: options.agent, inside, process: identity },
    ack: () => made.claims?.ack() ?? 0,
    onSession: (opened) => made.claims?.onSession(opened) ?? Effect.void,
    onLost: () => made.claims?.onLost()
  })
  const start = (inside: string | undefined) =>
    Effect.gen(function* () {
      const link = new Link(sessionWith(inside))
      made.claims = new ClientClaims(link)
      yield* link.start
      return { link, claims: made.claims }
    })
  const asked = options.inside ?? inherited
  const { claims, link } = yield* Effect.catchTag(start(asked), "ForeignLease", (error) =>
    // The parent may be another daemon's command; what was given on purpose has to fit.
    options.inside === undefined
      ? Effect.andThen(Effect.logWarning(`${error.message}; going on outside of it`), start(undefined))
      : Effect.fail(error)
  )
  yield* Effect.forkScoped(revocations(link, claims))
  yield* Effect.addFinalizer(() => close(link))
  return Context.make(ResourceManager, ClientManager.make(link, claims)).pipe(
    Context.add(DaemonConnection, serviceOf(link, resolved))
  )
})

/** Leases that are taken, as long as there is a daemon to tell of them. */
const revocations = (link: Link, claims: ClientClaims): Effect.Effect<void> =>
  Effect.flatMap(link.ready, (rpc) =>
    Stream.runForEach(rpc.Revocations(), (event) =>
      Effect.sync(() => {
        if (event._tag === "Returned") claims.onReturned(event)
        else if (event._tag === "Noticed") claims.onNoticed(event)
      })
    )
  ).pipe(
    Effect.catch((error) => (isLinkError(error) || error._tag === "SessionUnknown" ? Effect.sleep(10) : Effect.never)),
    Effect.forever
  )

/** Gives everything back at once, where the daemon is there to take it. */
const close = (link: Link): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { rpc } = link
    link.finish()
    return rpc === undefined ? Effect.void : Effect.ignore(Effect.timeoutOption(rpc.CloseSession(), "1 second"))
  })
