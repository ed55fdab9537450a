/**
 * An ordered set whose entries know where they stand: O(log n) to insert or remove,
 * O(1) to the neighbours. A treap, linked through in order; the weights that keep it
 * shallow come from a counter, so that two runs build the same tree.
 *
 * An entry is removed by where it stands, not by comparing: its key may have
 * changed already. Between commands all keys are as they were at insertion.
 */
export class Place<T> {
  readonly value: T
  /** Its neighbours in order. */
  before: Place<T> | undefined = undefined
  after: Place<T> | undefined = undefined
  /** Where it is in the tree. */
  up: Place<T> | undefined = undefined
  left: Place<T> | undefined = undefined
  right: Place<T> | undefined = undefined
  /** No entry weighs more than the one above it. */
  readonly weight: number

  constructor(value: T, weight: number) {
    this.value = value
    this.weight = weight
  }
}

/** Spreads a counter over 32 bits (the finalizer of MurmurHash3). */
const spread = (count: number): number => {
  let bits = Math.imul(count ^ (count >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

export class Sorted<T> {
  first: Place<T> | undefined = undefined
  last: Place<T> | undefined = undefined
  size = 0
  private root: Place<T> | undefined = undefined
  private inserted = 0
  private readonly compare: (a: T, b: T) => number

  /** `compare` tells any two entries apart. */
  constructor(compare: (a: T, b: T) => number) {
    this.compare = compare
  }

  insert(value: T): Place<T> {
    const place = new Place(value, spread(++this.inserted))
    this.size++
    const above = this.above(value)
    if (above === undefined) {
      this.root = place
      this.first = place
      this.last = place
      return place
    }
    place.up = above
    if (this.compare(value, above.value) < 0) {
      above.left = place
      this.link(place, above.before, above)
    } else {
      above.right = place
      this.link(place, above, above.after)
    }
    while (place.up !== undefined && place.up.weight < place.weight) this.rotate(place)
    return place
  }

  remove(place: Place<T>): void {
    this.size--
    // Down until it has nothing on one side: there it can be left out.
    for (;;) {
      const { left, right } = place
      if (left === undefined || right === undefined) break
      this.rotate(left.weight > right.weight ? left : right)
    }
    this.replace(place, place.left ?? place.right)
    const { after, before } = place
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    place.before = undefined
    place.after = undefined
    place.up = undefined
    place.left = undefined
    place.right = undefined
  }

  /** Whether an entry whose key has changed still stands where it belongs. */
  isPlaced({ after, before, value }: Place<T>): boolean {
    return (
      (before === undefined || this.compare(before.value, value) < 0) &&
      (after === undefined || this.compare(value, after.value) < 0)
    )
  }

  /** The entry that a new one goes under. Most are the last: that is known without a search. */
  private above(value: T): Place<T> | undefined {
    const { last } = this
    if (last !== undefined && this.compare(last.value, value) < 0) return last
    let above: Place<T> | undefined = undefined
    for (let at = this.root; at !== undefined; at = this.compare(value, at.value) < 0 ? at.left : at.right) above = at
    return above
  }

  private link(place: Place<T>, before: Place<T> | undefined, after: Place<T> | undefined): void {
    place.before = before
    place.after = after
    if (before === undefined) this.first = place
    else before.after = place
    if (after === undefined) this.last = place
    else after.before = place
  }

  /** Moves an entry over the one above it. */
  private rotate(place: Place<T>): void {
    const above = place.up!
    this.replace(above, place)
    if (above.left === place) {
      above.left = place.right
      if (place.right !== undefined) place.right.up = above
      place.right = above
    } else {
      above.right = place.left
      if (place.left !== undefined) place.left.up = above
      place.left = above
    }
    above.up = place
  }

  /** Puts an entry, or nothing, where another one hangs. */
  private replace(place: Place<T>, by: Place<T> | undefined): void {
    const { up } = place
    if (up === undefined) this.root = by
    else if (up.left === place) up.left = by
    else up.right = by
    if (by !== undefined) by.up = up
  }
}
