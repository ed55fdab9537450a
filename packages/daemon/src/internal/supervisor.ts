/**
 * Processes that work under leases (rules of `docs/design/daemon.md`):
 *
 * - P1 A lease with processes comes back only once they are gone: when its session
 *   ends or it is released or revoked, they are asked to end, then killed.
 * - P2 Who survives keeps the lease: it is marked orphaned, and looked for again.
 *   An administrator who revokes it then takes it all the same.
 * - P4 A lease that has to stop (it expired, or is taken for another claim) is no exception:
 *   its processes are asked to end at that instant, and killed early enough to be gone by
 *   the forced end. Only then, if they still live, is the lease back before they are: it
 *   is an overrun, and its fencing token is void.
 * - P3 What works under which lease is journaled before the process may begin, so a
 *   daemon that is started anew ends what nobody answers for.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import { LeaseUnknown, ProcessUnseen } from "../Errors.ts"
import type { CommandTarget } from "../process/Identity.ts"
import { type ProcessesUnreadable, ProcessTable, type Service } from "../process/ProcessTable.ts"
import { type Ending, terminate, type TerminateOptions } from "../process/Terminator.ts"
import type { BackReason, Work } from "./records.ts"
import type { SessionHost } from "./sessionHost.ts"

export interface SupervisorOptions {
  readonly host: SessionHost
  /** `undefined` where the processes of this machine cannot be seen. */
  readonly processes: Service | undefined
  readonly terminate: TerminateOptions
  readonly fork: (effect: Effect.Effect<void>) => unknown
}

/**
 * How long before its forced end what works under a lease is killed: the kernel needs time to
 * end it, and the daemon to see that. A quarter of the time that there is; one and a half
 * seconds at least, where that leaves them half of it to end by themselves.
 */
const killedBefore = (millis: number): number => Math.min(millis / 2, Math.max(1_500, millis / 4))

/** Between two looks for survivors. */
const survivorPause = "2 seconds"

type Ended = Result.Result<Ending, ProcessesUnreadable>

const terminateAll = (
  targets: ReadonlyArray<CommandTarget>,
  options: TerminateOptions,
  processes: Service
): Effect.Effect<ReadonlyArray<Ended>> =>
  Effect.forEach(
    targets,
    (target) => Effect.result(Effect.provideService(terminate(target, options), ProcessTable, processes)),
    { concurrency: "unbounded" }
  )

const isGone = (ending: Ended): boolean => ending._tag === "Success" && ending.success._tag === "Gone"

export class Supervisor {
  private readonly options: SupervisorOptions
  private readonly work = new Map<number, Work>()
  /** Leases whose processes will not end, and those. */
  private readonly survivors = new Map<number, ReadonlyArray<number>>()

  constructor(options: SupervisorOptions) {
    this.options = options
  }

  /** What a snapshot keeps. */
  get bindings(): ReadonlyMap<number, Work> {
    return this.work
  }

  get orphans(): number {
    return this.survivors.size
  }

  has(lease: number): boolean {
    return this.work.has(lease)
  }

  /** Whether the lease comes back as soon as its processes are gone. */
  isEnding(lease: number): boolean {
    return this.work.get(lease)?.back !== undefined
  }

  /** The roots of what works under a lease, and who of it will not end. */
  view(lease: number): { readonly processes: ReadonlyArray<number>; readonly orphaned: boolean } | undefined {
    const work = this.work.get(lease)
    if (work === undefined) return undefined
    const survivors = this.survivors.get(lease)
    return { processes: survivors ?? work.targets.map(({ root }) => root.pid), orphaned: survivors !== undefined }
  }

  /**
   * Whether all that a target may stand for is the lease's own: its root bears the
   * lease's mark, which nobody else can give it. Others have just their word.
   */
  readonly isOwn = ({ group, marker, root }: CommandTarget, mark: string): Effect.Effect<boolean> => {
    const { processes } = this.options
    if (processes === undefined || marker !== mark || (group !== undefined && group !== root.pid)) {
      return Effect.succeed(false)
    }
    return Effect.orElseSucceed(processes.isMarked(root, mark), () => false)
  }

  /** A process is about to work under a lease. Answered once that is kept. */
  readonly bind = (lease: number, target: CommandTarget): Effect.Effect<void, ProcessUnseen | LeaseUnknown> => {
    const { host, processes } = this.options
    const unseen = (why: string) =>
      Effect.fail(
        new ProcessUnseen({
          pid: target.root.pid,
          message: `process ${target.root.pid} cannot work under lease ${lease}: ${why}`
        })
      )
    if (processes === undefined) return unseen("the daemon cannot see the processes of this machine")
    return Effect.flatMap(
      Effect.orElseSucceed(processes.isAlive(target.root), () => false),
      (lives): Effect.Effect<void, ProcessUnseen | LeaseUnknown> => {
        if (!lives) return unseen("the daemon does not see it; is it in another container, or gone?")
        // Its expiry may be this very instant.
        if (this.isEnding(lease) || !host.table.lingerUnsafe(lease)) {
          return Effect.fail(new LeaseUnknown({ lease, message: `there is no lease ${lease}: it has come back` }))
        }
        if (host.table.notice(lease)?.phase === "ending") {
          return Effect.fail(new LeaseUnknown({ lease, message: `lease ${lease} has to end now` }))
        }
        const work = this.work.get(lease)
        if (work === undefined) this.work.set(lease, { targets: [target], back: undefined })
        else work.targets.push(target)
        host.note({ s: "proc", lease, target })
        return host.table.committed
      }
    )
  }

