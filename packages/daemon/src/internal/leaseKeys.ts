/**
 * Keys that prove one is inside of a lease: an HMAC of the lease's id under a
 * secret that is kept with the daemon's state, so that they hold across restarts
 * and cannot be made up.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import * as Effect from "effect/Effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { UnsafeFolder } from "../Errors.ts"
import { attempt } from "../Places.ts"

export interface LeaseKeys {
  /** `<lease>.<key>` */
  readonly of: (lease: number) => string
  /** The lease whose key it is; `undefined` where it is none. */
  readonly verify: (proof: string) => number | undefined
}

const secretBytes = 32

const readSecret = (path: string): Buffer | undefined => {
  if (!existsSync(path)) return undefined
  const secret = Buffer.from(readFileSync(path, "utf8").trim(), "hex")
  return secret.length === secretBytes ? secret : undefined
}

/** The secret in a file, made where there is none. Without a file: one of this process alone. */
const secretOf = (path: string | undefined): Buffer => {
  const known = path === undefined ? undefined : readSecret(path)
  if (known !== undefined) return known
  const secret = randomBytes(secretBytes)
  if (path !== undefined) writeFileSync(path, `${secret.toString("hex")}\n`, { mode: 0o600 })
  return secret
}

export const make = (path: string | undefined): Effect.Effect<LeaseKeys, UnsafeFolder> =>
  Effect.map(
    attempt(dirname(path ?? "."), path ?? "the secret", () => secretOf(path)),
    keysOf
  )

const keysOf = (secret: Buffer): LeaseKeys => {
  const keyOf = (lease: number): Buffer =>
    createHmac("sha256", secret).update(`lease ${lease}`).digest().subarray(0, 16)
  return {
    of: (lease) => `${lease}.${keyOf(lease).toString("hex")}`,
    verify: (proof) => {
      const match = /^(\d{1,16})\.([0-9a-f]{32})$/.exec(proof)
      if (match === null) return undefined
      const lease = Number(match[1])
      return timingSafeEqual(keyOf(lease), Buffer.from(match[2]!, "hex")) ? lease : undefined
    }
  }
}
