/**
 * A connection to the daemon, as effect/rpc's client sees it. It connects once and
 * tells when the connection is gone; connecting again is the caller's.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import type { Scope } from "effect/Scope"
import * as Net from "node:net"
import { type Address, format } from "../Address.ts"
import { DaemonUnreachable } from "../Errors.ts"
import { DirectCalls } from "./directCalls.ts"
import { Inbox } from "./inbox.ts"
import { keepAliveMillis } from "./timers.ts"

export interface ClientTransportOptions {
  readonly address: Address
  readonly serialization: RpcSerialization.RpcSerialization["Service"]
  /** The longest message that the daemon takes. */
  readonly messageBytes: () => number
  readonly connectMillis: number
  /** No call can be made on it any more. */
  readonly onClosing: () => void
  /** All calls that were under way have failed. */
  readonly onClosed: () => void
}

export interface ClientTransport {
  readonly protocol: RpcClient.Protocol["Service"]
  /** The calls that are made beneath effect/rpc's client. */
  readonly direct: DirectCalls
  /** Ends the connection, and fails what is under way on it. */
  readonly destroy: () => void
}

const clientError = (message: string) =>
  new RpcClientError({ reason: new RpcClientDefect({ message, cause: message }) })

/** What calls fail with that the connection could not carry. */
export const disconnected = "the connection to the daemon is gone"
export const tooLarge = "the message is larger than the daemon takes"

export const unreachable = (address: Address, reason: string) =>
  new DaemonUnreachable({
    address: format(address),
    reason,
    message: `no daemon answers at ${format(address)} (${reason})`
  })

const connect = (options: ClientTransportOptions): Effect.Effect<Net.Socket, DaemonUnreachable, Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket, DaemonUnreachable>((resume) => {
      const { address } = options
      const socket =
        address._tag === "Unix" ? Net.createConnection(address.path) : Net.createConnection(address.port, address.host)
      const fail = (reason: string) => {
        socket.destroy()
        resume(Effect.fail(unreachable(address, reason)))
      }
      const timer = setTimeout(() => fail(`no answer within ${options.connectMillis} ms`), options.connectMillis)
      socket.once("connect", () => {
        clearTimeout(timer)
        socket.setNoDelay(true)
        if (address._tag === "Tcp") socket.setKeepAlive(true, keepAliveMillis)
        resume(Effect.succeed(socket))
      })
      // Kept on: without it a later error of the socket would end the process.
      socket.on("error", (cause: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        fail(cause.code ?? cause.message)
      })
      return Effect.sync(() => {
        clearTimeout(timer)
        socket.destroy()
      })
    }),
    (socket) => Effect.sync(() => socket.destroySoon())
  )

/** Whether somebody listens there now. */
export const answers = (address: Address): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket =
      address._tag === "Unix" ? Net.createConnection(address.path) : Net.createConnection(address.port, address.host)
    const tell = (there: boolean) => {
      socket.destroy()
      resume(Effect.succeed(there))
    }
    socket.once("connect", () => tell(true))
    socket.once("error", () => tell(false))
    return Effect.sync(() => socket.destroy())
  })

/** Connects, for as long as the scope is open. */
export const make = Effect.fnUntraced(function* (
  options: ClientTransportOptions
): Effect.fn.Return<ClientTransport, DaemonUnreachable, Scope> {
  const context: Context.Context<never> = yield* Effect.context<never>()
  const socket = yield* connect(options)
  const parser = options.serialization.makeUnsafe()
  let open = true

  /** Writes a message, or says why it cannot. */
  const write = (message: FromClientEncoded): RpcClientError | undefined => {
    if (!open) return message._tag === "Request" ? clientError(disconnected) : undefined
    const encoded = parser.encode(message)
    if (encoded === undefined) return undefined
    const bytes = typeof encoded === "string" ? encoded.length : encoded.byteLength
    if (bytes > options.messageBytes()) return clientError(tooLarge)
    socket.write(encoded)
    return undefined
  }
  const direct = new DirectCalls(options.serialization.codecFor, write)

  let destroy = () => undefined as void
  const protocol = yield* RpcClient.Protocol.make((deliver, clientIds) => {
    const tell = (message: FromServerEncoded): Effect.Effect<void> => {
      direct.hear(message)
      // There is one client on a connection.
      const told = Effect.forEach([...clientIds], (id) => deliver(id, message), { discard: true })
      // Whoever hears of the end may close the client: only once all calls know.
      return message._tag === "ClientProtocolError" ? Effect.ensuring(told, Effect.sync(options.onClosed)) : told
    }
    const inbox = new Inbox<FromServerEncoded>(socket, context, direct.settle, tell)
    const close = (why: string) => {
      if (!open) return
      open = false
      socket.destroy()
      options.onClosing()
      inbox.push([{ _tag: "ClientProtocolError", error: clientError(why) }])
    }
    destroy = () => close(disconnected)
    socket.on("data", (bytes) => {
      if (!open) return
      try {
        // The daemon is trusted with the form of what it sends.
        inbox.push(parser.decode(bytes) as ReadonlyArray<FromServerEncoded>)
      } catch (cause) {
        close(`the daemon sent what is no message: ${String(cause)}`)
      }
    })
    socket.on("close", () => close(disconnected))

    const send = (_: number, message: FromClientEncoded): Effect.Effect<void, RpcClientError> =>
      Effect.suspend(() => {
        const refused = write(message)
        return refused === undefined ? Effect.void : Effect.fail(refused)
      })

    return Effect.succeed({
      send,
      supportsAck: true,
      supportsTransferables: false,
      codecFor: options.serialization.codecFor
    })
  })
  return { protocol, direct, destroy: () => destroy() }
})
