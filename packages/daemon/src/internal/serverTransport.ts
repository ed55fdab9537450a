/**
 * Connections of clients, as effect/rpc's server sees them. What a hostile peer
 * can do ends here:
 *
 * - L1 A message is at most `messageBytes`; more, or what is no message, cuts the
 *   connection, after a line that says why.
 * - L2 At most `connections` are open; one more is told so and closed.
 * - L3 At most `callsPerConnection` of a connection's calls are under way, each with an
 *   id of its own.
 * - L4 Of what a client does not read at most `outgoingBytes` are kept, besides one
 *   answer; then it is cut. Streams send the next chunk only once one was received.
 * - L5 A connection that has not introduced itself after `helloMillis` is cut.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import { chmodSync, lstatSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { dirname } from "node:path"
import { type Address, format } from "../Address.ts"
import { ListenFailed, type UnsafeFolder } from "../Errors.ts"
import { socketFolder } from "../Places.ts"
import { answers } from "./clientTransport.ts"
import { Inbox } from "./inbox.ts"
import { keepAliveMillis, timerMillis } from "./timers.ts"

export interface TransportLimits {
  readonly connections: number
  readonly callsPerConnection: number
  readonly outgoingBytes: number
  readonly helloMillis: number
}

/** One client's connection. */
export interface Connection {
  readonly id: number
  /** Whether it came by the Unix socket, so from this user on this machine. */
  readonly isUnix: boolean
  /** Where it came over the limit: only told so. */
  readonly isExcess: boolean
  readonly socket: Net.Socket
  /** The ids of the calls that are under way. */
  readonly calls: Set<number | string>
  /** Its client makes no more calls. */
  ended: boolean
  /** It said who it is. */
  introduced: boolean
}

export interface ServerTransportOptions {
  readonly listen: ReadonlyArray<Address>
  readonly serialization: RpcSerialization.RpcSerialization["Service"]
  readonly limits: TransportLimits
  readonly onOpen: (connection: Connection) => void
  readonly onClose: (connection: Connection) => void
  /**
   * Answers a call in the step in which it arrives, with a value that is its own JSON; `undefined` leaves it to
   * effect/rpc's server, as if it had not been asked.
   */
  readonly answerAtOnce: (connection: Connection, tag: string, payload: unknown) => Success | undefined
}

/** What a call is answered that succeeds. */
export interface Success {
  readonly _tag: "Success"
  readonly value: unknown
}

/** How many connections over the limit are let in to be told so. */
const excessMax = 16

const isPair = (header: unknown): boolean =>
  Array.isArray(header) && header.length === 2 && typeof header[0] === "string" && typeof header[1] === "string"

/** Whether a decoded message has the form that effect/rpc takes for granted. */
const isMessage = (message: unknown): message is FromClientEncoded => {
  if (typeof message !== "object" || message === null || !("_tag" in message)) return false
  const fields: Readonly<Record<string, unknown>> = { ...message }
  const isId = (id: unknown) => typeof id === "number" || (typeof id === "string" && id.length <= 64)
  switch (fields["_tag"]) {
    case "Request":
      return (
        isId(fields["id"]) &&
        typeof fields["tag"] === "string" &&
        Array.isArray(fields["headers"]) &&
        fields["headers"].every(isPair) &&
        // Calls without an answer would be work that no limit counts.
        fields["isNotification"] === undefined &&
        fields["discard"] === undefined
      )
    case "Ack":
    case "Interrupt":
      return isId(fields["requestId"])
    case "Ping":
    case "Eof":
      return true
    default:
      return false
  }
}

