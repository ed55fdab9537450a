/** What happens at later instants, in order; at the same instant, first planned, first done. */
export interface Entry {
  readonly at: number
  readonly run: () => void
}

interface Planned extends Entry {
  readonly order: number
}

const isBefore = (a: Planned, b: Planned) => a.at < b.at || (a.at === b.at && a.order < b.order)

export class Agenda {
  /** A binary heap: no entry is before its parent. */
  private readonly heap: Array<Planned> = []
  private planned = 0

  at(at: number, run: () => void): void {
    const { heap } = this
    let index = heap.length
    const entry = { at, run, order: this.planned++ }
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  /** Takes the first. */
  take(): Entry | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      if (left >= heap.length) break
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}
