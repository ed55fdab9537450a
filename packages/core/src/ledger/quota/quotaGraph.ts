/**
 * Quota as the deadlock reduction sees it: what the groups' levels have in use by
 * leases that do not come back by themselves, and less with each that the reduction
 * gives back. A rate ends a wait by time and is not in it.
 */
import type { Account } from "../Agent.ts"
import type { Part, Request } from "../Request.ts"
import type { GraphQuota, QuotaRun } from "../WaitForGraph.ts"
import { type QuotaAsk, Uses } from "./Uses.ts"

const asked = ({ account, amount, pool, request }: Part): QuotaAsk => {
  const leases = request.grows?.parts.some((own) => own.pool === pool) === true ? 0 : 1
  return { account, level: account.level, amount, leases, had: 0 }
}

/** Whether what one agent holds counts against the quota of another. */
const shareLimit = (a: Account, b: Account): boolean => {
  if (a === b) return true
  if (a.pool !== b.pool || a.level === undefined || b.level === undefined) return false
  return a.level.group.root === b.level.group.root
}

class Run implements QuotaRun {
  private readonly uses = new Uses()
  private readonly back = new Set<number>()
  private readonly waits: ReadonlyArray<Request>
  private readonly leases: ReadonlyArray<Request>

  constructor(waits: ReadonlyArray<Request>, leases: ReadonlyArray<Request>) {
    this.waits = waits
    this.leases = leases
    for (const lease of leases) for (const part of lease.parts) this.uses.add(part.account, part.amount, 1)
  }

  fits(wait: number): boolean {
    return this.waits[wait]!.parts.every((part) => this.uses.fits(asked(part)))
  }

  returned(holding: number): void {
    this.back.add(holding)
    for (const part of this.leases[holding]!.parts) this.uses.add(part.account, -part.amount, -1)
  }

  blockers(wait: number): ReadonlyArray<{ readonly need: number; readonly holding: number }> {
    return this.waits[wait]!.parts.flatMap((part, need) =>
      this.uses.fits(asked(part))
        ? []
        : this.leases.flatMap((lease, holding) =>
            !this.back.has(holding) && lease.parts.some((held) => shareLimit(held.account, part.account))
              ? [{ need, holding }]
              : []
          )
    )
  }
}

/** `undefined` where nobody of the waits waits for quota: who has it does not lack it. */
export const quotaOf = (waits: ReadonlyArray<Request>, leases: ReadonlyArray<Request>): GraphQuota | undefined => {
  if (!waits.some((wait) => wait.quota?.parked !== undefined)) return undefined
  return {
    waitsFor: (wait) => waits[wait]!.quota?.parked !== undefined,
    start: () => new Run(waits, leases)
  }
}
