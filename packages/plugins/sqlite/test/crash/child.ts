/**
 * A manager on a journal, busy with whatever, until it is killed. It says what it
 * asks before it asks, and what it is told as it is told; a home also keeps its
 * leases over its death, a program loses them.
 *
 *     node child.ts home|process PATH SEED SNAPSHOT_EVERY
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { writeSync } from "node:fs"
import { LeaseTable, type Ticket } from "@resource-manager/core/LeaseTable"
import { ResourceManager, type ResourceManagerOptions } from "@resource-manager/core/ResourceManager"
import { Random } from "./random.ts"
import { SqliteJournal } from "../../src/index.ts"
import { agents, callsRate, capacities, type LeaseFigures, type Line, type PoolFigures } from "./lines.ts"

const [kind, path, seed, snapshotEvery] = process.argv.slice(2) as [string, string, string, string]
const random = new Random(Number(seed))
let commands = 0

const say = (line: Line): void => {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

type Manager = ResourceManager["Service"]
type Table = LeaseTable["Service"]

const options: ResourceManagerOptions = {
  pools: Object.fromEntries(
    Object.entries(capacities).map(([type, capacity]) => [
      type,
      { capacity, ...(type === "calls" ? { rate: callsRate } : {}) }
    ])
  )
}

const figures = (manager: Manager) =>
  Effect.map(manager.pools, (pools) =>
    pools.map((pool): PoolFigures => ({
      type: pool.resourceType,
      capacity: pool.capacity,
      inUse: pool.inUse,
      peak: pool.peak,
      acquisitions: pool.acquisitions,
      holds: pool.holds.count,
      failures: pool.failures,
      tokens: pool.tokens
    }))
  )

const ended = (noted: Extract<Line, { readonly _: "recovered" }>["noted"]) =>
  Effect.fnUntraced(function* (manager: Manager) {
    const quotas: Record<string, number | undefined> = {}
    for (const agent of agents) {
      for (const type of Object.keys(capacities)) {
        quotas[`${agent}/${type}`] = Option.getOrUndefined(yield* manager.quota(agent, type))
      }
    }
    say({
      _: "recovered",
      wall: Date.now(),
      quotas,
      pools: yield* figures(manager),
      leases: (yield* manager.leases).map(({ agent, claim, id, token }) => ({ id, agent, claim, token })),
      waiters: (yield* manager.waiters).map(({ id }) => id),
      noted
    })
  })

const someClaim = (): Record<string, number> => {
  const claim: Record<string, number> = {}
  if (random.chance(0.7)) claim["cpu"] = random.between(1, 8)
  if (random.chance(0.5)) claim["memory"] = random.between(1, 500)
  if (random.chance(0.4) || Object.keys(claim).length === 0) claim["calls"] = random.between(1, 6)
  return claim
}

/** What any process does beside claiming. Each key is set by one worker, so that its last value is known. */
const administer = Effect.fnUntraced(function* (manager: Manager, agent: string, first: boolean) {
  const n = commands++
  if (first && random.chance(0.3)) {
    const type = random.chance(0.5) ? "cpu" : "memory"
    const value = random.between(Math.ceil(capacities[type]! / 2), capacities[type]!)
    say({ _: "ask", n, what: "set", key: type, value })
    yield* Effect.orDie(manager.setCapacity(type, value))
    say({ _: "done", n, note: 0 })
  } else if (random.chance(0.6)) {
    const type = random.pick(["cpu", "memory", "calls"])
    const value = random.between(10, 1_000)
    say({ _: "ask", n, what: "set", key: `${agent}/${type}`, value })
    yield* Effect.orDie(manager.setQuota(agent, type, value))
    say({ _: "done", n, note: 0 })
  } else {
    say({ _: "ask", n, what: "read", wall: Date.now() })
    say({ _: "figures", n, pools: yield* figures(manager) })
  }
})

const leaseOf = ({ agent, claim, id, token }: Ticket): LeaseFigures => ({ id, agent, claim, token })

/** What a home keeps: the tickets that it answers for, and the number of its last note. */
class Book {
  readonly tickets = new Set<number>()
  last = 0
  private readonly table: Table

  constructor(table: Table) {
    this.table = table
  }

  apply({ got, n, lost }: { readonly n: number; readonly got?: number; readonly lost?: number }): void {
    this.last = n
    if (got !== undefined) this.tickets.add(got)
    if (lost !== undefined) this.tickets.delete(lost)
  }

  /** The number of the note. */
  note(what: { readonly got?: number; readonly lost?: number }): number {
    const note = { n: this.last + 1, ...what }
    this.apply(note)
    this.table.note(note)
    return note.n
  }