  /** A lease has to stop now, and is taken by force in so many milliseconds (P4). */
  readonly stop = (lease: number, forcedInMillis: number): void => {
    if (!this.work.has(lease)) return
    this.options.fork(this.giveBack(lease, "ended"))
    this.options.fork(Effect.delay(this.killAll(lease), forcedInMillis - killedBefore(forcedInMillis)))
  }

  /** The lease came back without its processes having been ended (it was taken by force, or the manager stopped): they are now. */
  readonly evict = (lease: number): void => {
    const work = this.work.get(lease)
    if (work === undefined || work.back !== undefined) return
    this.options.fork(this.giveBack(lease, "lost"))
  }

  /** The lease is gone: nothing is looked after any more. */
  forget(lease: number): void {
    this.work.delete(lease)
    this.survivors.delete(lease)
  }

  /**
   * Returns a lease, once its processes are gone (P1). Does not wait for them; that they
   * are being ended, and why, is a note, so that the next daemon goes on with it.
   */
  readonly giveBack = (lease: number, reason: BackReason): Effect.Effect<void> =>
    Effect.suspend(() => {
      const work = this.work.get(lease)
      if (work === undefined) return this.comesBack(lease, reason)
      if (work.back !== undefined) return Effect.void
      work.back = reason
      this.options.host.note({ s: "back", lease, reason })
      return this.ends(lease, reason)
    })

  private ends(lease: number, reason: BackReason): Effect.Effect<void> {
    return Effect.sync(() => {
      this.options.fork(
        Effect.andThen(
          this.endAll(lease),
          Effect.suspend(() => this.isGone(lease, reason))
        )
      )
    })
  }

  /** Nothing works under it any more. */
  private isGone(lease: number, reason: BackReason): Effect.Effect<void> {
    this.forget(lease)
    return this.comesBack(lease, reason)
  }

  private comesBack(lease: number, reason: BackReason): Effect.Effect<void> {
    const { table } = this.options.host
    switch (reason) {
      case "released":
        return Effect.asVoid(table.release(lease))
      case "ended":
        return Effect.asVoid(table.end(lease))
      default:
        return Effect.asVoid(table.revoke(lease, reason))
    }
  }

  /** Takes a lease whose processes will not end (P2). Whether there was one. */
  readonly seize = (lease: number): boolean => {
    if (!this.survivors.has(lease)) return false
    this.forget(lease)
    return true
  }

  /** Takes up what the journal knows of. */
  readonly restore = (restored: ReadonlyMap<number, Work>): Effect.Effect<void> => {
    const { host, processes } = this.options
    const lives = ({ root }: CommandTarget) =>
      processes === undefined ? Effect.succeed(false) : Effect.orElseSucceed(processes.isAlive(root), () => true)
    return Effect.forEach(
      restored,
      Effect.fnUntraced(function* (this: Supervisor, [lease, { back, targets }]: readonly [number, Work]) {
        const isHeld = host.table.ticket(lease)?.status === "held"
        // Of what has come back nothing is left, but for what expired while no daemon ran.
        if (!isHeld && !(yield* Effect.findFirst(targets, lives).pipe(Effect.map(Option.isSome)))) return
        this.work.set(lease, { targets: [...targets], back: isHeld ? back : "lost" })
        // Its session gave it back, and was told so.
        if (back === "released") host.sessions.drop(lease)
      }).bind(this),
      { discard: true }
    )
  }

  /** What was being ended goes on being ended; so is what works for sessions that have ended before this start (P3). */
  readonly endUnowned: Effect.Effect<void> = Effect.suspend(() => {
    const { sessions, table } = this.options.host
    return Effect.forEach(
      [...this.work],
      ([lease, { back }]) => {
        const notice = table.notice(lease)
        if (notice?.phase === "ending") this.stop(lease, notice.forcedInMillis)
        if (back !== undefined) return this.ends(lease, back)
        return sessions.ownerOf(lease) === undefined ? this.giveBack(lease, "lost") : Effect.void
      },
      { discard: true }
    )
  })

  /** Kills all that works under a lease, if it still does. */
  private readonly killAll = (lease: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { processes } = this.options
      const targets = this.work.get(lease)?.targets
      if (targets === undefined || processes === undefined) return Effect.void
      return Effect.flatMap(terminateAll(targets, { grace: 0 }, processes), (endings) => {
        const back = this.work.get(lease)?.back
        // Who is left is told by `endAll`, which looks less often.
        return back !== undefined && endings.every(isGone) ? this.isGone(lease, back) : Effect.void
      })
    })

  /** Completes once all that works under a lease is gone, or the lease was seized. */
  private readonly endAll = (lease: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { processes, terminate: options } = this.options
      const targets = this.work.get(lease)?.targets
      if (targets === undefined || processes === undefined) return Effect.void
      return terminateAll(targets, options, processes).pipe(
        Effect.flatMap((endings) => {
          if (endings.every(isGone)) return Effect.void
          // Seized meanwhile.
          if (!this.work.has(lease)) return Effect.void
          const left = endings.flatMap((ending) =>
            ending._tag === "Success" && ending.success._tag === "Survivors"
              ? ending.success.survivors.map(({ identity }) => identity.pid)
              : []
          )
          this.survivors.set(lease, left)
          return Effect.andThen(Effect.sleep(survivorPause), this.endAll(lease))
        })
      )
    })
}
