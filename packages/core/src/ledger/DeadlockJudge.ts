/**
 * Looks at waits whenever one may have become one that is never served: by the policy a
 * waiter fails, or a lease is taken; a wait that only order keeps is let through.
 */
import { neverFits } from "./admission.ts"
import type { Books } from "./Books.ts"
import { findDeadlock, findOrderBlocked, needsNoGraph } from "./deadlock.ts"
import type { DeadlockPolicy } from "./DeadlockPolicy.ts"
import type { Endings } from "./Endings.ts"
import type { Order } from "./order/Order.ts"
import { priorityOf } from "./order/priority.ts"
import * as turns from "./order/transitions.ts"
import type { Pool } from "./Pool.ts"
import { olderThan, outermostOf, woundedBy } from "./preemption/ages.ts"
import { isSafeWith, neverHad, type SafetyReason, unsafeWith } from "./preemption/banker.ts"
import { mayBeTaken } from "./preemption/Notice.ts"
import { takenBefore } from "./preemption/PreemptibleIndex.ts"
import * as gates from "./quota/gates.ts"
import { reviewAll } from "./quota/review.ts"
import type { InvalidClaim } from "./Refusal.ts"
import { isHeldBack, leasesAround, type Request } from "./Request.ts"

export class DeadlockJudge {
  private readonly books: Books
  private readonly policy: DeadlockPolicy
  private readonly order: Order | undefined
  private readonly endings: Endings

  constructor(books: Books, policy: DeadlockPolicy, order: Order | undefined, endings: Endings) {
    this.books = books
    this.policy = policy
    this.order = order
    this.endings = endings
  }

  get detects(): boolean {
    return this.policy.detects
  }

  /** Whether a claim is granted only where that is safe. */
  get avoids(): boolean {
    return this.policy.avoids === true
  }

  /** Looks for a deadlock that a claim closes by waiting, and for waits that only order keeps. */
  judgeWait(request: Request): void {
    if (this.policy.ages !== undefined) this.judgeByAge(request, this.policy.ages)
    if (!this.policy.detects || request.status !== "waiting" || needsNoGraph(request, this.books.hardPools)) return
    this.resolveDeadlocks(() => (request.status === "waiting" ? [request] : []), request)
  }

  /** A claim inside a lease waits for younger ones, or takes what they hold, by the policy. */
  private judgeByAge(request: Request, by: "wait-die" | "wound-wait"): void {
    if (request.quota?.parked !== undefined) return
    this.books.ordering?.inherit()
    if (by === "wound-wait") {
      const wounded = woundedBy(request, this.books.now)
      if (wounded.length > 0) this.endings.tellToEnd(wounded, request, "age")
      return
    }
    const refusal = olderThan(request, this.books.now)
    if (refusal !== undefined) this.endings.fail(request, "DeadlockDetected", refusal)
  }

  /** A lease that grows while waits are inside it may have taken what they need. */
  judgeGrowth(request: Request): void {
    const lease = request.grows
    if (lease?.waitsInside === undefined || lease.waitsInside.size === 0 || !this.policy.detects) return
    this.resolveDeadlocks(() => lease.waitsInside ?? [], undefined)
  }

  isSafe(request: Request): boolean {
    return this.policy.avoids !== true || isSafeWith([...this.books.everyPool()], request)
  }

  /**
   * Whether others may be safe once a claim is granted that are not before: inside a lease of another agent, or at
   * another priority, it has what its lease could not have, which then asks for less.
   */
  makesSafer(request: Request): boolean {
    if (!this.avoids) return false
    const outermost = outermostOf(request)
    return outermost.agent !== request.agent || priorityOf(outermost) !== priorityOf(request)
  }

  /** Why to grant a claim would not be safe; nothing where it would, or where nobody looks. */
  unsafe(request: Request): ReadonlyArray<SafetyReason> {
    return this.avoids ? unsafeWith([...this.books.everyPool()], request) : []
  }

  /** What of the maximum that a claim declares can never be had; nothing where nobody looks. */
  neverHad(request: Request): InvalidClaim | undefined {
    return this.avoids ? neverHad(this.books.everyPool(), request) : undefined
  }

