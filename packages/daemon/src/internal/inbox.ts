/**
 * Messages that arrived on a connection, handled one after the other and in order.
 * Reading pauses while too many wait, so that a flood stays in the kernel's buffers.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"

/** Reading pauses above the first and goes on below the second. */
const messagesMax = 1_024
const messagesLow = 256

export class Inbox<M> {
  private messages: Array<M> = []
  private at = 0
  private running = false
  private readonly socket: Socket
  private readonly run: (effect: Effect.Effect<void>) => unknown
  private readonly loop: Effect.Effect<void>

  constructor(socket: Socket, context: Context.Context<never>, handle: (message: M) => Effect.Effect<void>) {
    this.socket = socket
    this.run = Effect.runForkWith(context)
    this.loop = Effect.onExit(
      Effect.whileLoop({
        while: () => this.at < this.messages.length,
        body: () => handle(this.messages[this.at++]!),
        step: () => this.compact()
      }),
      () => Effect.sync(() => this.stop())
    )
  }

  push(messages: ReadonlyArray<M>): void {
    if (this.messages.length === 0) this.messages = [...messages]
    else for (const message of messages) this.messages.push(message)
    if (this.messages.length - this.at > messagesMax) this.socket.pause()
    if (this.running || this.messages.length === 0) return
    this.running = true
    // What is answered at once leaves in one write.
    this.socket.cork()
    this.run(this.loop)
  }

  private compact(): void {
    if (this.at < messagesLow) return
    this.messages.splice(0, this.at)
    this.at = 0
    if (this.messages.length < messagesLow && this.socket.isPaused()) this.socket.resume()
  }

  private stop(): void {
    this.messages = []
    this.at = 0
    this.running = false
    this.socket.uncork()
    if (this.socket.isPaused()) this.socket.resume()
  }
}
