/** The tokens that settings name: from the environment and from files, so that they are in no file of settings. */
import { readFileSync, statSync } from "node:fs"
import { resolve } from "node:path"
import type { TokenOptions } from "@resource-manager/daemon/Tokens"
import * as Effect from "effect/Effect"
import { refuse } from "../config/document.ts"
import type { ConfigInvalid } from "../config/errors.ts"
import type { FieldPath } from "../config/problems.ts"
import type { Secret } from "../config/schema.ts"
import type { Settings } from "../config/settings.ts"

const readFile = (path: string): string => {
  if ((statSync(path).mode & 0o077) !== 0) throw new Error(`${path} can be read by others: run \`chmod 600 ${path}\``)
  return readFileSync(path, "utf8").trim()
}

/** The secret itself, or why there is none. */
export const readSecret = (settings: Settings, path: FieldPath, secret: Secret): Effect.Effect<string, ConfigInvalid> =>
  Effect.suspend(() => {
    const fail = (message: string) => Effect.fail(refuse(settings.document, [{ path, at: "value", message }]))
    try {
      const value =
        secret.env === undefined ? readFile(resolve(settings.folder, secret.file ?? "")) : process.env[secret.env]
      if (value !== undefined && value !== "") return Effect.succeed(value)
      return fail(secret.env === undefined ? "the file is empty" : `the environment has no ${secret.env}`)
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error))
    }
  })

export const readTokens = Effect.fnUntraced(function* (
  settings: Settings
): Effect.fn.Return<TokenOptions | undefined, ConfigInvalid> {
  const tokens = settings.complete.daemon.tokens
  if (tokens === undefined) return undefined
  const path = ["daemon", "tokens"]
  const agents: Record<string, string> = {}
  for (const [agent, secret] of Object.entries(tokens.agents ?? {})) {
    agents[agent] = yield* readSecret(settings, [...path, "agents", agent], secret)
  }
  return {
    ...(tokens.admin === undefined ? {} : { admin: yield* readSecret(settings, [...path, "admin"], tokens.admin) }),
    agents,
    required: tokens.required
  }
})
