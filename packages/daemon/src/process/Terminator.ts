/**
 * Ends all processes of a command, and says whether they are gone.
 *
 * 1. *Ask*: every process gets SIGTERM once, and SIGCONT where it is stopped, or it
 *    could not act on it. Those that appear meanwhile get theirs at the next look.
 * 2. *End*: after the grace period all are stopped first, until a look finds
 *    nobody new: who is stopped starts nobody, so nobody slips away to a place
 *    where nothing tells whose it is. Then all get SIGKILL. Nothing interrupts this.
 * 3. *Gone* is said only if two looks in a row find nobody: a process that is just
 *    becoming another program has no environment for an instant.
 * 4. *Survivors* are told with why: `denied` (another user's), `stuck` (the kernel
 *    holds it, on a dead disk for example), or `alive`.
 * 5. While the processes cannot be read, nothing is concluded from that; if they
 *    still cannot at the end, that is the failure.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type CommandTarget, keyOf, type ProcessIdentity } from "./Identity.ts"
import type { ProcessInfo, ProcessState } from "./members.ts"
import { type ProcessesUnreadable, ProcessTable, type Service } from "./ProcessTable.ts"

export interface TerminateOptions {
  /** Between SIGTERM and SIGKILL. Default 5 seconds; zero kills at once. */
  readonly grace?: Duration.Input
  /** After SIGKILL, until what is left is told as survivors. Default 5 seconds. */
  readonly patience?: Duration.Input
  /** Keys of identities (`keyOf`) that were found to belong before. */
  readonly known?: ReadonlySet<string>
}

export interface Survivor {
  readonly identity: ProcessIdentity
  readonly name: string
  readonly state: ProcessState
  readonly reason: "denied" | "stuck" | "alive"
}

export type Ending =
  /** `asked` got SIGTERM, `killed` SIGKILL. */
  | { readonly _tag: "Gone"; readonly asked: ReadonlyArray<ProcessInfo>; readonly killed: ReadonlyArray<ProcessInfo> }
  | { readonly _tag: "Survivors"; readonly survivors: ReadonlyArray<Survivor> }

/** A look at the command's processes. */
type Look = Result.Result<ReadonlyArray<ProcessInfo>, ProcessesUnreadable>

const firstPauseMillis = 10
const longestPauseMillis = 250
/** More generations than these in the time of one look, and it is given up to stop them all first. */
const freezeLooksMax = 20

class Termination {
  readonly asked = new Map<string, ProcessInfo>()
  readonly killed = new Map<string, ProcessInfo>()
  private readonly denied = new Set<string>()
  private readonly known: Set<string>
  private readonly table: Service
  private readonly target: CommandTarget
  private nobodySeen = 0

  constructor(table: Service, target: CommandTarget, known: ReadonlySet<string>) {
    this.table = table
    this.target = target
    this.known = new Set(known)
  }

  readonly look: Effect.Effect<Look> = Effect.suspend(() =>
    Effect.map(Effect.result(this.table.find(this.target, this.known)), (look) => {
      if (Result.isSuccess(look)) {
        for (const { identity } of look.success) this.known.add(keyOf(identity))
        this.nobodySeen = look.success.length === 0 ? this.nobodySeen + 1 : 0
      }
      return look
    })
  )

  get gone(): boolean {
    return this.nobodySeen >= 2
  }

  /** Whether it was sent, or cannot be: not where the table could not be read just now. */
  private send(info: ProcessInfo, signal: NodeJS.Signals): Effect.Effect<boolean> {
    return Effect.match(this.table.signal(info.identity, signal), {
      onFailure: () => false,
      onSuccess: (result) => {
        if (result === "denied") this.denied.add(keyOf(info.identity))
        return true
      }
    })
  }

