// Measures what the published binary takes from exec to exit: packs the package, installs the tarball in a folder of
// its own, and runs the installed command again and again. Fails where a median is over the limit.
//
//   node scripts/startup.ts [--runs N] [--limit MILLISECONDS]
//
// `node -e ""` is Node itself, which nothing here can make faster.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { parseArgs } from "node:util"

const { values } = parseArgs({ options: { runs: { type: "string" }, limit: { type: "string" } } })
const runs = Number(values.runs ?? 40)
const limitMs = Number(values.limit ?? 300)

const folder = mkdtempSync(join(tmpdir(), "resource-manager-startup-"))
const runtime = join(folder, "runtime")
mkdirSync(runtime, { mode: 0o700 })
// Those that are built in, whatever this user has.
writeFileSync(join(folder, "config.yaml"), "{}\n")

const env = {
  ...process.env,
  // The Node that runs this script, for the `#!/usr/bin/env node` of the command.
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
  NODE_COMPILE_CACHE: join(folder, "compile-cache"),
  RESOURCE_MANAGER_RUNTIME_DIR: runtime,
  RESOURCE_MANAGER_STATE_DIR: join(folder, "state"),
  RESOURCE_MANAGER_CONFIG: join(folder, "config.yaml")
}

const install = (): string => {
  execFileSync("npx", ["-y", "pnpm@12", "pack", "--silent", "--pack-destination", folder], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "ignore", "inherit"]
  })
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))
  if (tarball === undefined) throw new Error("nothing was packed")
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n')
  // Offline: there is nothing to download, or the bundle is not whole.
  const args = ["install", "--offline", "--no-audit", "--no-fund", "--loglevel", "error", join(folder, tarball)]
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
  return join(folder, "node_modules/.bin/resource-manager")
}

interface Measured {
  readonly what: string
  readonly min: number
  readonly median: number
  readonly p95: number
}

const measure = (what: string, command: string, args: ReadonlyArray<string>, extra: object = {}): Measured => {
  const times = Array.from({ length: runs + 2 }, () => {
    const begun = performance.now()
    const { error, status, stderr } = spawnSync(command, args, { env: { ...env, ...extra }, encoding: "utf8" })
    const took = performance.now() - begun
    if (status !== 0) throw new Error(`${what} ended with ${status}: ${error?.message ?? stderr}`)
    return took
    // The first runs fill the caches.
  })
    .slice(2)
    .toSorted((a, b) => a - b)
  const at = (quantile: number) => times[Math.min(times.length - 1, Math.floor(times.length * quantile))] ?? Number.NaN
  return { what, min: at(0), median: at(0.5), p95: at(0.95) }
}

const report = ({ median, min, p95, what }: Measured): string =>
  `${what.padEnd(34)} ${[min, median, p95].map((value) => value.toFixed(0).padStart(6)).join(" ")}`

try {
  const binary = install()
  execFileSync(binary, ["serve", "--background"], { env, stdio: ["ignore", "ignore", "inherit"] })
  const measured = [
    measure('node -e ""', process.execPath, ["-e", ""]),
    measure("--version", binary, ["--version"]),
    measure("--help", binary, ["--help"]),
    measure("status", binary, ["status"]),
    measure("--help, no compile cache", binary, ["--help"], { NODE_DISABLE_COMPILE_CACHE: "1" })
  ]
  process.stdout.write(`${"milliseconds, exec to exit".padEnd(34)}    min median    p95   (${runs} runs)\n`)
  for (const line of measured) process.stdout.write(`${report(line)}\n`)
  const slow = measured.filter(({ median }) => median > limitMs)
  for (const { what } of slow) process.stdout.write(`${what} takes more than ${limitMs} ms\n`)
  process.exitCode = slow.length === 0 ? 0 : 1
  execFileSync(binary, ["stop", "--yes"], { env, stdio: ["ignore", "ignore", "inherit"] })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
