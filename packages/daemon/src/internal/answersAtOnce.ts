/**
 * Claims and returns that are answered in the step in which they arrive, beneath
 * effect/rpc's server: the same messages, checks and decisions, without the fibers and
 * scopes of a call that may wait.
 *
 * Everything else is left to the server, and begins again there: what waits, fails or is
 * not committed yet, and what is not plain data. It can, for both may be asked twice: a
 * claim is known by its command and decided once (R1), and a lease comes back once.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Protocol from "../Protocol.ts"
import type { Claims } from "./claims.ts"
import { isPlainPayload } from "./plainCodec.ts"
import type { ServerTransportOptions, Success } from "./serverTransport.ts"
import type { Peer } from "./sessionHost.ts"

/** The answer, where there is one now. */
const success = <A, E>(effect: Effect.Effect<A, E>, value: (answer: A) => unknown): Success | undefined =>
  // An effect that is an exit already is one of its own types.
  Exit.isExit(effect) && Exit.isSuccess(effect) ? { _tag: "Success", value: value(effect.value as A) } : undefined

const isClaim = isPlainPayload(Protocol.Claim)
const isRelease = isPlainPayload(Protocol.Release)

export const make =
  (peers: ReadonlyMap<number, Peer>, claims: Claims): ServerTransportOptions["answerAtOnce"] =>
  (connection, tag, payload) => {
    if (tag !== "Claim" && tag !== "Release") return undefined
    const peer = peers.get(connection.id)
    // Who has not introduced itself is told so by the server.
    if (peer?.rights === undefined) return undefined
    if (tag === "Claim") {
      return isClaim(payload) ? success(claims.claimUnsafe(peer, payload), (granted) => granted) : undefined
    }
    return isRelease(payload) ? success(claims.releaseUnsafe(peer, payload.lease), () => null) : undefined
  }
