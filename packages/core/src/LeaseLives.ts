/**
 * The lives of a home's leases, read from its events: for whoever governs a pool by how
 * leases end, or keeps accounts of them.
 *
 * - What grows a lease is part of it, and no life of its own.
 * - It slows nobody. Where it missed events it begins anew, with the leases that there are.
 * - A lease of which one hears twice is the same: it may be granted while one begins.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Claim } from "./Claim.ts"
import { type Dropped, LeaseTable, type LedgerEvent, type ReturnReason } from "./LeaseTable.ts"
import { ResourceManager } from "./ResourceManager.ts"

export interface FollowedLease {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
}

export interface LeaseLives {
  /** Whether leases of such a claim are followed. */
  readonly follows: (claim: Claim) => boolean
  /** Begins with the leases that there are, or begins anew: what is gone came back unheard. */
  readonly reset: (leases: ReadonlyArray<FollowedLease>) => Effect.Effect<void> | undefined
  /** One was granted, at an instant of the Ledger's time in microseconds. */
  readonly granted: (lease: FollowedLease, at: number) => void
  /** Its grant never was. */
  readonly undone: (lease: number) => void
  /** One came back, of whatever claim. */
  readonly returned: (lease: number, reason: ReturnReason, at: number) => Effect.Effect<void> | undefined
}

/** Follows leases until the scope closes: those that there are now, and all that come. */
export const follow: (lives: LeaseLives) => Effect.Effect<void, never, ResourceManager | LeaseTable | Scope.Scope> =
  Effect.fnUntraced(function* (lives) {
    const manager = yield* ResourceManager
    const table = yield* LeaseTable
    const waiting = new Map<number, FollowedLease>()

    const isFollowed = ({ claim }: FollowedLease) => lives.follows(claim)
    // Waiters first: one that is granted in between is among the leases.
    const begin = Effect.flatMap(Effect.all([manager.waiters, manager.leases]), ([waiters, leases]) => {
      waiting.clear()
      const held = new Set(leases.map(({ id }) => id))
      for (const waiter of waiters) if (isFollowed(waiter) && !held.has(waiter.id)) waiting.set(waiter.id, waiter)
      return lives.reset(leases.filter(isFollowed)) ?? Effect.void
    })

    const hear = (event: LedgerEvent): Effect.Effect<void> | undefined => {
      switch (event._tag) {
        case "Queued":
          if (event.grows === undefined && isFollowed(event)) waiting.set(event.id, event)
          return undefined
        case "GrantedAtOnce":
          if (event.grows === undefined && isFollowed(event)) lives.granted(event, event.at)
          return undefined
        case "Granted": {
          const waiter = waiting.get(event.id)
          waiting.delete(event.id)
          if (waiter !== undefined) lives.granted(waiter, event.at)
          return undefined
        }
        case "Left":
          waiting.delete(event.id)
          return undefined
        case "Undone":
          lives.undone(event.id)
          return undefined
        case "Returned":
          return lives.returned(event.id, event.reason, event.at)
        default:
          return undefined
      }
    }

    // What happens from now on is heard once it has begun: what was read may be older by then.
    const hasBegun = yield* Latch.make()
    const handle = (event: LedgerEvent | Dropped) => (event._tag === "Dropped" ? begin : (hear(event) ?? Effect.void))
    yield* table.events.pipe(
      Stream.runForEach((event) =>
        Effect.andThen(
          hasBegun.await,
          Effect.suspend(() => handle(event))
        )
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    yield* begin
    yield* hasBegun.open
  })
