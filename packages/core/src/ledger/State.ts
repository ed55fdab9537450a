/**
 * The whole state as plain data that JSON can carry: what a snapshot is. Keys
 * without a value are absent. What follows from the rest (sums, earmarks before the
 * first short waiter, timers) is not in it.
 */
import type { FailureCounts } from "./Agent.ts"
import type { Rate } from "./Bucket.ts"
import type { OnQuota } from "./quota/Group.ts"
import type { Notice } from "./preemption/Notice.ts"
import type { Reservation } from "./reservations/Reservation.ts"
import type { Scheduling } from "./Scheduling.ts"

export interface RateState {
  readonly limit: number
  readonly intervalMicros: number
  readonly burst?: number
  readonly per: Rate["per"]
}

/** What a pool was configured with, which live values may have left. */
export interface ConfiguredState {
  readonly capacity: number
  readonly minCapacity: number
  readonly maxCapacity?: number
  readonly rate?: RateState
}

export interface TermsState {
  readonly generation: number
  /** A whole number of any size. */
  readonly refunded: string
}

/** At the instant of the state. */
export interface BucketState {
  readonly level: number
  readonly remainder: number
  readonly burst: number
  readonly terms: TermsState
}

export interface HistogramState {
  readonly count: number
  readonly sum: number
  readonly max: number
  readonly zeros: number
  /** How many cells there are, then each that is not empty: its number and its count. */
  readonly cells: ReadonlyArray<number>
}

export interface PoolState {
  readonly type: string
  readonly capacity: number
  readonly minCapacity: number
  readonly maxCapacity?: number
  readonly rate?: RateState
  readonly configured: ConfiguredState
  readonly bucket?: BucketState
  /** The generation of the next bucket. */
  readonly generation: number
  /** Leases that hold units, in order. */
  readonly holders: ReadonlyArray<number>
  /** The first waiter without its earmark; those before it have theirs. */
  readonly firstShort?: number
  /** How many grants there were with that of the waiter that was rescued last. 0 where absent. */
  readonly rescuedAt?: number
  readonly waitingLargest: number
  /** Leases with waits inside that hold units, in the order in which they are looked at. */
  readonly blocked: ReadonlyArray<number>
  readonly countedHard: boolean
  readonly peak: number
  readonly acquisitions: number
  readonly failures: FailureCounts
  readonly waits: HistogramState
  readonly holds: HistogramState
  readonly busy: number
  readonly accountedAt: number
  readonly definedAt: number
}

export interface AccountState {
  /** Its place among the pools. */
  readonly pool: number
  readonly quota?: number
  readonly peak: number
}

export interface AgentState {
  readonly id: string
  /** What it is to the policies. 1 and 0 where absent. */
  readonly weight?: number
  readonly priority?: number
  /** Where it stands in what was granted over time. 0 where absent. */
  readonly served?: number
  /** In which half-life that was said. 0 where absent. */
  readonly servedIn?: number
  readonly accounts: ReadonlyArray<AccountState>
  /** Manual acquisitions, oldest first. */
  readonly manual: ReadonlyArray<number>
  readonly group?: string
  readonly onQuota?: OnQuota
  readonly acquisitions: number
  readonly failures: FailureCounts
  readonly waits: HistogramState
  readonly holds: HistogramState
}

/** What a group has of one pool's type. */
export interface LevelState {
  readonly pool: number
  readonly limits: GroupLimitsState
  readonly bucket?: BucketState
  readonly generation: number
  readonly peak: number
}

export interface GroupLimitsState {
  readonly nominal?: number
  readonly borrowingLimit?: number
  readonly lendingLimit?: number
  readonly max?: number
  readonly leases?: number
  readonly rate?: RateState
}

export interface GroupState {
  readonly id: string
  readonly parent?: string
  readonly onQuota?: OnQuota
  readonly weight: number
  /** Where it, and who is in it, stand in what was granted over time. 0 where absent. */
  readonly served?: number
  readonly servedIn?: number
  readonly virtual?: number
  readonly levels: ReadonlyArray<LevelState>
}

/** What a grant paid to the rate of a group, while it can be undone. */
export interface PaidState {
  readonly group: string
  readonly pool: number
  readonly cost: number
  readonly level: number
  readonly remainder: number
  readonly terms: TermsState
}

export interface PartState {
  readonly pool: number
  readonly amount: number
  readonly cost: number
  /** What the grant left in the bucket, where it paid. */
  readonly left?: { readonly level: number; readonly remainder: number; readonly terms: TermsState }
}

/** A waiter, a lease, or a growth that can still be undone. */
export interface RequestState {
  readonly id: number
  /** Its agent's place among the agents. */
  readonly agent: number
  readonly askedAt: number
  /** 0 while it waits. */
  readonly token: number
  readonly grantedAt?: number
  readonly parent?: number
  readonly grows?: number
  readonly manual?: true
  readonly ttl?: number
  readonly deadline?: number
  /** What a lease was told that has to end. */
  readonly notice?: Omit<Notice, "ending"> & { readonly ending?: true }
  /** The priority at which a preemptible lease may be taken. */
  readonly leasePriority?: number
  /** Absent where it says nothing. */
  readonly scheduling?: Scheduling
  /** Whether it waits before all others. */
  readonly rescued?: true
  /** The number of its choice, where it was chosen next. */
  readonly chosen?: number
  /** By when it starts, as a plan has told it. */
  readonly toldStart?: number
  /** How often it was passed, and since when. */
  readonly passed?: readonly [number, number]
  readonly parts: ReadonlyArray<PartState>
  /** It waits for quota, in no queue. */
  readonly parked?: true
  /** Its place in the queues, where that is not its id. */
  readonly place?: number
  readonly paid?: ReadonlyArray<PaidState>
}

export interface ReservationState extends Omit<Reservation, "claim"> {
  /** Pairs of type and amount: a type may be called `__proto__`. */
  readonly claim: ReadonlyArray<readonly [type: string, amount: number]>
}

export interface State {
  readonly now: number
  /** Whether queues were in the order of a policy: who is earmarked is for the next one to say. */
  readonly ordered?: true
  /** The virtual time of what is granted, where shares are kept. */
  readonly virtual?: number
  /** The half-life by which they are. */
  readonly halfLife?: number
  /** How often somebody was chosen to be next. */
  readonly choices?: number
  readonly nextId: number
  readonly nextToken: number
  readonly stopped: boolean
  readonly exemptions: number
  readonly pools: ReadonlyArray<PoolState>
  /** In the order in which they were set. Absent where there is none. */
  readonly groups?: ReadonlyArray<GroupState>
  readonly agents: ReadonlyArray<AgentState>
  /** In order of their ids. */
  readonly requests: ReadonlyArray<RequestState>
  /** Waiters that may pass the queue, in order. */
  readonly exempt: ReadonlyArray<number>
  /** How long before windows begin leases are told to end for them. Absent where none is. */
  readonly lead?: number
  /** What is promised, once something was. */
  readonly reservations?: { readonly nextId: number; readonly open: ReadonlyArray<ReservationState> }
  /** Waiters that have all their shares, and would not be safe to grant. Absent where there are none. */
  readonly heldBack?: ReadonlyArray<number>
}
