/**
 * Groups as the events tell them, every figure by plain sums. Quota is units that flow
 * along the edges of the tree, which shares no formula with the Ledger: a group has its
 * nominal units, what its agents use is taken from them or comes down from the parent,
 * what is left goes up. No more may go up an edge than the lending limit, nor come down
 * than the borrowing limit, and nothing comes to a root.
 */
import type { LedgerEvent } from "../../src/Ledger.ts"

type GroupSet = Extract<LedgerEvent, { readonly _tag: "GroupSet" }>
export type Limits = GroupSet["limits"][string]

export interface ModelGroup {
  readonly id: string
  parent: string | undefined
  onQuota: "fail" | "wait" | undefined
  limits: Readonly<Record<string, Limits>>
}

export interface ModelClaim {
  readonly id: number
  readonly agent: string
  readonly amounts: Map<string, number>
  readonly parent: number | undefined
  readonly grows: number | undefined
  readonly onQuota: "fail" | "wait" | undefined
  status: "parked" | "waiting" | "held"
  /** Types that a growth adds to what its lease has of them already: no lease more. */
  readonly uncounted?: ReadonlySet<string>
}

/** What of a type is used where: by group, the agents' own use in it. */
export type Use = ReadonlyMap<string, number>

/** What has to come down the edge above a group; below 0 it goes up. To a root nothing may come. */
const inflow = (tree: Tree, group: ModelGroup, type: string, use: Use): number => {
  const limits = tree.limits(group, type)
  let need = (use.get(group.id) ?? 0) - (limits.nominal ?? 0)
  for (const child of tree.children(group.id)) need += inflow(tree, child, type, use)
  return Math.max(need, -(limits.lendingLimit ?? Infinity))
}

const inflowMax = (tree: Tree, group: ModelGroup, type: string): number =>
  group.parent === undefined ? 0 : (tree.limits(group, type).borrowingLimit ?? Infinity)

export class Tree {
  readonly groups = new Map<string, ModelGroup>()
  readonly members = new Map<
    string,
    { readonly group: string | undefined; readonly onQuota: "fail" | "wait" | undefined }
  >()
  readonly claims = new Map<number, ModelClaim>()
  readonly quotas = new Map<string, number>()
  /** Granted growths, which are their leases'. */
  private readonly growths = new Map<number, ModelClaim>()
  /** What every claim ever was inside of. */
  private readonly chain = new Map<number, number | undefined>()

  limits(group: ModelGroup, type: string): Limits {
    return group.limits[type] ?? {}
  }

  children(id: string): ReadonlyArray<ModelGroup> {
    return [...this.groups.values()].filter((group) => group.parent === id)
  }

  group(id: string): ModelGroup {
    const group = this.groups.get(id)
    if (group === undefined) throw new Error(`no group ${id}`)
    return group
  }

  groupOf(agent: string): string | undefined {
    return this.members.get(agent)?.group
  }

  path(agent: string): ReadonlyArray<ModelGroup> {
    const path: Array<ModelGroup> = []
    for (let id = this.groupOf(agent); id !== undefined; id = this.group(id).parent) path.push(this.group(id))
    return path
  }

  below(id: string): ReadonlyArray<string> {
    return [id, ...this.children(id).flatMap((child) => this.below(child.id))]
  }

  rootOf(id: string): string {
    let group = this.group(id)
    while (group.parent !== undefined) group = this.group(group.parent)
    return group.id
  }

  modeOf(claim: ModelClaim): "fail" | "wait" {
    return (
      claim.onQuota ??
      this.members.get(claim.agent)?.onQuota ??
      this.path(claim.agent).find((group) => group.onQuota !== undefined)?.onQuota ??
      "fail"
    )
  }

  /** What claims use, by group. */
  use(claims: Iterable<ModelClaim>, type: string): Map<string, number> {
    const use = new Map<string, number>()
    for (const { agent, amounts } of claims) {
      const group = this.groupOf(agent)
      const amount = amounts.get(type) ?? 0
      if (group !== undefined && amount > 0) use.set(group, (use.get(group) ?? 0) + amount)
    }
    return use
  }

  /** Whether a tree governs a type: without any nominal quota it does not. */
  governed(root: string, type: string): boolean {
    return this.below(root).some((id) => this.limits(this.group(id), type).nominal !== undefined)
  }

  /** Whether there is a flow for what is used of a type in the whole tree. */
  flows(root: string, type: string, use: Use): boolean {
    if (!this.governed(root, type)) return true
    return this.below(root).every(
      (id) => inflow(this, this.group(id), type, use) <= inflowMax(this, this.group(id), type)
    )
  }

