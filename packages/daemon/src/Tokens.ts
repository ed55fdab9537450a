/**
 * Who a token is. Tokens come from a file or the environment, never from a flag.
 * They are compared by their digests, in a time that does not depend on where they
 * differ, and all of them each time.
 */
import * as Effect from "effect/Effect"
import { createHash, timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"
import { TokenRefused } from "./Errors.ts"
import type { Rights } from "./Protocol.ts"

export interface TokenOptions {
  /** Whoever has it may do everything. */
  readonly admin?: string | undefined
  /** Agent to its token: whoever has that acts as this agent alone. */
  readonly agents?: Readonly<Record<string, string>> | undefined
  /** Whether the Unix socket asks for a token too. Unless set, whoever may open it may do everything: it is this user. */
  readonly required?: boolean | undefined
}

export interface Tokens {
  readonly hasAdmin: boolean
  /** What a connection may do that gave this token, or none. */
  readonly rights: (token: string | undefined, isUnix: boolean) => Effect.Effect<Rights, TokenRefused>
}

const digest = (token: string): Buffer => createHash("sha256").update(token).digest()

const everything: Rights = { admin: true }

export const make = (options: TokenOptions): Tokens => {
  const known: ReadonlyArray<{ readonly digest: Buffer; readonly rights: Rights }> = [
    ...(options.admin === undefined ? [] : [{ digest: digest(options.admin), rights: everything }]),
    ...Object.entries(options.agents ?? {}).map(([agent, token]) => ({
      digest: digest(token),
      rights: { admin: false, agent }
    }))
  ]

  const find = (token: string): Rights | undefined => {
    const given = digest(token)
    let found: Rights | undefined
    for (const one of known) if (timingSafeEqual(one.digest, given)) found ??= one.rights
    return found
  }

  const refuse = (given: boolean) =>
    Effect.fail(
      new TokenRefused({
        given,
        message: given
          ? "the daemon knows no such token"
          : "the daemon asks for a token: set RESOURCE_MANAGER_TOKEN or RESOURCE_MANAGER_TOKEN_FILE"
      })
    )

  return {
    hasAdmin: options.admin !== undefined,
    rights: (token, isUnix) => {
      if (token !== undefined && token !== "") {
        const rights = find(token)
        return rights === undefined ? refuse(true) : Effect.succeed(rights)
      }
      // A loopback port is open to every user of the machine: it asks once there is a token to ask for.
      const isOpen = isUnix ? options.required !== true : known.length === 0
      return isOpen ? Effect.succeed(everything) : refuse(false)
    }
  }
}

/** The shortest token that a daemon beyond this machine may have. */
export const tokenLengthMin = 16

/** The token of the environment, or of the file that it names. Never of a flag: other users see those. */
export const fromEnvironment = (environment: Readonly<Record<string, string | undefined>>): string | undefined => {
  const token = environment["RESOURCE_MANAGER_TOKEN"]
  if (token !== undefined && token !== "") return token
  const file = environment["RESOURCE_MANAGER_TOKEN_FILE"]
  if (file === undefined || file === "") return undefined
  return readFileSync(file, "utf8").trim()
}
