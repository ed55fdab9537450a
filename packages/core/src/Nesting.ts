/**
 * Which leases a wait is inside of. The bodies of `withLease` are known by a
 * `Context.Reference`, so forked children inherit them; scoped leases are known by
 * the fiber that took them, because a child that it forks need not keep the scope
 * open.
 *
 * For homes of the manager: one that hands out leases of its own (a client of a
 * daemon) puts them into the same frames, with itself as their owner, so that
 * `Lease.detached` and forked children mean the same everywhere. Programs need
 * `Lease.detached` alone.
 *
 * ```ts
 * const scoped = new ScopedLeases<MyLease>()
 * // around the body of a lease
 * fiber.setContext(pushFrame(fiber.context, fiber.getRef(Nesting), home, lease))
 * // where a claim is made
 * const parent = scoped.innermost(fiber, fiber.getRef(Nesting), home)
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Fiber } from "effect/Fiber"

export type AnyFiber = Fiber<unknown, unknown>

/** All that nesting has to know of a lease. */
export interface NestedLease {
  /** Its place in the one order of all claims of its owner. */
  readonly id: number
  /** `"held"` as long as waits can be inside of it. */
  readonly status: string
}

/** One body of `withLease`, or the edge of a detached region. */
export interface Frame {
  /** Who granted the lease: nesting is a matter of one manager. */
  readonly owner: object
  readonly lease: NestedLease | undefined
  readonly outer: Frame | undefined
  /** Scoped leases registered before this do not count here: it stands outside of them. */
  readonly scopedFrom: number
}

export const Nesting = Context.Reference<Frame | undefined>("@resource-manager/core/Nesting", {
  defaultValue: () => undefined
})

/** Numbers scoped leases across all managers, so that a detached region knows which came before it. */
let scopedCount = 0

interface Scoped<Lease> {
  readonly lease: Lease
  readonly index: number
}

/** A frame for what runs inside a lease, `outer` around it. */
export const frame = (outer: Frame | undefined, owner: object, lease: NestedLease): Frame => ({
  owner,
  lease,
  outer,
  scopedFrom: outer === undefined ? 0 : outer.scopedFrom
})

/** The context of a body inside a lease. */
export const pushFrame = (
  context: Context.Context<never>,
  outer: Frame | undefined,
  owner: object,
  lease: NestedLease
): Context.Context<never> => Context.add(context, Nesting, frame(outer, owner, lease))

/** Runs an effect as if it were outside of every lease: its waits keep no lease from coming back. */
export const detached = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() =>
    Effect.provideService(effect, Nesting, {
      owner: detached,
      lease: undefined,
      outer: undefined,
      scopedFrom: scopedCount
    })
  )

/** The scoped leases of one manager, by the fiber that took them. */
export class ScopedLeases<Lease extends NestedLease> {
  private readonly byFiber = new Map<AnyFiber, Array<Scoped<Lease>>>()

  add(fiber: AnyFiber, lease: Lease): void {
    const entry = { lease, index: scopedCount++ }
    const own = this.byFiber.get(fiber)
    if (own === undefined) this.byFiber.set(fiber, [entry])
    else own.push(entry)
  }

  remove(fiber: AnyFiber, lease: Lease): void {
    const own = this.byFiber.get(fiber)
    if (own === undefined) return
    // A scope closes its leases newest first, so it is mostly the last one.
    const at = own.findLastIndex((entry) => entry.lease === lease)
    if (at >= 0) own.splice(at, 1)
    if (own.length === 0) this.byFiber.delete(fiber)
  }

  /**
   * The innermost lease of `owner` around the place that a fiber is at. Of a body
   * and a scoped lease the one granted later is inside the other: a fiber enters
   * one while it is in the other, or was forked in it.
   */
  innermost(fiber: AnyFiber, frame: Frame | undefined, owner: object): Lease | undefined {
    let found: Lease | undefined
    for (let at = frame; at !== undefined; at = at.outer) {
      if (at.owner !== owner || at.lease?.status !== "held") continue
      // An owner puts leases of one kind into its frames: those that it registers here.
      found = at.lease as Lease
      break
    }
    if (this.byFiber.size === 0) return found
    const own = this.byFiber.get(fiber)
    const scopedFrom = frame === undefined ? 0 : frame.scopedFrom
    for (let index = (own?.length ?? 0) - 1; index >= 0; index--) {
      const entry = own![index]!
      if (entry.index < scopedFrom) break
      if (entry.lease.status !== "held") continue
      return found === undefined || entry.lease.id > found.id ? entry.lease : found
    }
    return found
  }
}