  /** Whether a group has more than what it brings and is lent from below: what comes down to it is borrowed. */
  borrows(group: ModelGroup, type: string, use: Use): boolean {
    return this.governed(this.rootOf(group.id), type) && inflow(this, group, type, use) > 0
  }

  /** What comes down to a group. */
  borrowed(group: ModelGroup, type: string, use: Use): number {
    return this.borrows(group, type, use) ? inflow(this, group, type, use) : 0
  }

  /** Whether a branch of an agent's way up stays within its quota with so much more, or has it without asking. */
  staysWithin(branch: ModelGroup, agent: string, type: string, use: Use, amount: number): boolean {
    const own = this.groupOf(agent)!
    const more = new Map(use).set(own, (use.get(own) ?? 0) + amount)
    return !this.borrows(branch, type, more) || this.covered(branch, agent, type, use, more)
  }

  inUseBelow(id: string, type: string, claims: Iterable<ModelClaim>): { amount: number; leases: number } {
    const groups = new Set(this.below(id))
    let amount = 0
    let leases = 0
    for (const claim of claims) {
      const group = this.groupOf(claim.agent)
      const own = claim.amounts.get(type) ?? 0
      if (group === undefined || !groups.has(group) || own === 0) continue
      amount += own
      if (claim.uncounted?.has(type) !== true) leases++
    }
    return { amount, leases }
  }

  /** Whether claims that hold could hold one more, rates aside. */
  allows(claims: ReadonlyArray<ModelClaim>, next: ModelClaim): boolean {
    const path = this.path(next.agent)
    return [...next.amounts].every(([type, amount]) => {
      const quota = this.quotas.get(`${next.agent}/${type}`) ?? Infinity
      let own = amount
      for (const claim of claims) if (claim.agent === next.agent) own += claim.amounts.get(type) ?? 0
      if (own > quota) return false
      const lease = claims.find((claim) => claim.id === next.grows)
      const added = (lease?.amounts.get(type) ?? 0) > 0 ? 0 : 1
      for (const group of path) {
        const limits = this.limits(group, type)
        const use = this.inUseBelow(group.id, type, claims)
        if (use.amount + amount > (limits.max ?? Infinity)) return false
        if (use.leases + added > (limits.leases ?? Infinity)) return false
      }
      return path.length === 0 || this.flowsWith(claims, next, type, amount)
    })
  }

  /** Whether a lease that declared a maximum could have the rest of it beside some others. `own`: what it and all inside it have. */
  couldHave(
    claims: ReadonlyArray<ModelClaim>,
    root: ModelClaim,
    own: ReadonlyArray<ModelClaim>,
    rest: ReadonlyMap<string, number>
  ): boolean {
    const path = this.path(root.agent)
    const waits = this.modeOf(root) === "wait"
    return [...rest].every(([type, amount]) => {
      const quota = waits ? (this.quotas.get(`${root.agent}/${type}`) ?? Infinity) : Infinity
      let held = amount
      for (const claim of claims) if (claim.agent === root.agent) held += claim.amounts.get(type) ?? 0
      if (held > quota) return false
      const having = own.filter((claim) => (claim.amounts.get(type) ?? 0) > 0 && claim.uncounted?.has(type) !== true)
      // One inside it, where there is none yet.
      const added = having.some((claim) => claim !== root && claim.grows !== root.id) ? 0 : 1
      for (const group of path) {
        const limits = this.limits(group, type)
        const use = this.inUseBelow(group.id, type, claims)
        if (use.amount + amount > (limits.max ?? Infinity)) return false
        const most = limits.leases ?? Infinity
        if (use.leases + added > most && (having.length === 0 || having.length < most)) return false
      }
      return path.length === 0 || this.flowsWith(claims, root, type, amount)
    })
  }

  /** The most that a claim could have of a type, were nothing else in use, and by which limit; looked for one by one. */
  mostOf(root: ModelClaim, type: string, wanted: number): number {
    for (let amount = wanted; amount > 0; amount--) {
      if (this.couldHave([], root, [], new Map([[type, amount]]))) return amount
    }
    return 0
  }

  /** Whether a flow can bring one claim's units, whatever is wrong elsewhere since a cut. */
  private flowsWith(claims: ReadonlyArray<ModelClaim>, next: ModelClaim, type: string, amount: number): boolean {
    const own = this.groupOf(next.agent)!
    if (!this.governed(this.rootOf(own), type)) return true
    const use = this.use(claims, type)
    const more = new Map(use).set(own, (use.get(own) ?? 0) + amount)
    return this.path(next.agent).every((group) => {
      const after = inflow(this, group, type, more)
      // What it has itself, and nobody else may have, it takes from nobody.
      return (
        after <= inflowMax(this, group, type) ||
        after === inflow(this, group, type, use) ||
        this.covered(group, next.agent, type, use, more)
      )
    })
  }

