/**
 * What clients were told, and whether it can all be true. Shares nothing with the
 * manager or the daemon but amounts, ids and tokens.
 *
 * - A lease is *told* from the answer that grants it until its holder begins to give it
 *   back. At no instant do the told leases hold more of a pool than its capacity.
 * - No lease and no token is told twice, and a claim that is asked after the daemon came
 *   back gets a higher token than all that were told before it went.
 * - What the daemon lists of living clients is what they were told.
 */
import { assert } from "@effect/vitest"

export type Amounts = Readonly<Record<string, number>>

export interface ToldLease {
  readonly id: number
  readonly token: number
  readonly agent: string
  amounts: Amounts
  /** Grows with the beginning and the end of every change. */
  version?: number
}

const add = (one: Amounts, other: Amounts, sign: 1 | -1): Amounts => {
  const sum: Record<string, number> = { ...one }
  for (const [type, amount] of Object.entries(other)) sum[type] = (sum[type] ?? 0) + sign * amount
  return sum
}

export class Told {
  readonly held = new Map<number, ToldLease>()
  private readonly capacities: Amounts
  private readonly ids = new Set<number>()
  private readonly tokens = new Set<number>()
  private sum: Amounts = {}
  private tokenMax = 0
  grants = 0
  growths = 0

  constructor(capacities: Amounts) {
    this.capacities = capacities
  }

  /** The highest token told so far: what is asked from now on must get a higher one, once the daemon was restarted. */
  get highest(): number {
    return this.tokenMax
  }

  granted(lease: ToldLease, floor: number): void {
    assert.isFalse(this.ids.has(lease.id), `lease ${lease.id} was granted twice`)
    assert.isFalse(this.tokens.has(lease.token), `token ${lease.token} was told twice`)
    assert.isAbove(lease.token, floor, `lease ${lease.id} has a token of before the restart that it was asked after`)
    this.ids.add(lease.id)
    this.tokens.add(lease.token)
    this.tokenMax = Math.max(this.tokenMax, lease.token)
    this.held.set(lease.id, lease)
    this.grants++
    this.change(lease.amounts, 1)
  }

  grew(id: number, amounts: Amounts): void {
    const lease = this.leaseOf(id)
    lease.amounts = add(lease.amounts, amounts, 1)
    this.growths++
    this.change(amounts, 1)
  }

  /** Before it is asked for: from then on it may be another's. */
  shrinks(id: number, amounts: Amounts): void {
    const lease = this.leaseOf(id)
    lease.amounts = add(lease.amounts, amounts, -1)
    this.change(amounts, -1)
  }

  /** Before it is given back. */
  returns(id: number): void {
    const lease = this.leaseOf(id)
    this.held.delete(id)
    this.change(lease.amounts, -1)
  }

  /** A change of a lease begins: what it holds is not told until it has ended. */
  changes(id: number): void {
    const lease = this.leaseOf(id)
    lease.version = (lease.version ?? 0) + 1
  }

  /** What is told now, with what it takes to see later whether it still is. */
  get snapshot(): ReadonlyArray<ToldLease> {
    return Array.from(this.held.values(), (lease) => ({ ...lease }))
  }

  /** Of a snapshot: what is told unchanged still. One that is changing has an odd version. */
  unchanged(snapshot: ReadonlyArray<ToldLease>): ReadonlyArray<ToldLease> {
    return snapshot.filter((lease) => {
      const now = this.held.get(lease.id)
      return now !== undefined && now.version === lease.version && (now.version ?? 0) % 2 === 0
    })
  }

  /** What the daemon lists, against what is told at the same instant and stays so. */
  checkListed(
    listed: ReadonlyArray<{
      readonly id: number
      readonly token: number
      readonly agent: string
      readonly claim: Amounts
    }>,
    told: ReadonlyArray<ToldLease>
  ): void {
    const byId = new Map(listed.map((lease) => [lease.id, lease] as const))
    for (const { agent, amounts, id, token } of told) {
      const lease = byId.get(id)
      assert.isDefined(lease, `lease ${id} of ${agent} was told, and the daemon does not know it`)
      const held = Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount > 0))
      assert.deepStrictEqual(
        { token: lease.token, agent: lease.agent, claim: lease.claim },
        { token, agent, claim: held }
      )
    }
  }

  private leaseOf(id: number): ToldLease {
    const lease = this.held.get(id)
    return lease ?? assert.fail(`lease ${id} is not held`)
  }

  private change(amounts: Amounts, sign: 1 | -1): void {
    this.sum = add(this.sum, amounts, sign)
    for (const [type, amount] of Object.entries(this.sum)) {
      assert.isAtMost(amount, this.capacities[type] ?? 0, `more of ${type} was told than there is`)
      assert.isAtLeast(amount, 0)
    }
  }
}
