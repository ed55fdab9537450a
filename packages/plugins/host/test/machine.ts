/** A machine made of files in a temporary directory. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import { OperatingSystem } from "../src/index.ts"

/** 8 processors and 16 GiB, of which 6 GiB are in use. */
export const system: typeof OperatingSystem.Service = {
  processors: () => 8,
  totalMemory: () => 16 * 1024 ** 3,
  usedMemory: () => 6 * 1024 ** 3,
  loadAverage: () => 1.5,
  openFilesLimit: () => undefined
}

export const limits = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             96000                96000                processes
Max open files            ${soft.padEnd(21)}1048576              files
Max locked memory         8388608              8388608              bytes
`

/** Writes files, by path, below a new directory: `undefined` deletes one. */
export const make = Effect.fnUntraced(function* (tree: Readonly<Record<string, string>>) {
  const files = yield* FileSystem.FileSystem
  const root = yield* files.makeTempDirectoryScoped({ prefix: "machine-" })
  const write = (path: string, text: string) =>
    Effect.andThen(
      files.makeDirectory(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true }),
      files.writeFileString(root + path, text)
    )
  yield* Effect.forEach(Object.entries(tree), ([path, text]) => write(path, text))
  return { root, write, remove: (path: string) => files.remove(root + path) }
})

const group = "/sys/fs/cgroup/system.slice/app.service"

/** A service of two and a half processors and 4 GiB, in a slice of 6 GiB. */
export const service = {
  "/proc/self/cgroup": "0::/system.slice/app.service\n",
  "/proc/self/mountinfo":
    "24 1 0:22 / /proc rw,nosuid - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
  "/proc/self/limits": limits("1024"),
  "/proc/self/fd/0": "",
  "/proc/self/fd/1": "",
  "/proc/self/fd/2": "",
  [`${group}/cpu.max`]: "250000 100000\n",
  [`${group}/cpu.stat`]: "usage_usec 5000000\nuser_usec 4000000\nsystem_usec 1000000\n",
  [`${group}/memory.max`]: "4294967296\n",
  [`${group}/memory.high`]: "max\n",
  [`${group}/memory.current`]: "1073741824\n",
  "/sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
  "/sys/fs/cgroup/system.slice/memory.max": "6442450944\n",
  "/sys/fs/cgroup/system.slice/memory.high": "max\n"
}

export const serviceGroup = group

/**
 * A machine whose files are in memory: reading one takes no time, so that a test
 * clock governs all of it. An entry that is an error is a file that cannot be read.
 */
export const inMemory = (tree: Readonly<Record<string, string>>) => {
  const texts = new Map<string, string>(Object.entries(tree))
  const denied = new Set<string>()
  const systemError = (_tag: "NotFound" | "PermissionDenied", path: string) =>
    PlatformError.systemError({ _tag, module: "FileSystem", method: "readFile", pathOrDescriptor: path })
  const layer = FileSystem.layerNoop({
    exists: (path) => Effect.succeed([...texts.keys()].some((file) => file.startsWith(`${path}/`))),
    readDirectory: (path) =>
      Effect.succeed(
        [...texts.keys()].filter((file) => file.startsWith(`${path}/`)).map((file) => file.slice(path.length + 1))
      ),
    readFileString: (path) =>
      Effect.suspend(() => {
        const text = texts.get(path)
        if (denied.has(path)) return Effect.fail(systemError("PermissionDenied", path))
        return text === undefined ? Effect.fail(systemError("NotFound", path)) : Effect.succeed(text)
      })
  })
  return { texts, denied, layer }
}

/** A file of pressure with so many microseconds lost. */
export const pressureText = (someMicros: number, fullMicros = 0): string =>
  ["some", "full"]
    .map(
      (extent, index) => `${extent} avg10=0.00 avg60=0.00 avg300=0.00 total=${index === 0 ? someMicros : fullMicros}\n`
    )
    .join("")

/** Pressure on everything, at rest. */
export const calm = {
  "/proc/pressure/cpu": pressureText(0),
  "/proc/pressure/memory": pressureText(0),
  "/proc/pressure/io": pressureText(0)
}
