/** What some leases use of quota: counted anew, beside what the levels themselves count. */
import type { Account, Agent } from "../Agent.ts"
import type { Pool } from "../Pool.ts"
import type { Level } from "./Level.ts"
import { isOwnFlat } from "./obstacles.ts"

interface Use {
  /** Drawn. */
  used: number
  inUse: number
  leases: number
}

/** What somebody asks for of one type. */
export interface QuotaAsk {
  /** Where its own quota counts. */
  readonly account: Account | undefined
  /** The nearest level of its groups. */
  readonly level: Level | undefined
  readonly amount: number
  /** Leases that it adds. */
  readonly leases: number
  /** Leases that it has: where those are all that a level allows it can do without more. 0 where it cannot. */
  readonly had: number
}

const nothing: Use = { used: 0, inUse: 0, leases: 0 }

export class Uses {
  private readonly levels = new Map<Level, Use>()
  private readonly accounts = new Map<Account, number>()

  /** O(depth). */
  add(account: Account, amount: number, leases: number): void {
    this.accounts.set(account, (this.accounts.get(account) ?? 0) + amount)
    let draw = amount
    for (let level = account.level; level !== undefined; level = level.parent) {
      let use = this.levels.get(level)
      if (use === undefined) {
        use = { ...nothing }
        this.levels.set(level, use)
      }
      const before = level.drawn(use.used)
      use.used += draw
      use.inUse += amount
      use.leases += leases
      draw = level.drawn(use.used) - before
    }
  }

  /** Whether all levels allow it beside what is counted. O(depth). */
  fits({ account, amount, had, leases, level: nearest }: QuotaAsk): boolean {
    if (account !== undefined && isOwnFlat(account) && (this.accounts.get(account) ?? 0) + amount > account.quota) {
      return false
    }
    let draw = amount
    for (let level = nearest; level !== undefined; level = level.parent) {
      const use = this.levels.get(level) ?? nothing
      if (draw > 0 && use.used + draw > level.cap) return false
      if (use.inUse + amount > level.max) return false
      const mayDoWithout = had > 0 && had >= level.leasesMax
      if (use.leases + leases > level.leasesMax && !mayDoWithout) return false
      draw = level.drawn(use.used + draw) - level.drawn(use.used)
    }
    return true
  }

  /** The most of what is asked for that all levels allow. O(depth · log amount). */
  most(ask: QuotaAsk): number {
    let most = 0
    for (let over = ask.amount + 1; over - most > 1;) {
      const amount = most + Math.floor((over - most) / 2)
      if (this.fits({ ...ask, amount })) most = amount
      else over = amount
    }
    return most
  }
}

/** The level nearest to an agent that there is for a pool: those that there are not limit nothing. O(depth). */
export const levelFor = (agent: Agent, pool: Pool): Level | undefined => {
  for (let group = agent.group; group !== undefined; group = group.parent) {
    const level = group.levels.get(pool)
    if (level !== undefined) return level
  }
  return undefined
}
