/** The versions of what plugins share with this program. The bundle writes them in; from source they are looked up. */
import { readFileSync } from "node:fs"
import { findPackageJSON } from "node:module"

declare const BUNDLED_VERSIONS: Readonly<Record<string, string>> | undefined

const shared = ["effect", "@resource-manager/core"]

export const versions = (): Readonly<Record<string, string>> => {
  if (typeof BUNDLED_VERSIONS !== "undefined") return BUNDLED_VERSIONS
  return Object.fromEntries(
    shared.flatMap((name) => {
      const manifest = findPackageJSON(name, import.meta.url)
      if (manifest === undefined) return []
      const parsed: unknown = JSON.parse(readFileSync(manifest, "utf8"))
      return typeof parsed === "object" && parsed !== null && "version" in parsed
        ? [[name, String(parsed.version)] as const]
        : []
    })
  )
}
