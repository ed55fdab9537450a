/** What this program is, and where it is installed. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const programName = "resource-manager"

/** Beside `src` and, bundled, beside `dist`. */
const packageFolder = new URL("..", import.meta.url)

export const readVersion = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", packageFolder), "utf8"))
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version)
  throw new Error("package.json of this program has no version")
}

/** What Node is given to start this program again. */
export const binary = (): string => process.argv[1] ?? fileURLToPath(new URL("dist/bin.js", packageFolder))
