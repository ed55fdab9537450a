/** Takes the state of books that have an index: O(state). Between commands only. */
import type { Agent } from "./Agent.ts"
import type { Bucket, Rate, Terms } from "./Bucket.ts"
import type { Books } from "./Books.ts"
import type { Histogram } from "./Histogram.ts"
import type { Sharer } from "./order/Sharer.ts"
import type { Pool } from "./Pool.ts"
import { enclosing, isHeldBack, type Part, type Request } from "./Request.ts"
import { groupStates, placeState } from "./quota/snapshot.ts"
import type { Notice } from "./preemption/Notice.ts"
import type { Reservation } from "./reservations/Reservation.ts"
import { noScheduling } from "./Scheduling.ts"
import type {
  AgentState,
  BucketState,
  ConfiguredState,
  HistogramState,
  PartState,
  PoolState,
  RateState,
  RequestState,
  ReservationState,
  State,
  TermsState
} from "./State.ts"

export const rateState = ({ burst, intervalMicros, limit, per }: Rate): RateState => ({
  limit,
  intervalMicros,
  per,
  ...(burst === undefined ? {} : { burst })
})

export const termsState = ({ generation, refunded }: Terms): TermsState => ({ generation, refunded: String(refunded) })

export const bucketState = (bucket: Bucket, now: number): BucketState => {
  bucket.refill(now)
  const { burst, level, remainder, terms } = bucket
  return { level, remainder, burst, terms: termsState(terms) }
}

const histogramState = ({ cells, count, max, sum, zeros }: Histogram): HistogramState => {
  const filled = [cells.length]
  cells.forEach((times, cell) => {
    if (times !== 0) filled.push(cell, times)
  })
  return { count, sum, max, zeros, cells: filled }
}

const bounds = ({
  capacity,
  maxCapacity,
  minCapacity,
  rate
}: Pick<Pool, "capacity" | "minCapacity" | "maxCapacity" | "rate">): ConfiguredState => ({
  capacity,
  minCapacity,
  ...(maxCapacity === undefined ? {} : { maxCapacity }),
  ...(rate === undefined ? {} : { rate: rateState(rate) })
})

const ids = (head: Part | undefined): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let part = head; part !== undefined; part = part.next) found.push(part.request.id)
  return found
}

const poolState = (pool: Pool, now: number, ordered: boolean): PoolState => ({
  type: pool.type,
  ...bounds(pool),
  configured: bounds(pool.configured),
  ...(pool.bucket === undefined ? {} : { bucket: bucketState(pool.bucket, now) }),
  generation: pool.generation,
  holders: ids(pool.holdersHead),
  ...(ordered || pool.firstShort === undefined ? {} : { firstShort: pool.firstShort.request.id }),
  ...(pool.rescuedAt === 0 ? {} : { rescuedAt: pool.rescuedAt }),
  waitingLargest: pool.waitingLargest,
  blocked: Array.from(pool.blocked, (lease) => lease.id),
  countedHard: pool.countedHard,
  peak: pool.peak,
  acquisitions: pool.acquisitions,
  failures: { ...pool.failures },
  waits: histogramState(pool.waits),
  holds: histogramState(pool.holds),
  busy: pool.busy,
  accountedAt: pool.accountedAt,
  definedAt: pool.definedAt
})

/** Where a sharer stands in what was granted over time. */
export const servedState = ({ served, servedIn }: Sharer): Pick<AgentState, "served" | "servedIn"> => ({
  ...(served === 0 ? {} : { served }),
  ...(servedIn === 0 ? {} : { servedIn })
})

const agentState = (agent: Agent): AgentState => ({
  id: agent.id,
  ...(agent.weight === 1 ? {} : { weight: agent.weight }),
  ...(agent.priority === 0 ? {} : { priority: agent.priority }),
  ...servedState(agent),
  // What a refused claim opened and nobody used is not worth keeping.
  accounts: [...agent.accounts.values()]
    .filter(({ held, peak, quota, waiting }) => held > 0 || waiting > 0 || peak > 0 || quota !== Infinity)
    .map(({ peak, pool, quota }) => ({ pool: pool.index, peak, ...(quota === Infinity ? {} : { quota }) }))
    .toSorted((a, b) => a.pool - b.pool),
  manual: agent.manual.map((lease) => lease.id),
  ...(agent.group === undefined ? {} : { group: agent.group.id }),
  ...(agent.onQuota === undefined ? {} : { onQuota: agent.onQuota }),
  acquisitions: agent.acquisitions,
  failures: { ...agent.failures },
  waits: histogramState(agent.waits),
  holds: histogramState(agent.holds)
})

