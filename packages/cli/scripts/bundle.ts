// Builds what is published of this package: `dist` with the binary, bundled with everything that it uses, and the
// licences of what is in it.
//
// `bin.js` holds nothing but the check of the Node that runs it; all the rest are chunks, loaded when they are needed.
// That is not only for lazy commands: the compile cache serves modules that are loaded after it was turned on, so one
// single file would be compiled anew at every start (measured: 110 ms instead of 87).
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { builtinModules, createRequire } from "node:module"
import { dirname, join, relative, resolve, sep } from "node:path"
import { build, type Metafile, type Plugin } from "esbuild"

const packageRoot = join(import.meta.dirname, "..")

/** The names by which permissive licences go. Whatever else a dependency has must be looked at by a person first. */
const permissive = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"])

/** `yaml` answers Node with CommonJS, of which a bundle keeps all; its modules for browsers are the same code. */
const yamlAsModules: Plugin = {
  name: "yaml-as-modules",
  setup: (builder) => {
    const require = createRequire(join(packageRoot, "package.json"))
    const entry = join(dirname(require.resolve("yaml/package.json")), "browser/index.js")
    builder.onResolve({ filter: /^yaml$/ }, () => ({ path: entry, sideEffects: false }))
  }
}

/** The HTTP server of effect can upgrade to WebSockets, which nothing here does: their package is CommonJS and large. */
const withoutWebSockets: Plugin = {
  name: "without-websockets",
  setup: (builder) => {
    const contents = [
      "class None { constructor() { throw new Error('WebSockets are not in this program') } }",
      "export { None as WebSocket, None as WebSocketServer, None as default }"
    ].join("\n")
    builder.onResolve({ filter: /^ws$/ }, () => ({ path: "ws", namespace: "none", sideEffects: false }))
    builder.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents, loader: "js" }))
  }
}

interface BundledPackage {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly text: string
}

/** The nearest folder above a file whose manifest has a name: some packages put nameless ones beside their modules. */
const packageOf = (file: string): { readonly root: string; readonly manifest: Record<string, unknown> } => {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, "package.json")
    if (!existsSync(path)) continue
    const manifest: Record<string, unknown> = JSON.parse(readFileSync(path, "utf8"))
    if (typeof manifest["name"] === "string") return { root: folder, manifest }
  }
  throw new Error(`${file} belongs to no package`)
}

const readPackage = (root: string, manifest: Record<string, unknown>): BundledPackage => {
  const { license, name, version } = manifest
  if (typeof license !== "string" || !permissive.has(license)) {
    throw new Error(`${String(name)} has the licence ${String(license)}; known: ${[...permissive].join(", ")}`)
  }
  const file = readdirSync(root).find((entry) => /^licen[cs]e(\.(md|txt))?$/i.test(entry))
  if (file === undefined) throw new Error(`${String(name)} has no file with its licence`)
  return { name: String(name), version: String(version), license, text: readFileSync(join(root, file), "utf8").trim() }
}

/** The packages that something of is in the bundle, without those of this repository. */
const bundledPackages = (metafile: Metafile): ReadonlyArray<BundledPackage> => {
  const found = new Map<string, BundledPackage>()
  const kept = new Set(
    Object.values(metafile.outputs).flatMap((output) =>
      Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
    )
  )
  for (const path of kept) {
    const file = resolve(packageRoot, path)
    if (!file.includes(`${sep}node_modules${sep}`)) continue
    const { manifest, root } = packageOf(file)
    if (!found.has(root)) found.set(root, readPackage(root, manifest))
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name))
}

const licencesText = (packages: ReadonlyArray<BundledPackage>): string =>
  [
    "This program contains the packages below, each under its own licence.",
    ...packages.map((entry) => `${"=".repeat(80)}\n${entry.name} ${entry.version} (${entry.license})\n\n${entry.text}`)
  ].join("\n\n") + "\n"

export interface Bundle {
  readonly packages: ReadonlyArray<string>
  /** What is imported by name when it runs: nothing but modules of Node. */
  readonly imports: ReadonlyArray<string>
  readonly files: ReadonlyArray<{ readonly name: string; readonly bytes: number }>
}

/** What plugins are compared with, which bring their own. */
const sharedVersions = (): Record<string, string> => {
  const require = createRequire(join(packageRoot, "package.json"))
  const read = (path: string): string => JSON.parse(readFileSync(path, "utf8")).version
  return {
    effect: read(require.resolve("effect/package.json")),
    "@resource-manager/core": read(require.resolve("@resource-manager/core/package.json"))
  }
}

const isBuiltin = (name: string): boolean => name.startsWith("node:") || builtinModules.includes(name)

/** Writes the bundle into a folder, which is emptied first. */
export const bundle = async (outdir: string): Promise<Bundle> => {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: packageRoot,
    entryPoints: { bin: "src/bin.ts" },
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node22",
    // Not the white space: a defect is reported with its stack, and that should lead somewhere.
    minifySyntax: true,
    legalComments: "none",
    define: { BUNDLED_VERSIONS: JSON.stringify(sharedVersions()) },
    metafile: true,
    logLevel: "warning",
    plugins: [yamlAsModules, withoutWebSockets]
  })
  const outputs = Object.entries(metafile.outputs)
  const imports = new Set(
    outputs.flatMap(([, output]) => output.imports.flatMap(({ external, path }) => (external === true ? [path] : [])))
  )
  const missing = [...imports].filter((name) => !isBuiltin(name))
  if (missing.length > 0) throw new Error(`not in the bundle: ${missing.join(", ")}`)
  const packages = bundledPackages(metafile)
  writeFileSync(join(outdir, "THIRD-PARTY-LICENSES.txt"), licencesText(packages))
  return {
    packages: packages.map(({ name, version }) => `${name}@${version}`),
    imports: [...imports].toSorted(),
    files: outputs.map(([path, { bytes }]) => ({ name: relative(outdir, resolve(packageRoot, path)), bytes }))
  }
}

if (import.meta.main) {
  const { files, packages } = await bundle(join(packageRoot, "dist"))
  const kilobytes = Math.round(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1000)
  process.stdout.write(`dist: ${files.length} modules, ${kilobytes} kB, with ${packages.join(", ")}\n`)
}
