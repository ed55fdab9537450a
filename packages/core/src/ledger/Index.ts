/**
 * Claims by id, for those that name them so: homes that hand leases beyond the
 * process, and journals. Built only where somebody asks for it.
 *
 * Invariant, between commands: it holds exactly the waiters, the leases, and the
 * growths of held leases that can still be undone.
 */
import type { Request } from "./Request.ts"

export class Index {
  private readonly requests = new Map<number, Request>()
  /** Granted growths that can still be undone, by the lease that grew. */
  private readonly growths = new Map<Request, Set<Request>>()

  get size(): number {
    return this.requests.size
  }

  get(id: number): Request | undefined {
    return this.requests.get(id)
  }

  values(): IterableIterator<Request> {
    return this.requests.values()
  }

  /** It waits, or was granted. */
  add(request: Request): void {
    this.requests.set(request.id, request)
    const lease = request.grows
    if (lease === undefined || request.status !== "held") return
    const growths = this.growths.get(lease)
    if (growths === undefined) this.growths.set(lease, new Set([request]))
    else growths.add(request)
  }

  /** It left, came back, was undone, or became its lease's for good. */
  remove(request: Request): void {
    this.requests.delete(request.id)
    if (request.grows === undefined) {
      for (const growth of this.growths.get(request) ?? []) this.requests.delete(growth.id)
      this.growths.delete(request)
      return
    }
    const growths = this.growths.get(request.grows)
    growths?.delete(request)
    if (growths?.size === 0) this.growths.delete(request.grows)
  }
}
