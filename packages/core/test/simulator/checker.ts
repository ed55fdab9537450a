/** What a checker is: it sees every event before the world takes it in, and the end of every command. */
import {
  type BackfillOptions,
  type Books,
  type DeadlockPolicy,
  Ledger,
  type LedgerEvent,
  type Order,
  type PreemptionPolicy,
  type Refusal,
  type Request,
  type ResourceNotAcquired,
  type Scheduling,
  type Reservation,
  type ReservationRefused,
  type ReservationWish
} from "../../src/Ledger.ts"
import type { World, WorldClaim } from "./model.ts"

/** A rule was broken. */
export class Violation extends Error {
  readonly checker: string

  constructor(checker: string, message: string) {
    super(message)
    this.checker = checker
  }
}

export type CommandName =
  | "claim"
  | "try"
  | "grow"
  | "shrink"
  | "release"
  | "releaseManual"
  | "undo"
  | "keep"
  | "abandon"
  | "revoke"
  | "yieldUp"
  | "linger"
  | "setCapacity"
  | "setRate"
  | "refund"
  | "settle"
  | "setQuota"
  | "setAgent"
  | "reserve"
  | "endReservation"
  | "setGroup"
  | "removeGroup"
  | "assign"
  | "advance"
  | "stop"
  | "revokeAll"

/** A command about to run, as its caller sees it. */
export interface Command {
  readonly name: CommandName
  readonly agent?: string
  readonly claim?: Readonly<Record<string, number>>
  readonly wait?: boolean
  readonly scheduling?: Scheduling | undefined
  readonly ttl?: number
  readonly manual?: boolean
  /** What is to be promised. */
  readonly wish?: ReservationWish
  readonly grows?: WorldClaim | undefined
  readonly deadline?: number
  /** The lease that it takes back: the answer is whether it did. */
  readonly returns?: number
  /** The lease whose cost it says: the tokens are in `claim`. */
  readonly settles?: WorldClaim
  /** The growth that its caller has from now on. */
  readonly keeps?: number
  /** The instant that it is given. */
  readonly at: number
}

/** What it answered. */
export type Answer = Request | Refusal | ResourceNotAcquired | Reservation | ReservationRefused | boolean | undefined

export interface Run {
  readonly seed: number
  /** Who goes first; `undefined` where first come is first served. */
  readonly order: Order | undefined
  /** Who may start before a blocked head; nobody where `undefined`. */
  readonly backfill: BackfillOptions | undefined
  /** Another one after each restart, in runs that have some. */
  ledger: Ledger
  readonly world: World
  readonly deadlock: DeadlockPolicy
  readonly detects: boolean
  /** Whether agents are in groups. */
  readonly grouped: boolean
  readonly preemption: PreemptionPolicy
  readonly waitersMax: number
  readonly waitersPerAgentMax: number
  /** Commands so far. */
  step: number
  command: Command
  /** Requests whose end was told by `settled` in this command. */
  settled: ReadonlyArray<Request>
  readonly count: (key: string) => void
}

/** Puts the policies of a run over books that were rebuilt. */
export const ordered = ({ backfill, deadlock, order }: Run, books: Books): Books =>
  new Ledger({ books, backfill, deadlock, order }).books

export interface Checker {
  readonly name: string
  readonly onEvent?: (event: LedgerEvent) => void
  /** The state is up to date and the command follows at the same instant. */
  readonly beforeCommand?: () => void
  readonly afterCommand?: (answer: Answer) => void
  readonly atEnd?: () => void
}

export type MakeChecker = (run: Run) => Checker

/** The `fail` of one checker. */
export const failing =
  (checker: string) =>
  (message: string): never => {
    throw new Violation(checker, message)
  }