  private readonly sendOnce = Effect.fnUntraced(function* (
    this: Termination,
    look: Look,
    signal: NodeJS.Signals,
    sent: Map<string, ProcessInfo>
  ) {
    if (Result.isFailure(look)) return
    for (const info of look.success) {
      const key = keyOf(info.identity)
      if (!sent.has(key) && (yield* this.send(info, signal))) sent.set(key, info)
    }
  })

  readonly ask = Effect.fnUntraced(function* (this: Termination, look: Look) {
    yield* this.sendOnce(look, "SIGTERM", this.asked)
    if (Result.isFailure(look)) return
    for (const info of look.success) if (info.state === "stopped") yield* this.send(info, "SIGCONT")
  })

  /** Stops all until a look finds nobody new, then kills all that were seen. */
  readonly freezeAndKill: Effect.Effect<Look> = Effect.uninterruptible(
    Effect.gen({ self: this }, function* () {
      const stopped = new Map<string, ProcessInfo>()
      let look = yield* this.look
      for (let looks = 1; looks < freezeLooksMax; looks++) {
        const before = stopped.size
        yield* this.sendOnce(look, "SIGSTOP", stopped)
        if (stopped.size === before) break
        look = yield* this.look
      }
      for (const info of stopped.values()) yield* this.kill(info)
      yield* this.killAll(look)
      return look
    })
  )

  private kill(info: ProcessInfo): Effect.Effect<void> {
    return Effect.map(this.send(info, "SIGKILL"), (done) => {
      if (done) this.killed.set(keyOf(info.identity), info)
    })
  }

  readonly killAll = Effect.fnUntraced(function* (this: Termination, look: Look) {
    yield* this.sendOnce(look, "SIGKILL", this.killed)
  })

  survivors(look: ReadonlyArray<ProcessInfo>): ReadonlyArray<Survivor> {
    return look.map(({ identity, name, state }) => ({
      identity,
      name,
      state,
      reason: this.denied.has(keyOf(identity)) ? "denied" : state === "stuck" ? "stuck" : "alive"
    }))
  }
}

/** Looks and acts with growing pauses, until all are gone or the time is over. At least once. */
const keepAt = Effect.fnUntraced(function* (
  termination: Termination,
  within: Duration.Duration,
  act: (look: Look) => Effect.Effect<void>
) {
  // Not the wall clock: that may be set meanwhile.
  const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
  const start = yield* now
  const limit = Duration.toMillis(within)
  for (let pause = firstPauseMillis; ; pause = Math.min(pause * 1.5, longestPauseMillis)) {
    const look = yield* termination.look
    yield* act(look)
    const left = limit - ((yield* now) - start)
    if (termination.gone || left <= 0) return look
    // The second look that says that nobody is there need not wait.
    const nobody = Result.isSuccess(look) && look.success.length === 0
    yield* Effect.sleep(Math.min(nobody ? 1 : pause, left))
  }
})

/** Ends a command: succeeds once it is gone, or once its survivors are known. */
export const terminate: (
  target: CommandTarget,
  options?: TerminateOptions
) => Effect.Effect<Ending, ProcessesUnreadable, ProcessTable> = Effect.fnUntraced(function* (target, options = {}) {
  const table = yield* ProcessTable
  const termination = new Termination(table, target, options.known ?? new Set())
  const grace = Duration.fromInputUnsafe(options.grace ?? "5 seconds")
  const patience = Duration.fromInputUnsafe(options.patience ?? "5 seconds")
  let look: Look | undefined
  if (Duration.toMillis(grace) > 0) look = yield* keepAt(termination, grace, (seen) => termination.ask(seen))
  if (!termination.gone) {
    yield* termination.freezeAndKill
    look = yield* keepAt(termination, patience, (seen) => termination.killAll(seen))
  }
  const left = yield* Effect.fromResult(look ?? Result.succeed([]))
  return left.length === 0
    ? { _tag: "Gone", asked: [...termination.asked.values()], killed: [...termination.killed.values()] }
    : { _tag: "Survivors", survivors: termination.survivors(left) }
})