const partState = ({ amount, cost, level, pool, remainder, terms }: Part): PartState => ({
  pool: pool.index,
  amount,
  cost,
  ...(terms === undefined ? {} : { left: { level, remainder, terms: termsState(terms) } })
})

/** What of a waiter's turn does not follow from the rest. */
const turnState = ({ status, toldStart, turn }: Request) =>
  status !== "waiting"
    ? {}
    : {
        ...(turn.chosen === 0 ? {} : { chosen: turn.chosen }),
        ...(turn.rescued ? { rescued: true as const } : {}),
        ...(toldStart === undefined ? {} : { toldStart }),
        ...(turn.passed === 0 ? {} : { passed: [turn.passed, turn.passedSince] as const })
      }

const noticeState = ({ ending, reservation, ...notice }: Notice): NonNullable<RequestState["notice"]> => ({
  ...notice,
  ...(reservation === undefined ? {} : { reservation }),
  ...(ending ? { ending } : {})
})

const requestState = (request: Request, agents: ReadonlyMap<Agent, number>): RequestState => {
  const { askedAt, deadline, grantedAt, grows, id, manual, scheduling, status, token, ttl } = request
  const parent = enclosing(request)
  return {
    id,
    agent: agents.get(request.agent)!,
    askedAt,
    token,
    ...(status === "held" ? { grantedAt } : {}),
    ...(parent === undefined ? {} : { parent: parent.id }),
    ...(grows === undefined ? {} : { grows: grows.id }),
    ...(manual ? { manual } : {}),
    ...(ttl === 0 ? {} : { ttl }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(request.notice === undefined ? {} : { notice: noticeState(request.notice) }),
    ...(request.leasePriority === 0 ? {} : { leasePriority: request.leasePriority }),
    ...(scheduling === noScheduling ? {} : { scheduling }),
    ...turnState(request),
    parts: request.parts.map(partState),
    ...placeState(request)
  }
}

const reservationState = ({ claim, from, holder, id, note, until }: Reservation): ReservationState => ({
  id,
  holder,
  claim: Object.entries(claim),
  from,
  ...(until === undefined ? {} : { until }),
  ...(note === undefined ? {} : { note })
})

/** The state as it is now. `restore` of it decides the same ever after. */
export const capture = (books: Books): State => {
  const { index } = books
  if (index === undefined) throw new Error("only books that know claims by id can be captured")
  // The queues of a policy follow from what is captured, and from the policy.
  const ordered = books.ordering?.order.keyed === true
  const heldBack = [...books.heldBack].filter(isHeldBack).toSorted((a, b) => a.id - b.id)
  const agents = new Map(Array.from(books.agents.values(), (agent, place) => [agent, place]))
  return {
    now: books.now,
    ...(ordered ? { ordered } : {}),
    ...(books.choices === 0 ? {} : { choices: books.choices }),
    ...(books.shares === undefined ? {} : { virtual: books.shares.virtual }),
    ...(books.shares?.halfLife === undefined ? {} : { halfLife: books.shares.halfLife }),
    nextId: books.nextId,
    nextToken: books.nextToken,
    stopped: books.stopped,
    exemptions: books.exemptions,
    pools: [...books.everyPool()]
      .toSorted((a, b) => a.index - b.index)
      .map((pool) => poolState(pool, books.now, ordered)),
    ...(books.groups.byId.size === 0 ? {} : { groups: groupStates(books) }),
    agents: Array.from(books.agents.values(), agentState),
    requests: [...index.values()].toSorted((a, b) => a.id - b.id).map((request) => requestState(request, agents)),
    exempt: books.exempt.map((request) => request.id),
    ...(heldBack.length === 0 ? {} : { heldBack: heldBack.map(({ id }) => id) }),
    ...(books.lead === undefined ? {} : { lead: books.lead }),
    ...(books.reservations === undefined
      ? {}
      : {
          reservations: {
            nextId: books.reservations.nextId,
            open: Array.from(books.reservations.byId.values(), reservationState)
          }
        })
  }
}