export const make = Effect.fnUntraced(function* (options: ServerTransportOptions): Effect.fn.Return<
  {
    readonly protocol: RpcServer.Protocol["Service"]
    readonly connections: ReadonlyMap<number, Connection>
    readonly addresses: ReadonlyArray<Address>
    readonly cut: (connection: Connection, why: string) => void
    /** Takes no connections any more and ends those that are, without a word: whoever is on them connects again. */
    readonly close: Effect.Effect<void>
  },
  ListenFailed | UnsafeFolder,
  Scope.Scope
> {
  const { limits, serialization } = options
  const context = Context.omit(RpcServer.Protocol)(yield* Effect.context<never>()) as Context.Context<never>
  const connections = new Map<number, Connection>()
  const writers = new Map<number, (message: FromServerEncoded) => void>()
  const disconnects = yield* Queue.make<number>()
  let count = 0
  let writeRequest: (clientId: number, message: FromClientEncoded) => Effect.Effect<void> = () => Effect.void

  /** Ends a connection, with a line that says why where its peer still reads. */
  const cut = (connection: Connection, why: string): void => {
    const { socket } = connection
    if (socket.destroyed) return
    if (socket.writableLength <= limits.outgoingBytes) {
      writers.get(connection.id)?.({ _tag: "Defect", defect: why })
      socket.destroySoon()
    } else {
      socket.destroy()
    }
    closed(connection)
  }

  const closed = (connection: Connection): void => {
    if (!connections.delete(connection.id)) return
    writers.delete(connection.id)
    Queue.offerUnsafe(disconnects, connection.id)
    options.onClose(connection)
  }

  /** Answers what can be answered now, in its turn: without a fiber, a scope and the rest of what a call may need. */
  const atOnce = (connection: Connection) => (message: FromClientEncoded) => {
    const { calls, ended, id } = connection
    if (message._tag !== "Request" || ended || !connections.has(id)) return false
    if (calls.has(message.id) || calls.size >= limits.callsPerConnection) return false
    try {
      const exit = options.answerAtOnce(connection, message.tag, message.payload)
      if (exit === undefined) return false
      answer(connection, { _tag: "Exit", requestId: message.id, exit })
    } catch (cause) {
      cut(connection, `the daemon failed: ${String(cause)}`)
    }
    return true
  }

  const handle = (connection: Connection) => (message: FromClientEncoded) => {
    if (!connections.has(connection.id)) return Effect.void
    if (message._tag === "Eof") connection.ended = true
    if (message._tag === "Request") {
      const { calls } = connection
      if (calls.has(message.id)) {
        cut(connection, "the id of a call that is under way")
        return Effect.void
      }
      if (calls.add(message.id).size > limits.callsPerConnection) {
        cut(connection, `more than ${limits.callsPerConnection} calls at once`)
        return Effect.void
      }
    }
    // A message that the server cannot take (an id that is in use, a call after the end) interrupts it.
    return Effect.catchCause(writeRequest(connection.id, message), () =>
      Effect.sync(() => cut(connection, "a message out of place"))
    )
  }

  const accept = (isUnix: boolean) => (socket: Net.Socket) => {
    socket.on("error", () => socket.destroy())
    if (connections.size >= limits.connections + excessMax) {
      socket.destroy()
      return
    }
    const connection: Connection = {
      id: count++,
      isUnix,
      isExcess: connections.size >= limits.connections,
      socket,
      calls: new Set(),
      ended: false,
      introduced: false
    }
    socket.setNoDelay(true)
    // A machine that is gone without a word would have its connection for ever.
    if (!isUnix) socket.setKeepAlive(true, keepAliveMillis)
    const parser = serialization.makeUnsafe()
    const inbox = new Inbox<FromClientEncoded>(socket, context, atOnce(connection), handle(connection))
    connections.set(connection.id, connection)
    writers.set(connection.id, (message) => {
      const encoded = parser.encode(message)
      if (encoded !== undefined && !socket.writableEnded) socket.write(encoded)
    })
    const late = () => {
      if (!connection.introduced) cut(connection, `it did not say who it is within ${limits.helloMillis} ms`)
    }
    const hello = setTimeout(
      // What came while the daemon itself stood still is read first.
      () => setImmediate(late),
      timerMillis(connection.isExcess ? Math.min(1_000, limits.helloMillis) : limits.helloMillis)
    )
    socket.on("close", () => {
      clearTimeout(hello)
      closed(connection)
    })
    socket.on("data", (bytes) => {
      if (!connections.has(connection.id)) return
      let messages: ReadonlyArray<unknown>
      try {
        messages = parser.decode(bytes)
      } catch (cause) {
        return cut(connection, cause instanceof Error && cause.message !== "" ? cause.message : "no message")
      }
      if (!messages.every(isMessage)) return cut(connection, "no message of this protocol")
      inbox.push(messages)
    })
    options.onOpen(connection)
  }

  const answer = (connection: Connection, message: FromServerEncoded): void => {
    if (connection.socket.writableLength > limits.outgoingBytes) {
      return cut(connection, `more than ${limits.outgoingBytes} bytes were not read`)
    }
    writers.get(connection.id)?.(message)
  }

  const send = (clientId: number, message: FromServerEncoded) =>
    Effect.sync(() => {
      const connection = connections.get(clientId)
      if (connection === undefined) return
      if (message._tag === "Exit") connection.calls.delete(message.requestId)
      answer(connection, message)
    })

  const protocol = yield* RpcServer.Protocol.make((write) => {
    writeRequest = write
    return Effect.succeed({
      disconnects,
      send,
      end: (clientId) => Effect.sync(() => connections.get(clientId)?.socket.destroySoon()),
      clientIds: Effect.sync(() => new Set(connections.keys())),
      initialMessage: Effect.succeed(Option.none()),
      supportsAck: true,
      supportsTransferables: false,
      supportsSpanPropagation: false,
      supportsNotifications: false,
      codecFor: serialization.codecFor
    })
  })

  const servers: Array<Net.Server> = []
  const addresses: Array<Address> = []
  for (const address of options.listen) {
    const server = yield* listen(address, accept(address._tag === "Unix"))
    servers.push(server)
    addresses.push(boundAddress(address, server))
  }
  const close = Effect.sync(() => {
    for (const server of servers) server.close()
    for (const connection of connections.values()) {
      connection.socket.destroySoon()
      closed(connection)
    }
  })
  yield* Effect.addFinalizer(() => close)
  return { protocol, connections, addresses, cut, close }
})

