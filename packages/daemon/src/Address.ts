/** Where a daemon listens: `PATH`, `unix:PATH` or `tcp:HOST:PORT`. */
import * as Effect from "effect/Effect"
import { InvalidAddress } from "./Errors.ts"

export type Address =
  | { readonly _tag: "Unix"; readonly path: string }
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number }

/** The longest path that a Unix socket's address has room for on every system. */
export const socketPathBytesMax = 103

const invalid = (address: string, why: string) =>
  new InvalidAddress({
    address,
    message: `${JSON.stringify(address)} is no address: ${why}; allowed: a path, unix:PATH or tcp:HOST:PORT`
  })

const tcp = (input: string, rest: string): Effect.Effect<Address, InvalidAddress> => {
  const colon = rest.lastIndexOf(":")
  const host = rest.slice(0, colon).replace(/^\[(.*)\]$/, "$1")
  const port = rest.slice(colon + 1)
  if (colon <= 0 || host === "") return Effect.fail(invalid(input, "it names no host"))
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535
    ? Effect.succeed({ _tag: "Tcp", host, port: Number(port) })
    : Effect.fail(invalid(input, `its port ${JSON.stringify(port)} is not a number from 0 to 65535`))
}

/** `localhost:7070`: hardly a file of that name in the folder that one happens to be in. */
const hostAndPort = /^(?:[^/:[\]]+|\[[^/[\]]+\]):\d{1,5}$/

export const parse = (input: string): Effect.Effect<Address, InvalidAddress> => {
  if (input.startsWith("tcp:")) return tcp(input, input.slice(4))
  if (hostAndPort.test(input)) {
    const message = `${JSON.stringify(input)} is no address; allowed: tcp:${input}, or unix:./${input} for a socket of that name`
    return Effect.fail(new InvalidAddress({ address: input, message }))
  }
  const path = input.startsWith("unix:") ? input.slice(5) : input
  if (path === "") return Effect.fail(invalid(input, "it is empty"))
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    return Effect.fail(invalid(input, `a socket's path has at most ${socketPathBytesMax} bytes`))
  }
  return Effect.succeed({ _tag: "Unix", path })
}

export const format = (address: Address): string => {
  if (address._tag === "Unix") return `unix:${address.path}`
  return `tcp:${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`
}

/** Whether only this machine can reach it. A name other than `localhost` may resolve to anything. */
export const isLocal = (address: Address): boolean =>
  address._tag === "Unix" ||
  address.host === "localhost" ||
  address.host === "::1" ||
  /^127(\.\d{1,3}){3}$/.test(address.host)
