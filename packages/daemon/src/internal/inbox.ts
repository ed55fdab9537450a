/**
 * Messages that arrived on a connection, handled one after the other and in order:
 * in the step in which they arrive as long as they can be, then in a fiber.
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
  private readonly atOnce: (message: M) => boolean

  /** `atOnce` deals with a message without waiting for anything, or leaves it to `handle`. It must not throw. */
  constructor(
    socket: Socket,
    context: Context.Context<never>,
    atOnce: (message: M) => boolean,
    handle: (message: M) => Effect.Effect<void>
  ) {
    this.socket = socket
    this.atOnce = atOnce
    this.run = Effect.runForkWith(context)
    this.loop = Effect.onExit(
      Effect.whileLoop({
        while: () => this.at < this.messages.length,
        body: () => {
          const message = this.messages[this.at++]!
          return atOnce(message) ? Effect.void : handle(message)
        },
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
    if (this.messages.length === 1 && this.atOnce(this.messages[0]!)) {
      // What it called may have pushed more.
      this.at = 1
      if (this.messages.length === 1) return this.stop()
    }
    // What is answered at once leaves in one write.
    this.socket.cork()
    while (this.at < this.messages.length && this.atOnce(this.messages[this.at]!)) {
      this.at++
      this.compact()
    }
    if (this.at === this.messages.length) this.stop()
    else this.run(this.loop)
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