/** The port that the system chose, where it was to choose. */
const boundAddress = (address: Address, server: Net.Server): Address => {
  const bound = server.address()
  return address._tag === "Tcp" && typeof bound === "object" && bound !== null
    ? { ...address, port: bound.port }
    : address
}

/** Why a path cannot be listened on. What a dead daemon left there is removed. */
const prepare = (address: Address & { readonly _tag: "Unix" }): Effect.Effect<string | undefined, UnsafeFolder> =>
  Effect.gen(function* () {
    yield* socketFolder(dirname(address.path))
    const stat = lstatSync(address.path, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (!stat.isSocket()) return "something that is no socket is there"
    if (yield* answers(address)) return "another daemon answers there"
    return yield* Effect.sync(() => {
      try {
        rmSync(address.path, { force: true })
        return undefined
      } catch (cause) {
        return `what is left there cannot be removed: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    })
  })

const listenFailed = (address: Address, reason: string) =>
  new ListenFailed({
    address: format(address),
    reason,
    message: `the daemon cannot listen on ${format(address)}: ${reason}`
  })

const listen = (
  address: Address,
  accept: (socket: Net.Socket) => void
): Effect.Effect<Net.Server, ListenFailed | UnsafeFolder> =>
  Effect.gen(function* () {
    const stale = address._tag === "Unix" ? yield* prepare(address) : undefined
    if (stale !== undefined) return yield* listenFailed(address, stale)
    return yield* bind(address, accept)
  })

const bind = (address: Address, accept: (socket: Net.Socket) => void): Effect.Effect<Net.Server, ListenFailed> =>
  Effect.callback((resume) => {
    const fail = (reason: string) => resume(Effect.fail(listenFailed(address, reason)))
    const server = Net.createServer(accept)
    server.once("error", (cause: NodeJS.ErrnoException) => fail(cause.code ?? cause.message))
    const ready = () => resume(Effect.succeed(server))
    if (address._tag === "Tcp") {
      server.listen({ host: address.host, port: address.port }, ready)
      return
    }
    // The socket is made in this very call: nobody else may connect before its mode is set.
    const mask = process.umask(0o177)
    try {
      server.listen({ path: address.path }, ready)
      chmodSync(address.path, 0o600)
    } catch (cause) {
      fail(cause instanceof Error ? cause.message : String(cause))
    } finally {
      process.umask(mask)
    }
  })