  /** From what was recovered; the numbers of the notes that it is made of. */
  recover() {
    const { recovered } = this.table
    // Written by this very program.
    const state = (recovered?.state ?? { tickets: [], last: 0 }) as { tickets: Array<number>; last: number }
    const notes = (recovered?.notes ?? []) as ReadonlyArray<{ n: number; got?: number; lost?: number }>
    for (const ticket of state.tickets) this.tickets.add(ticket)
    this.last = state.last
    for (const note of notes) this.apply(note)
    return { last: state.last, since: notes.map(({ n }) => n) }
  }
}

const claimAtHome = Effect.fnUntraced(function* (table: Table, book: Book, agent: string, mine: Array<number>) {
  const n = commands++
  const claim = someClaim()
  say({ _: "ask", n, what: "claim", agent, claim })
  let note = 0
  const answer = yield* Effect.match(table.claim(agent, claim, { wait: random.chance(0.7), timeout: "30 millis" }), {
    onFailure: (error) => error,
    // In the step of the decision, so that both are in one batch.
    onSuccess: (ticket) => {
      note = book.note({ got: ticket.id })
      return ticket
    }
  })
  yield* table.committed
  if ("_tag" in answer) return say({ _: "refused", n, tag: answer._tag })
  if (answer.token === 0) {
    say({ _: "waits", n, id: answer.id, note })
    const left = yield* Effect.match(table.settled(answer.id), {
      onFailure: (error) => error._tag,
      onSuccess: () => undefined
    })
    if (left !== undefined) {
      book.note({ lost: answer.id })
      return say({ _: "refused", n, tag: left })
    }
  }
  mine.push(answer.id)
  say({ _: "held", n, lease: leaseOf(answer), note })
})

const giveBackAtHome = Effect.fnUntraced(function* (table: Table, book: Book, id: number) {
  const n = commands++
  say({ _: "ask", n, what: "return", id })
  const note = yield* Effect.map(table.release(id), () => book.note({ lost: id }))
  yield* table.committed
  say({ _: "done", n, note })
})

const home = Effect.gen(function* () {
  const table = yield* LeaseTable
  const manager = yield* ResourceManager
  const book = new Book(table)
  const noted = book.recover()
  yield* ended(noted)(manager)
  yield* table.keepOnly(book.tickets)
  table.keeps(() => ({ tickets: [...book.tickets], last: book.last }))
  yield* table.committed
  // What the one before it held is divided among the workers.
  const held = [...book.tickets].filter((id) => table.ticket(id)?.status === "held")
  for (const id of book.tickets) if (!held.includes(id)) yield* table.giveUp(id)
  for (const id of book.tickets) if (!held.includes(id)) book.note({ lost: id })
  yield* table.committed
  say({ _: "ready" })
  const worker = (agent: string, index: number) => {
    const mine = held.filter((_, at) => at % agents.length === index)
    return Effect.gen(function* () {
      if (random.chance(0.25)) return yield* administer(manager, agent, index === 0)
      if (mine.length > 2 || (mine.length > 0 && random.chance(0.5))) {
        return yield* giveBackAtHome(table, book, mine.splice(random.int(mine.length), 1)[0]!)
      }
      return yield* claimAtHome(table, book, agent, mine)
    }).pipe(Effect.forever)
  }
  yield* Effect.forEach(agents, worker, { concurrency: "unbounded", discard: true })
})

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* ended({ last: 0, since: [] })(manager)
  say({ _: "ready" })
  const worker = (agent: string, index: number) =>
    Effect.gen(function* () {
      if (random.chance(0.3)) return yield* administer(manager, agent, index === 0)
      const n = commands++
      const claim = someClaim()
      say({ _: "ask", n, what: "claim", agent, claim })
      const taken = Effect.gen(function* () {
        const lease = yield* manager.lease(agent, claim, { timeout: "30 millis" })
        say({ _: "held", n, lease: { id: lease.id, agent, claim, token: lease.token }, note: 0 })
        if (random.chance(0.3)) yield* Effect.sleep("1 millis")
        return lease.id
      })
      const id = yield* Effect.match(Effect.scoped(taken), {
        onFailure: (error) => say({ _: "refused", n, tag: error._tag }),
        onSuccess: (lease) => lease
      })
      if (id === undefined) return
      const back = commands++
      say({ _: "ask", n: back, what: "return", id })
      say({ _: "done", n: back, note: 0 })
    }).pipe(Effect.forever)
  yield* Effect.forEach(agents, worker, { concurrency: "unbounded", discard: true })
})

const journal = SqliteJournal.layer({ path, snapshotEvery: Number(snapshotEvery) })
const layer = ResourceManager.layerHome(options).pipe(Layer.provide(journal))
await Effect.runPromise(
  kind === "home"
    ? Effect.provide(home, layer)
    : Effect.provide(program, ResourceManager.layer(options).pipe(Layer.provide(journal)))
)
