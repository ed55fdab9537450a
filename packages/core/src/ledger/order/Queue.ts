/**
 * The waiters of one pool in the order of a policy, beside their list by arrival.
 * With fair share it is a line for each agent, and a block of lines for each group; what
 * stands in a block is in order too. When what an agent holds changes, its whole line
 * moves among its siblings as one entry, and so do the blocks that it is in, however many
 * wait in them.
 *
 * Who was rescued, or chosen before, stands in front of all lines: they are few.
 */
import type { Agent } from "../Agent.ts"
import { Group } from "../quota/Group.ts"
import type { Part } from "../Request.ts"
import type { Order } from "./Order.ts"
import { type Place, Sorted } from "./Sorted.ts"
import { isInFront } from "./Turn.ts"

/** The waiters of one agent; where nobody has a share, all of them. */
export class Line {
  readonly of: Agent | undefined
  readonly above: Block
  readonly parts: Sorted<Part>
  place: Place<Row> | undefined = undefined

  constructor(of: Agent | undefined, above: Block, order: Order) {
    this.of = of
    this.above = above
    this.parts = new Sorted(order.compareParts)
  }
}

/** Those below one group, by their siblings; that of no group is all of them. */
export class Block {
  readonly of: Group | undefined
  readonly above: Block | undefined
  readonly rows: Sorted<Row>
  place: Place<Row> | undefined = undefined

  constructor(of: Group | undefined, above: Block | undefined, order: Order) {
    this.of = of
    this.above = above
    // Of more than one row each is of somebody.
    this.rows = new Sorted((a, b) => order.compareSiblings(a.of!, b.of!))
  }
}

export type Row = Line | Block

/** The first of a row. None is empty. */
export const firstOf = (row: Row): Part => {
  let at = row
  while (at instanceof Block) at = at.rows.first!.value
  return at.parts.first!.value
}

export const lastOf = (row: Row): Part => {
  let at = row
  while (at instanceof Block) at = at.rows.last!.value
  return at.parts.last!.value
}

export class Queue {
  readonly order: Order
  /** Whether what one waiter is granted changes who comes next. */
  readonly fair: boolean
  private readonly front: Sorted<Part>
  private readonly all: Block
  private readonly lines = new Map<Agent | undefined, Line>()
  private readonly blocks = new Map<Group, Block>()

  constructor(order: Order) {
    this.order = order
    this.front = new Sorted((a, b) => order.compare(a.request, b.request))
    this.fair = order.fair !== undefined
    this.all = new Block(undefined, undefined, order)
  }

  get first(): Part | undefined {
    return this.front.first?.value ?? (this.all.rows.size === 0 ? undefined : firstOf(this.all))
  }

  get last(): Part | undefined {
    return this.all.rows.size === 0 ? this.front.last?.value : lastOf(this.all)
  }

  after(part: Part): Part | undefined {
    const place = part.place!
    if (place.after !== undefined) return place.after.value
    if (isInFront(part.request.turn)) return this.all.rows.size === 0 ? undefined : firstOf(this.all)
    for (let row: Row = this.lineOf(part)!; row.above !== undefined; row = row.above) {
      const next = row.place!.after
      if (next !== undefined) return firstOf(next.value)
    }
    return undefined
  }

  before(part: Part): Part | undefined {
    const place = part.place!
    if (place.before !== undefined) return place.before.value
    if (isInFront(part.request.turn)) return undefined
    for (let row: Row = this.lineOf(part)!; row.above !== undefined; row = row.above) {
      const previous = row.place!.before
      if (previous !== undefined) return lastOf(previous.value)
    }
    return this.front.last?.value
  }

  add(part: Part): void {
    if (isInFront(part.request.turn)) {
      part.place = this.front.insert(part)
      return
    }
    const agent = this.fair ? part.request.agent : undefined
    let line = this.lines.get(agent)
    if (line === undefined) {
      line = new Line(agent, this.blockFor(agent?.group), this.order)
      this.lines.set(agent, line)
      line.place = line.above.rows.insert(line)
    }
    part.place = line.parts.insert(part)
  }

  remove(part: Part): void {
    const place = part.place!
    part.place = undefined
    if (isInFront(part.request.turn)) {
      this.front.remove(place)
      return
    }
    const line = this.lineOf(part)!
    line.parts.remove(place)
    if (line.parts.size > 0) return
    this.lines.delete(line.of)
    line.above.rows.remove(line.place!)
    // Blocks that nobody is left in go with it.
    let block = line.above
    while (block.above !== undefined && block.rows.size === 0) {
      this.blocks.delete(block.of!)
      block.above.rows.remove(block.place!)
      block = block.above
    }
  }

  /** The line of an agent, or the block of a group, where somebody waits in it and does not stand in front. */
  rowOf(sharer: Agent | Group): Row | undefined {
    return sharer instanceof Group ? this.blocks.get(sharer) : this.lines.get(sharer)
  }

  /** Takes a row out, to put it in again where it belongs once its share has changed. It has siblings. */
  takeOut(row: Row): void {
    row.above!.rows.remove(row.place!)
    row.place = undefined
  }

  /** Whether a row whose share has changed stands where it belongs all the same. */
  staysPlaced(row: Row): boolean {
    return row.above!.rows.isPlaced(row.place!)
  }

  putIn(row: Row): void {
    row.place = row.above!.rows.insert(row)
  }

  /** The lines in order: what a view or a rule over all agents walks. */
  *everyLine(block: Block = this.all): Generator<Line, void> {
    for (let place = block.rows.first; place !== undefined; place = place.after) {
      if (place.value instanceof Block) yield* this.everyLine(place.value)
      else yield place.value
    }
  }

  /** Those in front of all lines. */
  *inFront(): Generator<Part, void> {
    for (let place = this.front.first; place !== undefined; place = place.after) yield place.value
  }

  private lineOf(part: Part): Line | undefined {
    return this.lines.get(this.fair ? part.request.agent : undefined)
  }

  /** The block of a group, opened with those that it is in. O(depth log siblings). */
  private blockFor(group: Group | undefined): Block {
    if (group === undefined) return this.all
    let block = this.blocks.get(group)
    if (block === undefined) {
      const above = this.blockFor(group.parent)
      block = new Block(group, above, this.order)
      this.blocks.set(group, block)
      block.place = above.rows.insert(block)
    }
    return block
  }
}