  /** Whether a group further down covers it, so that no edge from there up carries more. */
  private covered(group: ModelGroup, agent: string, type: string, use: Use, more: Use): boolean {
    for (const below of this.path(agent)) {
      if (below === group) return false
      if (inflow(this, below, type, more) === inflow(this, below, type, use)) return true
    }
    return false
  }

  apply(event: LedgerEvent): void {
    switch (event._tag) {
      case "GroupSet":
        this.groups.set(event.group, {
          id: event.group,
          parent: event.parent,
          onQuota: event.onQuota,
          limits: event.limits
        })
        break
      case "GroupRemoved":
        this.groups.delete(event.group)
        break
      case "AgentAssigned":
        this.members.set(event.agent, { group: event.group, onQuota: event.onQuota })
        break
      case "QuotaSet":
        this.quotas.set(`${event.agent}/${event.type}`, event.quota ?? Infinity)
        break
      case "Queued":
      case "GrantedAtOnce": {
        const claim = this.arrived(event)
        this.claims.set(event.id, claim)
        this.chain.set(event.id, event.parent)
        if (claim.status === "held") this.merge(claim)
        break
      }
      case "Admitted":
        this.claims.get(event.id)!.status = "waiting"
        break
      case "Withdrawn":
        this.claims.get(event.id)!.status = "parked"
        break
      case "Granted": {
        const claim = this.claims.get(event.id)!
        claim.status = "held"
        this.merge(claim)
        break
      }
      case "Shrunk": {
        const { amounts } = this.claims.get(event.id)!
        for (const [type, amount] of Object.entries(event.amounts)) {
          const rest = (amounts.get(type) ?? 0) - amount
          if (rest === 0) amounts.delete(type)
          else amounts.set(type, rest)
        }
        break
      }
      case "Undone": {
        const growth = this.growths.get(event.id)
        if (growth === undefined) this.claims.delete(event.id)
        else this.shrink(growth)
        break
      }
      case "Returned":
      case "Left":
        this.claims.delete(event.id)
        break
    }
  }

  /** A claim as its first event tells it. */
  arrived(event: Extract<LedgerEvent, { readonly _tag: "Queued" | "GrantedAtOnce" }>): ModelClaim {
    return {
      id: event.id,
      agent: event.agent,
      amounts: new Map(Object.entries(event.claim)),
      parent: event.parent,
      grows: event.grows,
      onQuota: event.scheduling?.onQuota,
      status: event._tag === "GrantedAtOnce" ? "held" : event.parked === true ? "parked" : "waiting"
    }
  }

  /** Whether some group on an agent's way up has a rate. */
  isRated(agent: string): boolean {
    return this.path(agent).some((group) => Object.values(group.limits).some(({ rate }) => rate !== undefined))
  }

  /** Whether nobody of the same tree, nor of the same agent, waits before it by any rule of order. */
  isFirst(claim: ModelClaim, parked: ReadonlyArray<ModelClaim>): boolean {
    const own = this.groupOf(claim.agent)
    const root = own === undefined ? undefined : this.rootOf(own)
    return parked.every((other) => {
      if (other === claim) return true
      const group = this.groupOf(other.agent)
      return other.agent !== claim.agent && (group === undefined || this.rootOf(group) !== root)
    })
  }

  private merge(claim: ModelClaim): void {
    if (claim.grows === undefined) return
    const lease = this.claims.get(claim.grows)!
    for (const [type, amount] of claim.amounts) lease.amounts.set(type, (lease.amounts.get(type) ?? 0) + amount)
    this.claims.delete(claim.id)
    this.growths.set(claim.id, claim)
  }

  /** A growth never was: what its lease still has of it goes back. */
  private shrink(growth: ModelClaim): void {
    const lease = this.claims.get(growth.grows!)
    for (const [type, amount] of growth.amounts) {
      const rest = Math.max(0, (lease?.amounts.get(type) ?? 0) - amount)
      if (rest === 0) lease?.amounts.delete(type)
      else lease?.amounts.set(type, rest)
    }
  }

  having(...statuses: ReadonlyArray<ModelClaim["status"]>): ReadonlyArray<ModelClaim> {
    return [...this.claims.values()].filter((claim) => statuses.includes(claim.status))
  }

  /** The leases still held around a claim. */
  around(claim: ModelClaim): ReadonlyArray<ModelClaim> {
    const around = new Set<ModelClaim>()
    const climb = (id: number | undefined): void => {
      if (id === undefined) return
      const lease = this.claims.get(id)
      if (lease?.status === "held") around.add(lease)
      climb(this.chain.get(id))
    }
    climb(claim.parent)
    climb(claim.grows)
    return [...around]
  }
}
