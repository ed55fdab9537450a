/**
 * Reads the text of what the kernel tells about limits and use. Pure: text in,
 * numbers out, so that every case is a line in a table of tests.
 *
 * 1. No limit is `Infinity`, so that the smallest of several limits is their
 *    minimum. A number that no machine has (past the safe integers, as the
 *    9223372036854771712 that stands for "no limit") is no limit.
 * 2. Text that is not what the kernel writes is a failure with the reason, never a
 *    number.
 */
import * as Result from "effect/Result"

/** A number, or why the text is none. */
export type Parsed<A> = Result.Result<A, string>

const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

const whole = (text: string): number | undefined => {
  if (!/^\d+$/.test(text)) return undefined
  const value = Number(text)
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value
}

/** A limit of one number: `memory.max`, `memory.high`. */
export const parseLimit = (text: string): Parsed<number> => {
  const trimmed = text.trim()
  const value = trimmed === "max" ? Infinity : whole(trimmed)
  return value === undefined
    ? Result.fail(`expected a whole number or "max", found ${quote(trimmed)}`)
    : Result.succeed(value)
}

/** What is in use of something: `memory.current`. */
export const parseCurrent = (text: string): Parsed<number> => {
  const trimmed = text.trim()
  const value = whole(trimmed)
  return value === undefined || value === Infinity
    ? Result.fail(`expected a whole number, found ${quote(trimmed)}`)
    : Result.succeed(value)
}

/** `cpu.max`, a quota and its period in microseconds: the processors that they come to, a fraction maybe. */
export const parseCpuMax = (text: string): Parsed<number> => {
  const fields = text.trim().split(/\s+/)
  const [first = "", second = ""] = fields
  const quota = first === "max" ? Infinity : whole(first)
  const period = whole(second)
  if (fields.length !== 2 || quota === undefined || period === undefined || period === 0 || period === Infinity) {
    return Result.fail(`expected a quota or "max" and a period above 0, found ${quote(text.trim())}`)
  }
  return Result.succeed(quota / period)
}

/** The processor time that a group has used so far, in microseconds, of its `cpu.stat`. */
export const parseCpuUsage = (text: string): Parsed<number> => {
  const value = whole(/^usage_usec (\S+)$/m.exec(text)?.[1] ?? "")
  return value === undefined || value === Infinity
    ? Result.fail(`expected a line "usage_usec" with a whole number, found ${quote(text.trim())}`)
    : Result.succeed(value)
}

/** The soft limit of open files, of `/proc/self/limits`. */
export const parseOpenFiles = (text: string): Parsed<number> => {
  const field = /^Max open files\s+(\S+)\s+\S+\s+files\s*$/m.exec(text)?.[1]
  const value = field === "unlimited" ? Infinity : whole(field ?? "")
  return value === undefined
    ? Result.fail(`expected a line "Max open files" with a soft limit, found ${quote(text.trim())}`)
    : Result.succeed(value)
}

/** The process's group in the v2 hierarchy, of `/proc/self/cgroup`. None where the machine has only v1. */
export const parseCgroup = (text: string): Parsed<string | undefined> => {
  let path: string | undefined
  for (const line of text.split("\n")) {
    if (line === "") continue
    const [, hierarchy, controllers, group] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (group === undefined) return Result.fail(`expected lines "hierarchy:controllers:/path", found ${quote(line)}`)
    // A group that was removed under the process keeps its name with this mark.
    if (hierarchy === "0" && controllers === "") path = group.replace(/ \(deleted\)$/, "")
  }
  return Result.succeed(path)
}

/** Where the v2 hierarchy is mounted, and which of its groups is seen there. */
export interface CgroupMount {
  readonly root: string
  readonly mountPoint: string
}

/** Where it is unless the table of mounts says otherwise. */
export const defaultMount: CgroupMount = { root: "/", mountPoint: "/sys/fs/cgroup" }

// The kernel writes blanks and backslashes of paths as octal numbers.
const unescape = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** The first mount of the v2 hierarchy, of `/proc/self/mountinfo`. None where there is none. */
export const parseMounts = (text: string): Parsed<CgroupMount | undefined> => {
  for (const line of text.split("\n")) {
    const [before = "", after] = line.split(" - ")
    if (after === undefined || !after.startsWith("cgroup2 ")) continue
    const [, , , root, mountPoint] = before.split(" ")
    if (root === undefined || mountPoint === undefined) {
      return Result.fail(`expected the root and the mount point of a mount, found ${quote(line)}`)
    }
    return Result.succeed({ root: unescape(root), mountPoint: unescape(mountPoint) })
  }
  return Result.succeed(undefined)
}

/**
 * The directories of a group and of those around it, innermost first. In a
 * container the hierarchy may be mounted from some group on: what is above it
 * cannot be seen, and the mount point is the group itself.
 */
export const cgroupDirectories = (group: string, mount: CgroupMount): ReadonlyArray<string> => {
  const base = mount.mountPoint === "/" ? "" : mount.mountPoint.replace(/\/+$/, "")
  const root = mount.root === "/" ? "" : mount.root.replace(/\/+$/, "")
  const inside = group === root || group.startsWith(`${root}/`) ? group.slice(root.length) : ""
  const names = inside.split("/").filter((name) => name !== "")
  // A group outside of the process's own namespace reads as "/..": only the mount point can be seen.
  if (names.includes("..")) return [base]
  return names.map((_, index) => [base, ...names.slice(0, names.length - index)].join("/")).concat(base)
}

/** Whole processors of a quota: a fraction cannot be held, and there is always one. */
export const wholeCores = (processors: number): number => Math.max(1, Math.floor(processors))

/** What is handed out of what there is. */
export interface Portion {
  /** The fraction of it, over 0 up to 1. */
  readonly share: number
  /** Units kept back for the rest of the machine, after the share was taken. */
  readonly reserve: number
  readonly min: number
  readonly max: number
}

/** The capacity of a pool: a portion of what there is, in whole units within bounds. */
export const capacityOf = (available: number, portion: Portion): number =>
  Math.min(portion.max, Math.max(portion.min, Math.floor(available * portion.share) - portion.reserve))
