/**
 * The files of `/proc` and of the process's cgroups, below a root directory.
 *
 * A file that is not there is no limit: the outermost group has none, nor has
 * another platform. A file that is there and cannot be read or understood is
 * `HostUnreadable`.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import { HostUnreadable } from "./HostErrors.ts"
import * as HostLimits from "./HostLimits.ts"

export const unreadable = (path: string, reason: HostUnreadable["reason"], detail: string) =>
  new HostUnreadable({ message: `${path} is ${reason}: ${detail}`, path, reason, detail })

/** The smallest limit of the process's groups, and the group that sets it. */
export interface Tightest {
  readonly directory: string | undefined
  readonly limit: number
}

export interface HostFiles {
  /** What stands before every path: nothing for `/`. */
  readonly prefix: string
  /** A file's text as what it says, or `otherwise` where there is no such file. */
  readonly read: <A, B>(
    path: string,
    parse: (text: string) => HostLimits.Parsed<A>,
    otherwise: B
  ) => Effect.Effect<A | B, HostUnreadable>
  /** The directories of the process's group and of those around it, innermost first. */
  readonly directories: Effect.Effect<ReadonlyArray<string>, HostUnreadable>
  readonly tightest: (
    limitOf: (directory: string) => Effect.Effect<number, HostUnreadable>
  ) => Effect.Effect<Tightest, HostUnreadable>
}

/** Reads below `root`: `/`, or a directory with a `proc` and a `sys` of its own. */
export const make = Effect.fnUntraced(function* (root: string) {
  const files = yield* FileSystem.FileSystem
  const prefix = root.replace(/\/+$/, "")

  const read: HostFiles["read"] = <A, B>(path: string, parse: (text: string) => HostLimits.Parsed<A>, otherwise: B) =>
    files.readFileString(prefix + path).pipe(
      Effect.flatMap((text) => {
        const parsed = parse(text)
        return Result.isSuccess(parsed)
          ? Effect.succeed<A | B>(parsed.success)
          : Effect.fail(unreadable(prefix + path, "malformed", parsed.failure))
      }),
      Effect.catchTag("PlatformError", (error) =>
        error.reason._tag === "NotFound"
          ? Effect.succeed<A | B>(otherwise)
          : Effect.fail(unreadable(prefix + path, "unreadable", error.message))
      )
    )

  // Read anew each time: a process can be moved to another group.
  const directories = Effect.gen(function* () {
    const group = yield* read("/proc/self/cgroup", HostLimits.parseCgroup, undefined)
    if (group === undefined) return []
    const mount = yield* read("/proc/self/mountinfo", HostLimits.parseMounts, HostLimits.defaultMount)
    return mount === undefined ? [] : HostLimits.cgroupDirectories(group, mount)
  })

  const tightest: HostFiles["tightest"] = (limitOf) =>
    Effect.gen(function* () {
      let limit = Infinity
      let directory: string | undefined
      for (const candidate of yield* directories) {
        const own = yield* limitOf(candidate)
        if (own >= limit) continue
        limit = own
        directory = candidate
      }
      return { directory, limit }
    })

  const made: HostFiles = { prefix, read, directories, tightest }
  return made
})
