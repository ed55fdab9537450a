/**
 * The jobs that run, the one that ends first on top; of those that end at one instant the one
 * that arrived first. A binary heap in two parallel arrays.
 */
import type { Request } from "@resource-manager/core/Ledger"

const isBefore = (end: number, lease: Request, otherEnd: number, other: Request): boolean =>
  end < otherEnd || (end === otherEnd && lease.id < other.id)

export class EndHeap {
  private readonly ends: Array<number> = []
  private readonly leases: Array<Request> = []

  /** When the next job ends; `Infinity` where none runs. */
  get nextAt(): number {
    return this.ends[0] ?? Infinity
  }

  get size(): number {
    return this.ends.length
  }

  push(end: number, lease: Request): void {
    const { ends, leases } = this
    let index = ends.length
    ends.push(end)
    leases.push(lease)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const parentEnd = ends[parent]!
      if (!isBefore(end, lease, parentEnd, leases[parent]!)) break
      ends[index] = parentEnd
      leases[index] = leases[parent]!
      index = parent
    }
    ends[index] = end
    leases[index] = lease
  }

  pop(): Request | undefined {
    const { ends, leases } = this
    const first = leases[0]
    const end = ends.pop()
    const lease = leases.pop()
    if (end === undefined || lease === undefined || ends.length === 0) return first
    const length = ends.length
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(ends[child + 1]!, leases[child + 1]!, ends[child]!, leases[child]!)) child++
      if (isBefore(end, lease, ends[child]!, leases[child]!)) break
      ends[index] = ends[child]!
      leases[index] = leases[child]!
      index = child
    }
    ends[index] = end
    leases[index] = lease
    return first
  }
}
