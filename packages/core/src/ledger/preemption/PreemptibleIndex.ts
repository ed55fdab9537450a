/**
 * The leases of one pool that may be taken for others, in the order in which they
 * are: lowest priority first, of those the most recently granted first. A treap
 * with sums, so that a lease comes, goes or changes in O(log n), and so that what
 * all leases below a priority hold is known in O(log n) too: a claim that no victims
 * could serve visits none.
 *
 * The shape follows from the fencing tokens alone, so equal states are equal trees.
 */
import type { Part, Request } from "../Request.ts"

interface Node {
  readonly part: Part
  readonly lease: Request
  amount: number
  /** What this node and those below it hold. */
  sum: number
  left: Node | undefined
  right: Node | undefined
}

/** Spreads tokens, so that leases granted in order make no long branch. */
const heat = (token: number): number => {
  let mixed = Math.imul(token ^ (token >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

const hotter = (a: Node, b: Node): boolean => {
  const difference = heat(a.lease.token) - heat(b.lease.token)
  return difference !== 0 ? difference > 0 : a.lease.token > b.lease.token
}

/** Whether one lease is taken before another one. */
export const takenBefore = (a: Request, b: Request): boolean =>
  a.leasePriority !== b.leasePriority ? a.leasePriority < b.leasePriority : a.token > b.token

const sumOf = (node: Node | undefined): number => (node === undefined ? 0 : node.sum)

const summed = (node: Node): Node => {
  node.sum = node.amount + sumOf(node.left) + sumOf(node.right)
  return node
}

const join = (left: Node | undefined, right: Node | undefined): Node | undefined => {
  if (left === undefined) return right
  if (right === undefined) return left
  if (hotter(left, right)) {
    left.right = join(left.right, right)
    return summed(left)
  }
  right.left = join(left, right.left)
  return summed(right)
}

/** Those taken before `lease`, and the rest. */
const split = (node: Node | undefined, lease: Request): [Node | undefined, Node | undefined] => {
  if (node === undefined) return [undefined, undefined]
  if (takenBefore(node.lease, lease)) {
    const [before, after] = split(node.right, lease)
    node.right = before
    return [summed(node), after]
  }
  const [before, after] = split(node.left, lease)
  node.left = after
  return [before, summed(node)]
}

const insert = (root: Node | undefined, node: Node): Node => {
  if (root === undefined) return node
  if (hotter(node, root)) {
    const [before, after] = split(root, node.lease)
    node.left = before
    node.right = after
    return summed(node)
  }
  if (takenBefore(node.lease, root.lease)) root.left = insert(root.left, node)
  else root.right = insert(root.right, node)
  return summed(root)
}

const remove = (root: Node | undefined, lease: Request): Node | undefined => {
  if (root === undefined) return undefined
  if (root.lease === lease) return join(root.left, root.right)
  if (takenBefore(lease, root.lease)) root.left = remove(root.left, lease)
  else root.right = remove(root.right, lease)
  return summed(root)
}

/** Adds to what the lease of a part holds. */
const change = (root: Node | undefined, lease: Request, by: number): void => {
  for (let node = root; node !== undefined;) {
    node.sum += by
    if (node.lease === lease) {
      node.amount += by
      return
    }
    node = takenBefore(lease, node.lease) ? node.left : node.right
  }
}

export class PreemptibleIndex {
  private root: Node | undefined = undefined
  size = 0

  /** What all of them hold. */
  get units(): number {
    return sumOf(this.root)
  }

  add(part: Part): void {
    const { amount, request } = part
    this.size++
    const node = { part, lease: request, amount, sum: amount, left: undefined, right: undefined }
    this.root = insert(this.root, node)
  }

  remove(part: Part): void {
    this.size--
    this.root = remove(this.root, part.request)
  }

  /** The amount of a part in here has changed by so much. */
  change(part: Part, by: number): void {
    change(this.root, part.request, by)
  }

  /** The lowest priority in here; `Infinity` where there is none. */
  get lowest(): number {
    let node = this.root
    if (node === undefined) return Infinity
    while (node.left !== undefined) node = node.left
    return node.lease.leasePriority
  }

  /** What leases below a priority hold. */
  unitsBelow(priority: number): number {
    let units = 0
    for (let node = this.root; node !== undefined;) {
      if (node.lease.leasePriority < priority) {
        units += node.amount + sumOf(node.left)
        node = node.right
      } else node = node.left
    }
    return units
  }

  /** The shares of leases below a priority, in the order in which they are taken. */
  *below(priority: number): Generator<Part, void> {
    const path: Array<Node> = []
    for (let node = this.root; ;) {
      for (; node !== undefined; node = node.left) path.push(node)
      const next = path.pop()
      if (next === undefined || next.lease.leasePriority >= priority) return
      yield next.part
      node = next.right
    }
  }
}
