/**
 * Where the daemon keeps its socket and its state, and where clients look for it.
 *
 * The runtime folder holds the socket: `$RESOURCE_MANAGER_RUNTIME_DIR`, else
 * `$XDG_RUNTIME_DIR/resource-manager`, else `<tmp>/resource-manager-<uid>`. The
 * state folder holds what outlives the daemon: `$RESOURCE_MANAGER_STATE_DIR`, else
 * `$XDG_STATE_HOME/resource-manager`, else `~/.local/state/resource-manager`.
 * Both belong to the user and are closed to everybody else (0700): a folder that
 * is not is refused, because whoever can write there can put a socket of their
 * own in the daemon's place.
 */
import * as Effect from "effect/Effect"
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, type Stats, statSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { UnsafeFolder } from "./Errors.ts"

export type Environment = Readonly<Record<string, string | undefined>>

export interface Places {
  readonly runtimeFolder: string
  readonly socket: string
  readonly stateFolder: string
  readonly journal: string
  /** Held open by the daemon that has the state folder. */
  readonly lock: string
  /** Who that is. */
  readonly facts: string
  /** Signs the keys of leases. */
  readonly secret: string
  readonly log: string
}

/** An empty variable counts as none. */
const named = (environment: Environment, name: string): string | undefined => environment[name] || undefined

const userId = (): number | undefined => process.getuid?.()

export const make = (environment: Environment = process.env): Places => {
  const runtimeBase = named(environment, "XDG_RUNTIME_DIR")
  const runtimeFolder =
    named(environment, "RESOURCE_MANAGER_RUNTIME_DIR") ??
    (runtimeBase === undefined
      ? join(tmpdir(), `resource-manager-${userId() ?? "user"}`)
      : join(runtimeBase, "resource-manager"))
  const stateBase =
    named(environment, "XDG_STATE_HOME") ?? join(named(environment, "HOME") ?? homedir(), ".local/state")
  const stateFolder = named(environment, "RESOURCE_MANAGER_STATE_DIR") ?? join(stateBase, "resource-manager")
  return {
    runtimeFolder,
    socket: join(runtimeFolder, "daemon.sock"),
    stateFolder,
    journal: join(stateFolder, "journal.db"),
    lock: join(stateFolder, "lock.db"),
    facts: join(stateFolder, "daemon.json"),
    secret: join(stateFolder, "secret"),
    log: join(stateFolder, "daemon.log")
  }
}

/** The address that clients connect to unless told another. */
export const address = (environment: Environment = process.env): string =>
  named(environment, "RESOURCE_MANAGER_CONNECT") ?? make(environment).socket

/** Reads or writes a file of a state folder, or says that the folder cannot be used, and why. */
export const attempt = <A>(folder: string, file: string, use: () => A): Effect.Effect<A, UnsafeFolder> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(use())
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const message =
        `${file} cannot be used: ${why}. Make room and give yourself the right to read and write it, or move it ` +
        "aside: it is made anew"
      return Effect.fail(new UnsafeFolder({ folder, message }))
    }
  })

const statOf = (folder: string): Stats | undefined => {
  try {
    return lstatSync(folder)
  } catch {
    return undefined
  }
}

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined)

/**
 * With all that it is in. Node's own `recursive` never returns where a file system
 * says of a folder that there is nothing to make it in, as `/proc` does.
 */
const makeFolder = (folder: string): void => {
  const parent = dirname(folder)
  if (parent !== folder && !existsSync(parent)) makeFolder(parent)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
  }
}

const isEmpty = (folder: string): boolean => {
  try {
    return readdirSync(folder).length === 0
  } catch {
    return false
  }
}

/** Makes a folder that only this user can enter, or says why it is none. */
export const privateFolder = (folder: string): Effect.Effect<void, UnsafeFolder> =>
  Effect.suspend(() => {
    const refuse = (why: string) => Effect.fail(new UnsafeFolder({ folder, message: `${folder} ${why}` }))
    try {
      makeFolder(folder)
    } catch (cause) {
      return refuse(`cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
    const stat = statOf(folder)
    const user = userId()
    // Not a link: its target could be swapped between this look and the next.
    if (stat === undefined || !stat.isDirectory()) return refuse("is not a folder")
    if (user !== undefined && stat.uid !== user) {
      return refuse(
        `belongs to user ${stat.uid}, not to you (${user}): name another with RESOURCE_MANAGER_RUNTIME_DIR or RESOURCE_MANAGER_STATE_DIR`
      )
    }
    if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
      // Only one that nobody uses yet: another may be the user's home, or `/etc`.
      if (!isEmpty(folder)) {
        return refuse("can be entered by others, and is in use already; allowed: mode 0700, or an empty folder")
      }
      try {
        chmodSync(folder, 0o700)
      } catch {
        return refuse("can be entered by others; allowed: mode 0700")
      }
    }
    return Effect.void
  })

/**
 * A folder that a socket can be put into: nobody else can take the socket's name
 * away there. It belongs to this user or to root, and others cannot write to it, or
 * only to what is their own (`/tmp`). Made, closed to others, where it is not there.
 */
export const socketFolder = (folder: string): Effect.Effect<void, UnsafeFolder> =>
  Effect.suspend(() => {
    if (statOf(folder) === undefined) return privateFolder(folder)
    const refuse = (why: string) =>
      Effect.fail(new UnsafeFolder({ folder, message: `no socket can be put into ${folder}: ${why}` }))
    const stat = statSync(folder)
    const user = userId()
    if (user === undefined) return Effect.void
    if (stat.uid !== user && stat.uid !== 0) return refuse(`it belongs to user ${stat.uid}, not to you (${user})`)
    const isShared = (stat.mode & 0o022) !== 0
    const isSticky = (stat.mode & 0o1000) !== 0
    return isShared && !isSticky ? refuse("others can write to it") : Effect.void
  })

/**
 * Whether what listens at this user's own place can be nobody else's: in `/tmp` anybody
 * can make a folder of that name first. Another address was named by the user, and is
 * the user's to trust.
 */
export const trusted = (path: string, environment: Environment = process.env): Effect.Effect<void, UnsafeFolder> =>
  Effect.suspend(() => {
    const { runtimeFolder, socket } = make(environment)
    const user = userId()
    if (path !== socket || user === undefined) return Effect.void
    const foreign = [runtimeFolder, socket].find((place) => {
      const owner = statOf(place)?.uid
      return owner !== undefined && owner !== user && owner !== 0
    })
    if (foreign === undefined) return Effect.void
    return Effect.fail(
      new UnsafeFolder({
        folder: runtimeFolder,
        message: `${foreign} belongs to user ${statOf(foreign)?.uid}, not to you (${user}), so the daemon there is not yours: name another folder with RESOURCE_MANAGER_RUNTIME_DIR`
      })
    )
  })
