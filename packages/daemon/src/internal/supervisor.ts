/**
 * Processes that work under leases (rules of `docs/design/daemon.md`):
 *
 * - P1 A lease with processes comes back only once they are gone: when its session
 *   ends or it is released or revoked, they are asked to end, then killed.
 * - P2 Who survives keeps the lease: it is marked orphaned, and looked for again.
 *   An administrator who revokes it then takes it all the same.
 * - P3 What works under which lease is journaled before the process may begin, so a
 *   daemon that is started anew ends what nobody answers for.
 */
import * as Effect from "effect/Effect"
import { LeaseUnknown, ProcessUnseen } from "../Errors.ts"
import type { CommandTarget } from "../process/Identity.ts"
import { ProcessTable, type Service } from "../process/ProcessTable.ts"
import { terminate, type TerminateOptions } from "../process/Terminator.ts"
import type { SessionHost } from "./sessionHost.ts"

export interface SupervisorOptions {
  readonly host: SessionHost
  /** `undefined` where the processes of this machine cannot be seen. */
  readonly processes: Service | undefined
  readonly terminate: TerminateOptions
  readonly fork: (effect: Effect.Effect<void>) => unknown
}

/** Between two looks for survivors. */
const survivorPause = "2 seconds"

export class Supervisor {
  private readonly options: SupervisorOptions
  private readonly targets = new Map<number, Array<CommandTarget>>()
  /** Leases whose processes are being ended. */
  private readonly ending = new Set<number>()
  /** Leases whose processes will not end, and those. */
  private readonly survivors = new Map<number, ReadonlyArray<number>>()

  constructor(options: SupervisorOptions) {
    this.options = options
  }

  /** What a snapshot keeps. */
  get bindings(): ReadonlyMap<number, ReadonlyArray<CommandTarget>> {
    return this.targets
  }

  get orphans(): number {
    return this.survivors.size
  }

  has(lease: number): boolean {
    return this.targets.has(lease)
  }

  /** Whether the lease comes back as soon as its processes are gone. */
  isEnding(lease: number): boolean {
    return this.ending.has(lease)
  }

  /** The roots of what works under a lease, and who of it will not end. */
  view(lease: number): { readonly processes: ReadonlyArray<number>; readonly orphaned: boolean } | undefined {
    const targets = this.targets.get(lease)
    if (targets === undefined) return undefined
    const survivors = this.survivors.get(lease)
    return { processes: survivors ?? targets.map(({ root }) => root.pid), orphaned: survivors !== undefined }
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
        if (host.table.ticket(lease)?.status !== "held" || this.ending.has(lease)) {
          return Effect.fail(new LeaseUnknown({ lease, message: `there is no lease ${lease}: it has come back` }))
        }
        const targets = this.targets.get(lease)
        if (targets === undefined) this.targets.set(lease, [target])
        else targets.push(target)
        host.note({ s: "proc", lease, target })
        return host.table.committed
      }
    )
  }

  /** The lease is gone: nothing is looked after any more. */
  forget(lease: number): void {
    this.targets.delete(lease)
    this.survivors.delete(lease)
    this.ending.delete(lease)
  }

  /** Returns a lease, once its processes are gone (P1). Does not wait for them. */
  readonly giveBack = (lease: number, giveBack: Effect.Effect<unknown>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (!this.targets.has(lease)) return Effect.asVoid(giveBack)
      if (this.ending.has(lease)) return Effect.void
      this.ending.add(lease)
      this.options.fork(
        Effect.andThen(
          this.endAll(lease),
          Effect.suspend(() => {
            this.forget(lease)
            return Effect.asVoid(giveBack)
          })
        )
      )
      return Effect.void
    })

  /** Takes a lease whose processes will not end (P2). Whether there was one. */
  readonly seize = (lease: number): boolean => {
    if (!this.survivors.has(lease)) return false
    this.forget(lease)
    return true
  }

  /** Takes up what the journal knows of. */
  restore(processes: ReadonlyMap<number, ReadonlyArray<CommandTarget>>): void {
    const { table } = this.options.host
    for (const [lease, targets] of processes) {
      if (table.ticket(lease)?.status === "held") this.targets.set(lease, [...targets])
    }
  }

  /** The leases whose sessions have ended before this start: their processes are ended now (P3). */
  readonly endUnowned: Effect.Effect<void> = Effect.suspend(() => {
    const { sessions, table } = this.options.host
    const unowned = [...this.targets.keys()].filter((lease) => sessions.ownerOf(lease) === undefined)
    return Effect.forEach(unowned, (lease) => this.giveBack(lease, table.revoke(lease, "lost")), { discard: true })
  })

  /** Completes once all that works under a lease is gone, or the lease was seized. */
  private readonly endAll = (lease: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { processes, terminate: options } = this.options
      const targets = this.targets.get(lease)
      if (targets === undefined || processes === undefined) return Effect.void
      return Effect.forEach(
        targets,
        (target) => Effect.result(Effect.provideService(terminate(target, options), ProcessTable, processes)),
        { concurrency: "unbounded" }
      ).pipe(
        Effect.flatMap((endings) => {
          if (endings.every((ending) => ending._tag === "Success" && ending.success._tag === "Gone")) return Effect.void
          // Seized meanwhile.
          if (!this.targets.has(lease)) return Effect.void
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
