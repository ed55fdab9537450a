/**
 * A checksum registry on loopback: takes one digest a request, and answers 429
 * where more come than it allows. Its limit is kept by code of its own (a
 * theoretical arrival time, as in the Generic Cell Rate Algorithm), so that it
 * can tell whether the network pool kept its promise.
 *
 * Why it need never refuse a client that keeps to `rate`, `burst` and
 * `connections`: what arrives in a window was granted in it, at most
 * `burst + rate * t`, or was on its way when the window began, at most
 * `connections`. So it allows a burst of `burst + connections`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeOf, RegistryRefused } from "./errors.ts"

export interface RegistryLimits {
  /** Requests a second. */
  readonly rate: number
  readonly burst: number
  readonly connections: number
}

export interface RegistryCounts {
  readonly accepted: number
  /** Answered 429. */
  readonly refused: number
  /** The most requests open at once. */
  readonly openPeak: number
}

export const Entry = Schema.Struct({
  path: Schema.String,
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)),
  bytes: Schema.Number
})
export type Entry = typeof Entry.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Entry))

const bodyBytesMax = 64 * 1024

/** How long it takes to store a digest: as long as a service across a network would. */
const storeMillis = 15

export class Registry {
  readonly entries = new Map<string, Entry>()
  private readonly limits: RegistryLimits
  private readonly now: () => number
  private accepted = 0
  private refused = 0
  private open = 0
  private openPeak = 0
  /** When the next request would be due, had all come evenly. Milliseconds. */
  private dueAt = -Infinity

  constructor(limits: RegistryLimits, now: () => number = () => performance.now()) {
    this.limits = limits
    this.now = now
  }

  counts(): RegistryCounts {
    return { accepted: this.accepted, refused: this.refused, openPeak: this.openPeak }
  }

  /** Whether one more request may be served now. */
  admit(): boolean {
    const now = this.now()
    const interval = 1_000 / this.limits.rate
    const ahead = (this.limits.burst + this.limits.connections - 1) * interval
    const dueAt = Math.max(this.dueAt, now)
    // A microsecond of tolerance: the interval is rounded.
    if (dueAt - now > ahead + 0.001) {
      this.refused++
      return false
    }
    this.dueAt = dueAt + interval
    this.accepted++
    return true
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.openPeak = Math.max(this.openPeak, ++this.open)
    response.once("close", () => this.open--)
    const reply = (status: number, text: string) => {
      response.writeHead(status, { "content-type": "text/plain" }).end(text)
    }
    if (!this.admit()) {
      response.setHeader("retry-after", "1")
      return reply(429, "too many requests")
    }
    if (request.method !== "POST" || request.url !== "/digests") return reply(404, "POST /digests")
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (text: string) => {
      body += text
      if (body.length > bodyBytesMax) {
        reply(413, `at most ${bodyBytesMax} bytes`)
        request.destroy()
      }
    })
    request.on("end", () => {
      const stored = Effect.runSyncExit(decode(body))
      if (stored._tag === "Failure") return reply(400, "not a digest")
      this.entries.set(stored.value.path, stored.value)
      setTimeout(() => reply(201, "stored"), storeMillis)
    })
  }
}

const listen = (server: Server) =>
  Effect.callback<number>((resume) => {
    // Nothing works without a port of loopback: a defect, not something to handle.
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(
        typeof address === "object" && address !== null
          ? Effect.succeed(address.port)
          : Effect.die(new Error("the registry listens on no port"))
      )
    })
  })

/** Serves until the scope closes; `post` is the client's side. */
export const serve = Effect.fnUntraced(function* (limits: RegistryLimits) {
  const registry = new Registry(limits)
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer(registry.handle)),
    (running) =>
      Effect.callback<void>((resume) => {
        running.close(() => resume(Effect.void))
        running.closeAllConnections()
      })
  )
  const port = yield* listen(server)
  const post = (entry: Entry): Effect.Effect<void, RegistryRefused> =>
    Effect.gen(function* () {
      const failed = (status: number, message: string) => new RegistryRefused({ path: entry.path, status, message })
      const response = yield* Effect.tryPromise({
        try: async (signal) => {
          const answer = await fetch(`http://127.0.0.1:${port}/digests`, {
            method: "POST",
            body: JSON.stringify(entry),
            signal
          })
          return { status: answer.status, text: await answer.text() }
        },
        catch: (thrown) => failed(0, causeOf(thrown).message)
      })
      if (response.status !== 201) return yield* failed(response.status, `${response.status} ${response.text}`)
    })
  return { registry, post }
})
