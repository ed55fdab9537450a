/**
 * Calls that are made beneath effect/rpc's client, on its connection and with its
 * messages, ids and codecs: for claims and returns, of which each lease is one. Two
 * fibers, a scope and several effects less than the client's own calls, which do the
 * same; what is not plain data is left to those.
 *
 * - A call is answered once: by its answer, by what the daemon says before it cuts the
 *   connection, or by the end of the connection.
 * - Who is interrupted makes no use of the answer, and the daemon is told.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Rpc from "effect/rpc/Rpc"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import {
  type FromClientEncoded,
  type FromServerEncoded,
  RequestId,
  type ResponseExitEncoded
} from "effect/rpc/RpcMessage"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import { isPlainPayload } from "./plainCodec.ts"

type Answer = Effect.Effect<unknown, unknown>

interface Call {
  readonly resume: (answer: Answer) => void
  readonly read: (exit: ResponseExitEncoded["exit"]) => Answer
}

type Outcome<R extends Rpc.Any> = Effect.Effect<Rpc.Success<R>, Rpc.Error<R>>
export type Calling<R extends Rpc.Any> = (
  payload: Rpc.Payload<R>
) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | RpcClientError>

export class DirectCalls {
  private readonly calls = new Map<number | string, Call>()
  private readonly send: (message: FromClientEncoded) => RpcClientError | undefined
  private readonly codecFor: RpcSerialization.CodecFor
  private count = 0

  /** `send` says why it did not send. */
  constructor(codecFor: RpcSerialization.CodecFor, send: (message: FromClientEncoded) => RpcClientError | undefined) {
    this.codecFor = codecFor
    this.send = send
  }

  /** The next id of the connection: the client's own calls have theirs from here too. */
  readonly nextId = (): RequestId => RequestId(this.count++)

  /** A call as it is made directly; `otherwise` makes it where its payload is not plain data. */
  make<R extends Rpc.Any>(rpc: R, otherwise: Calling<R>): Calling<R> {
    const isPlain = isPlainPayload(rpc)
    const read = this.reader(rpc)
    return (payload) => (isPlain(payload) ? this.call(rpc._tag, payload, read) : otherwise(payload))
  }

  private call<A, E>(
    tag: string,
    payload: unknown,
    read: (exit: ResponseExitEncoded["exit"]) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | RpcClientError> {
    return Effect.callback<A, E | RpcClientError>((resume) => {
      const id = this.nextId()
      const refused = this.send({ _tag: "Request", id, tag, payload, headers: [] })
      if (refused !== undefined) return resume(Effect.fail(refused))
      this.calls.set(id, { resume: resume as Call["resume"], read })
      return Effect.sync(() => {
        if (this.calls.delete(id)) this.send({ _tag: "Interrupt", requestId: id })
      })
    })
  }

  /** What an answer says, by the same codec as the client's own calls. */
  private reader<R extends Rpc.Any>(rpc: R): (exit: ResponseExitEncoded["exit"]) => Outcome<R> {
    let decode: ((exit: unknown) => Effect.Effect<Outcome<R>, Schema.SchemaError>) | undefined
    return (exit) => {
      // To read the daemon's answers takes no services, and what is read is an effect.
      decode ??= Schema.decodeUnknownEffect(this.codecFor(Rpc.exitSchema(rpc))) as unknown as NonNullable<typeof decode>
      const decoded = decode(exit)
      return Exit.isExit(decoded) && Exit.isSuccess(decoded)
        ? (decoded.value as Outcome<R>)
        : Effect.flatten(Effect.orDie(decoded))
    }
  }

  /** Whether a message is the answer of one of these calls. Its caller goes on in this very step. */
  readonly settle = (message: FromServerEncoded): boolean => {
    if (message._tag !== "Exit") return false
    const call = this.calls.get(message.requestId)
    if (call === undefined) return false
    this.calls.delete(message.requestId)
    call.resume(call.read(message.exit))
    return true
  }

  /** What the daemon or the connection says to all calls: none of these is answered any more. */
  hear(message: FromServerEncoded): void {
    if (message._tag === "Defect") this.end(Effect.die(this.defect(message.defect)))
    else if (message._tag === "ClientProtocolError") this.end(Effect.fail(message.error))
  }

  private end(answer: Answer): void {
    const calls = [...this.calls.values()]
    this.calls.clear()
    for (const { resume } of calls) resume(answer)
  }

  private defect(encoded: unknown): unknown {
    return Schema.decodeUnknownSync(this.codecFor(Schema.Defect()))(encoded)
  }
}
