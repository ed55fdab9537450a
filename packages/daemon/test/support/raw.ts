/** A client that keeps to no rule: it writes what it is told to a real socket. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { protocolVersion } from "../../src/Protocol.ts"
import { eventually } from "./daemon.ts"

export interface Answer {
  readonly _tag: string
  readonly requestId?: number
  readonly defect?: unknown
  /** Of a stream's chunk. */
  readonly values?: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly exit?: {
    readonly _tag: "Success" | "Failure"
    readonly value?: Readonly<Record<string, unknown>>
    readonly cause?: ReadonlyArray<{ readonly _tag: string; readonly error?: Readonly<Record<string, unknown>> }>
  }
}

export class Raw {
  readonly socket: Net.Socket
  readonly answers: Array<Answer> = []
  bytes = 0
  closed = false
  private text = ""
  private ids = 0

  constructor(socket: Net.Socket) {
    this.socket = socket
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      this.closed = true
    })
    socket.on("data", (bytes: Buffer) => {
      this.bytes += bytes.length
      const lines = (this.text + bytes.toString()).split("\n")
      this.text = lines.pop() ?? ""
      // What a test daemon sends is what its protocol says.
      for (const line of lines) this.answers.push(JSON.parse(line) as Answer)
    })
  }

  send(bytes: string | Uint8Array): void {
    if (!this.closed) this.socket.write(bytes)
  }

  /** Makes a call. Its id. */
  request(tag: string, payload: unknown = null): number {
    const id = this.ids++
    this.send(`${JSON.stringify({ _tag: "Request", id, tag, payload, headers: [] })}\n`)
    return id
  }

  /** A call with its answer. */
  call(tag: string, payload: unknown = null): Effect.Effect<NonNullable<Answer["exit"]>> {
    return Effect.suspend(() => this.answerOf(this.request(tag, payload)))
  }

  answerOf(id: number): Effect.Effect<NonNullable<Answer["exit"]>> {
    return eventually(`the answer of call ${id}`, () => {
      const exit = this.answers.find((answer) => answer._tag === "Exit" && answer.requestId === id)?.exit
      // The answer may be the last that a connection says.
      return exit ?? (this.closed ? { _tag: "Failure", cause: [{ _tag: "Closed" }] } : undefined)
    })
  }

  /** The tag of a call's error. */
  errorOf(tag: string, payload: unknown = null): Effect.Effect<string> {
    return Effect.map(this.call(tag, payload), failureOf)
  }

  readonly hello = (token?: string): Effect.Effect<NonNullable<Answer["exit"]>> =>
    this.call("Hello", { protocol: protocolVersion, client: "raw", ...(token === undefined ? {} : { token }) })

  readonly end: Effect.Effect<true> = eventually("the end of the connection", () => (this.closed ? true : undefined))
}

/** The tag of what a call failed with. */
export const failureOf = (exit: NonNullable<Answer["exit"]>): string => {
  const [first] = exit.cause ?? []
  const tag = first?.error?.["_tag"]
  return exit._tag === "Success" ? "Success" : typeof tag === "string" ? tag : (first?._tag ?? "nothing")
}

export const raw = (address: string): Effect.Effect<Raw, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Net.Socket>((resume) => {
        const socket = address.startsWith("tcp:")
          ? Net.createConnection(Number(address.slice(address.lastIndexOf(":") + 1)), "127.0.0.1")
          : Net.createConnection(address.replace(/^unix:/, ""))
        socket.once("connect", () => resume(Effect.succeed(socket)))
      }),
      (socket) =>
        Effect.sync(() => {
          socket.destroy()
        })
    ),
    (socket) => new Raw(socket)
  )

/** One that has a session. */
export const rawSession = (
  address: string,
  token?: string
): Effect.Effect<Raw & { session: string }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* raw(address)
    yield* client.hello(token)
    const opened = yield* client.call("OpenSession", {})
    return Object.assign(client, { session: String(opened.value?.["session"]) })
  })
