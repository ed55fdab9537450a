/**
 * Everything that happens by itself at an instant: a pool whose first short
 * waiter will have its tokens, a lease that expires, a waiter whose time is up.
 * A binary heap with positions kept in the entries, so that removal is
 * O(log n); no entry costs anything while it has no instant.
 */
export interface Timed {
  /** The instant in microseconds. Meaningful while `timerIndex >= 0`. */
  dueAt: number
  /** Where it is in the heap, or -1. */
  timerIndex: number
  /**
   * What goes first at one instant: pools (0) and expiring leases (1) hand out
   * before waiters (2) give up, so a grant that is possible in time is made.
   */
  timerRank(): number
  /** Breaks the last tie, so that a replay takes the same order. */
  timerOrder(): number
}

const before = (a: Timed, b: Timed): boolean => {
  if (a.dueAt !== b.dueAt) return a.dueAt < b.dueAt
  const ranks = a.timerRank() - b.timerRank()
  return ranks !== 0 ? ranks < 0 : a.timerOrder() < b.timerOrder()
}

export class Timers {
  private readonly heap: Array<Timed> = []

  /** The first instant at which something is due; `Infinity` where nothing is. */
  nextAt(): number {
    const first = this.heap[0]
    return first === undefined ? Infinity : first.dueAt
  }

  first(): Timed | undefined {
    return this.heap[0]
  }

  set(entry: Timed, dueAt: number): void {
    if (entry.timerIndex < 0) {
      if (dueAt === Infinity) return
      entry.dueAt = dueAt
      this.heap.push(entry)
      this.rise(this.heap.length - 1, entry)
      return
    }
    if (dueAt === Infinity) return this.clear(entry)
    if (entry.dueAt === dueAt) return
    const later = dueAt > entry.dueAt
    entry.dueAt = dueAt
    if (later) this.sink(entry.timerIndex, entry)
    else this.rise(entry.timerIndex, entry)
  }

  clear(entry: Timed): void {
    const index = entry.timerIndex
    if (index < 0) return
    entry.timerIndex = -1
    const last = this.heap.pop()
    if (last === undefined || last === entry) return
    this.rise(index, last)
    this.sink(last.timerIndex, last)
  }

  private rise(index: number, entry: Timed): void {
    const heap = this.heap
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]!
      if (!before(entry, parent)) break
      heap[index] = parent
      parent.timerIndex = index
      index = parentIndex
    }
    heap[index] = entry
    entry.timerIndex = index
  }

  private sink(index: number, entry: Timed): void {
    const heap = this.heap
    const length = heap.length
    for (;;) {
      let childIndex = 2 * index + 1
      if (childIndex >= length) break
      if (childIndex + 1 < length && before(heap[childIndex + 1]!, heap[childIndex]!)) childIndex++
      const child = heap[childIndex]!
      if (!before(child, entry)) break
      heap[index] = child
      child.timerIndex = index
      index = childIndex
    }
    heap[index] = entry
    entry.timerIndex = index
  }
}
