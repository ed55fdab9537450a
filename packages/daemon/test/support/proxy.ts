/** Stands between a client and a daemon, and cuts or holds up what goes through. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { join } from "node:path"
import { folder } from "./daemon.ts"

export interface Proxy {
  readonly address: string
  /** Cuts all connections. The next ones are let through, or not. */
  readonly cut: (refuse?: boolean) => void
  /** Lets nothing from the daemon through, and keeps the connections. */
  readonly mute: (muted: boolean) => void
  readonly connections: () => number
}

/** From a path, or from a free port of this machine. */
export const proxy = (target: string, port = false): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const path = join(yield* folder, "proxy.sock")
    const pairs = new Set<readonly [Net.Socket, Net.Socket]>()
    let refuse = false
    let muted = false
    const server = Net.createServer((front) => {
      front.on("error", () => front.destroy())
      if (refuse) {
        front.destroy()
        return
      }
      const back = target.startsWith("tcp:")
        ? Net.createConnection(Number(target.slice(target.lastIndexOf(":") + 1)), "127.0.0.1")
        : Net.createConnection(target.replace(/^unix:/, ""))
      const pair = [front, back] as const
      pairs.add(pair)
      back.on("error", () => back.destroy())
      front.on("data", (bytes) => back.write(bytes))
      back.on("data", (bytes) => {
        if (!muted) front.write(bytes)
      })
      front.on("close", () => {
        pairs.delete(pair)
        back.destroy()
      })
      back.on("close", () => front.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        if (port) server.listen(0, "127.0.0.1", () => resume(Effect.void))
        else server.listen(path, () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const [front, back] of pairs) {
            front.destroy()
            back.destroy()
          }
        })
    )
    const bound = server.address()
    return {
      address: typeof bound === "object" && bound !== null ? `tcp:127.0.0.1:${bound.port}` : path,
      cut: (refuseNext = false) => {
        refuse = refuseNext
        for (const [front, back] of pairs) {
          front.destroy()
          back.destroy()
        }
      },
      mute: (next) => {
        muted = next
      },
      connections: () => pairs.size
    }
  })