  /** Fails those whose maximum can never be had any more: it may be of pools that they are in no queue of. */
  failNeverHad(): void {
    if (!this.avoids) return
    for (const agent of this.books.agents.values()) {
      // A copy: failing takes them out of the list.
      for (const waiter of Array.from(agent.waiters)) {
        const refusal = neverHad(this.books.everyPool(), waiter)
        if (refusal !== undefined) this.endings.fail(waiter, "InvalidClaim", refusal)
      }
    }
  }

  /** It waits where deadlocks are avoided: inside a lease for no order, else until it is safe. */
  putBack(request: Request): void {
    if (leasesAround(request).length > 0) turns.exemptFromOrder(this.books, request)
    if (isHeldBack(request)) this.books.heldBack.add(request)
  }

  /**
   * Fails what pools that have less can never serve, then what that deadlocks. All pools that one
   * change concerns are looked at together: a wait that only order keeps in one of them may be in a
   * deadlock by another.
   */
  review(pools: ReadonlyArray<Pool>): void {
    for (const pool of pools) {
      for (const waiter of this.waitersOf(pool)) {
        const part = waiter.parts.find((candidate) => candidate.pool === pool)!
        const refusal = neverFits(part)
        if (refusal !== undefined) this.endings.fail(waiter, "ResourceExhausted", refusal)
      }
    }
    this.failNeverHad()
    if (this.policy.detects) this.resolveDeadlocks(() => pools.flatMap((pool) => this.waitersOf(pool)), undefined)
  }

  private waitersOf(pool: Pool): Array<Request> {
    const found: Array<Request> = []
    for (let part = pool.waitersHead; part !== undefined; part = part.next) found.push(part.request)
    for (const waiter of gates.waitingForQuota(this.books)) {
      if (waiter.parts.some((part) => part.pool === pool)) found.push(waiter)
    }
    return found
  }

  /** Who may use or draws from which promise has changed: what is then never there for somebody, and what that deadlocks. */
  reviewPromised(): void {
    if (this.books.reservations !== undefined) {
      this.review([...this.books.pools.values()].filter((pool) => pool.standing > 0))
    }
  }

  /** After what trees may have has changed: who is over it now, and then, of those who still wait in any of them, what that deadlocks. */
  reviewTrees(trees: ReadonlyArray<ReadonlyArray<Request>>): void {
    const isWaiting = (request: Request) => request.status === "waiting"
    for (const waiters of trees) {
      // Both trees may be one.
      reviewAll(waiters.filter(isWaiting), this.books.now, {
        fail: (waiter, refusal) => this.endings.fail(waiter, "QuotaExceeded", refusal),
        withdraw: (waiter) => gates.withdraw(this.books, waiter)
      })
    }
    this.failNeverHad()
    if (!this.policy.detects) return
    this.resolveDeadlocks(() => trees.flat().filter(isWaiting), undefined)
  }

  resolveDeadlocks(roots: () => Iterable<Request>, requester: Request | undefined): void {
    for (;;) {
      const deadlock = findDeadlock(roots(), requester)
      if (deadlock === undefined) break
      const taken = this.toRevoke(deadlock.leases)
      if (taken !== undefined) {
        this.endings.tellToEnd([taken], requester ?? deadlock.waits.at(-1)!, "deadlock")
        continue
      }
      const closedBy = requester !== undefined && deadlock.waits.includes(requester) ? requester.id : undefined
      const chosen = this.policy.victim(
        deadlock.waits.map((wait) => wait.id),
        closedBy
      )
      const victim = deadlock.waits.find((wait) => wait.id === chosen) ?? deadlock.waits.at(-1)!
      this.endings.fail(victim, "DeadlockDetected", deadlock.refusalFor(victim))
    }
    this.letThrough(roots())
  }

  /** The lease of a cycle that the policy takes. */
  private toRevoke(leases: ReadonlyArray<Request>): Request | undefined {
    const { revoke } = this.policy
    if (revoke === undefined) return undefined
    const candidates = leases.filter(mayBeTaken).toSorted((a, b) => (takenBefore(a, b) ? -1 : 1))
    const chosen = revoke(
      candidates.map(({ agent, grantedAt, id, leasePriority }) => ({
        id,
        agent: agent.id,
        priority: leasePriority,
        grantedAt
      }))
    )
    return candidates.find(({ id }) => id === chosen)
  }

  letThrough(roots: Iterable<Request>): void {
    this.books.ordering?.inherit()
    for (const request of findOrderBlocked(roots, this.order)) turns.exemptFromOrder(this.books, request)
  }
}
