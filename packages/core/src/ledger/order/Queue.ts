/**
 * The waiters of one pool in the order of a policy, beside their list by arrival.
 * With fair share it is a line for each agent, and the lines are in order too: when
 * what an agent holds changes its whole line moves as one entry, however many wait
 * in it.
 *
 * Who was rescued, or chosen before, stands in front of all lines: they are few.
 */
import type { Agent } from "../Agent.ts"
import type { Part } from "../Request.ts"
import type { Order } from "./Order.ts"
import { type Place, Sorted } from "./Sorted.ts"
import { isInFront } from "./Turn.ts"

/** The waiters of one agent; where nobody has a share, all of them. */
export interface Line {
  readonly agent: Agent | undefined
  readonly parts: Sorted<Part>
  place: Place<Line> | undefined
}

export class Queue {
  readonly order: Order
  /** Whether what one waiter is granted changes who comes next. */
  readonly fair: boolean
  private readonly front: Sorted<Part>
  private readonly lines: Sorted<Line>
  private readonly byAgent = new Map<Agent | undefined, Line>()

  constructor(order: Order) {
    this.order = order
    this.front = new Sorted((a, b) => order.compare(a.request, b.request))
    this.fair = order.fair !== undefined
    this.lines = new Sorted((a, b) => (a.agent === b.agent ? 0 : order.compareAgents(a.agent!, b.agent!)))
  }

  get first(): Part | undefined {
    return (this.front.first ?? this.lines.first?.value.parts.first)?.value
  }

  get last(): Part | undefined {
    return (this.lines.last?.value.parts.last ?? this.front.last)?.value
  }

  after(part: Part): Part | undefined {
    const place = part.place!
    if (place.after !== undefined) return place.after.value
    const next = isInFront(part.request.turn) ? this.lines.first : this.lineOf(part)!.place!.after
    return next?.value.parts.first?.value
  }

  before(part: Part): Part | undefined {
    const place = part.place!
    if (place.before !== undefined) return place.before.value
    if (isInFront(part.request.turn)) return undefined
    const previous = this.lineOf(part)!.place!.before
    return (previous === undefined ? this.front.last : previous.value.parts.last)?.value
  }

  add(part: Part): void {
    if (isInFront(part.request.turn)) {
      part.place = this.front.insert(part)
      return
    }
    const agent = this.fair ? part.request.agent : undefined
    let line = this.byAgent.get(agent)
    if (line === undefined) {
      line = { agent, parts: new Sorted<Part>(this.order.compareParts), place: undefined }
      this.byAgent.set(agent, line)
      line.place = this.lines.insert(line)
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
    this.lines.remove(line.place!)
    this.byAgent.delete(line.agent)
  }

  /** An agent's line, where it waits here and does not stand in front. */
  lineOfAgent(agent: Agent): Line | undefined {
    return this.byAgent.get(agent)
  }

  /** Takes a line out, to put it in again where it belongs once its agent's share has changed. */
  takeOut(line: Line): void {
    this.lines.remove(line.place!)
    line.place = undefined
  }

  /** Whether a line whose agent's share has changed stands where it belongs all the same. */
  staysPlaced(line: Line): boolean {
    return this.lines.isPlaced(line.place!)
  }

  putIn(line: Line): void {
    line.place = this.lines.insert(line)
  }

  /** The lines in order: what a view or a rule over all agents walks. */
  *everyLine(): Generator<Line, void> {
    for (let place = this.lines.first; place !== undefined; place = place.after) yield place.value
  }

  /** Those in front of all lines. */
  *inFront(): Generator<Part, void> {
    for (let place = this.front.first; place !== undefined; place = place.after) yield place.value
  }

  private lineOf(part: Part): Line | undefined {
    return this.byAgent.get(this.fair ? part.request.agent : undefined)
  }
}
