/**
 * What leases of a home are charged, of the money that they hold.
 *
 * 1. What a lease holds of a budget is what it has not been charged: charging takes the
 *    cost off the budget and what it holds back to it, in one step. So a lease is charged
 *    once, also where its home is started anew in between.
 * 2. One that is charged again (more became known of what it took) is charged the
 *    difference, as long as the home remembers; of one that a former home charged, the
 *    first charge stands.
 * 3. One that came back without a word is charged all that it held.
 */
import type { Claim } from "@resource-manager/core/Claim"
import type { FollowedLease, LeaseLives } from "@resource-manager/core/LeaseLives"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import * as Effect from "effect/Effect"
import type { Types } from "../LlmOptions.ts"
import type { Purse } from "./Purse.ts"
import type { Purses } from "./purses.ts"

interface Account {
  readonly agent: string
  /** What it held of any budget when it was granted. */
  readonly heldMicros: number
  /** What it was charged so far; `formerly`: by a former home, which alone knew how much. */
  charged: number | "formerly" | undefined
}

export class Charges implements LeaseLives {
  private readonly table: LeaseTable["Service"]
  private readonly purses: Purses
  private readonly types: Types
  private accounts: Map<number, Account> = new Map()
  private hasBegun = false

  constructor(table: LeaseTable["Service"], purses: Purses, types: Types) {
    this.table = table
    this.purses = purses
    this.types = types
  }

  readonly follows = (claim: Claim): boolean => claim[this.types.requests] !== undefined

  readonly reset = (leases: ReadonlyArray<FollowedLease>): Effect.Effect<void> => {
    const { accounts } = this
    const isFirst = !this.hasBegun
    this.hasBegun = true
    this.accounts = new Map()
    for (const lease of leases) {
      const account = accounts.get(lease.id) ?? this.opened(lease)
      if (isFirst && account.heldMicros === 0) account.charged ??= "formerly"
      this.accounts.set(lease.id, account)
      accounts.delete(lease.id)
    }
    return Effect.forEach(accounts.values(), (account) => this.chargeEnded(account), { discard: true })
  }

  readonly granted = (lease: FollowedLease): void => {
    // It may have been charged before this was heard.
    if (!this.accounts.has(lease.id)) this.accounts.set(lease.id, this.opened(lease))
  }

  readonly undone = (lease: number): void => {
    this.accounts.delete(lease)
  }

  readonly returned = (lease: number): Effect.Effect<void> | undefined => {
    const account = this.accounts.get(lease)
    this.accounts.delete(lease)
    return account === undefined ? undefined : this.chargeEnded(account)
  }

  /** Whether a held lease was charged. */
  isCharged(lease: number): boolean {
    return this.accounts.get(lease)?.charged !== undefined
  }

  /** Charges a held lease; `estimate`: all that it holds. What it was charged, if that is known. */
  charge(lease: number, cost: number | "estimate"): Effect.Effect<number | undefined> {
    return Effect.suspend(() => {
      const ticket = this.table.ticket(lease)
      if (ticket === undefined) return Effect.undefined
      const account = this.accounts.get(lease) ?? this.opened(ticket)
      this.accounts.set(lease, account)
      if (account.charged === "formerly") return Effect.undefined
      const total = cost === "estimate" ? account.heldMicros : cost
      const more = total - (account.charged ?? 0)
      account.charged = total
      return Effect.as(
        this.each(account.agent, (purse) => Effect.all([purse.spend(more), this.handBack(lease, purse)], atOnce)),
        total
      )
    })
  }

  private handBack(lease: number, { type }: Purse): Effect.Effect<void> {
    const held = this.table.ticket(lease)?.claim[type] ?? 0
    // It may come back meanwhile: then that has come back too.
    return held === 0 ? Effect.void : Effect.ignore(this.table.shrink(lease, { [type]: held }))
  }

  private chargeEnded({ agent, charged, heldMicros }: Account): Effect.Effect<void> {
    return charged === undefined ? this.each(agent, (purse) => purse.spend(heldMicros)) : Effect.void
  }

  private each<A>(agent: string, use: (purse: Purse) => Effect.Effect<A>): Effect.Effect<void> {
    return this.purses.of(agent).pipe(
      Effect.flatMap((own) => Effect.forEach(own, use, atOnce)),
      // It was among the agents when its call was planned.
      Effect.ignore
    )
  }

  private opened({ agent, claim }: Pick<FollowedLease, "agent" | "claim">): Account {
    const held = [claim[this.types.spend] ?? 0, claim[this.types.spendOf(agent)] ?? 0]
    return { agent, heldMicros: Math.max(...held), charged: undefined }
  }
}

/** All are decided in one step, and so written in one batch where there is a journal. */
const atOnce = { concurrency: "unbounded", discard: true } as const
