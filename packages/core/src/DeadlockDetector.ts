/**
 * Deadlock detection taken alone, for programs that hand out their resources
 * themselves: they record who acquires, waits and releases, and a wait that could
 * never end fails as it is recorded.
 *
 * It is exact for counted resources (see `WaitForGraph` in `docs/design`): an
 * agent gives everything back once all its waits are served, and a wait is served
 * once enough units are free or held by agents that give back. So agents that only
 * cross on a resource with units to spare are not deadlocked. A wait for more than
 * there is waits for no agent: it is refused as what it is, a wrong claim.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  DeadlockDetected,
  type InvalidCapacity,
  type InvalidClaim,
  ResourceNotAcquired,
  type UnknownResourceType
} from "./Errors.ts"
import { invalidCapacity, invalidClaim, unknownResourceType } from "./internal/refusal.ts"
import { wholeNumber, isAmount } from "./ledger/Claim.ts"
import { cycleThrough, type Graph, reduce } from "./ledger/WaitForGraph.ts"

export interface DeadlockDetectorOptions {
  /** Units of each resource. */
  readonly resources: Readonly<Record<string, number>>
  /** Default true. Where false nothing fails. */
  readonly enabled?: boolean
}

export class DeadlockDetector extends Context.Service<
  DeadlockDetector,
  {
    /** An agent has got units. A wait of it for as many ends. */
    readonly recordAcquire: (
      agent: string,
      resource: string,
      amount?: number
    ) => Effect.Effect<void, InvalidClaim | UnknownResourceType>
    /** An agent waits for units. Fails where that wait could never end; then it is not recorded. */
    readonly recordWait: (
      agent: string,
      resource: string,
      amount?: number
    ) => Effect.Effect<void, DeadlockDetected | InvalidClaim | UnknownResourceType>
    /** An agent waits no longer, and got nothing. */
    readonly recordCancel: (
      agent: string,
      resource: string,
      amount?: number
    ) => Effect.Effect<void, InvalidClaim | UnknownResourceType>
    /** An agent has given units back. */
    readonly recordRelease: (
      agent: string,
      resource: string,
      amount?: number
    ) => Effect.Effect<void, InvalidClaim | ResourceNotAcquired | UnknownResourceType>
    readonly setEnabled: (enabled: boolean) => Effect.Effect<void>
  }
>()("@resource-manager/core/DeadlockDetector") {
  /** A detector of its own. */
  static readonly make = (options: DeadlockDetectorOptions) => make(options)

  static readonly layer = (options: DeadlockDetectorOptions): Layer.Layer<DeadlockDetector, InvalidCapacity> =>
    Layer.effect(DeadlockDetector, make(options))
}

interface Wait {
  readonly agent: string
  readonly resource: string
  readonly amount: number
}

/** A detector of its own. */
export const make = (options: DeadlockDetectorOptions): Effect.Effect<DeadlockDetector["Service"], InvalidCapacity> =>
  Effect.suspend(() => {
    const wrong = Object.entries(options.resources).find(([, units]) => !isAmount(units))
    return wrong === undefined
      ? Effect.succeed(detector(options))
      : Effect.fail(invalidCapacity(wrong[0], "capacity", wrong[1], wholeNumber))
  })

const detector = (options: DeadlockDetectorOptions): DeadlockDetector["Service"] => {
  const resources = Object.keys(options.resources)
  const held = new Map<string, Map<string, number>>()
  const waits: Array<Wait> = []
  let enabled = options.enabled ?? true

  const heldBy = (agent: string, resource: string): number => held.get(agent)?.get(resource) ?? 0

  const setHeld = (agent: string, resource: string, amount: number) => {
    const own = held.get(agent) ?? new Map<string, number>()
    if (amount > 0) own.set(resource, amount)
    else own.delete(resource)
    if (own.size > 0) held.set(agent, own)
    else held.delete(agent)
  }

  const endWait = (agent: string, resource: string, amount: number) => {
    const at = waits.findIndex((wait) => wait.agent === agent && wait.resource === resource && wait.amount === amount)
    if (at >= 0) waits.splice(at, 1)
  }

  const pending = (agent: string, resource: string): number =>
    waits.reduce((sum, wait) => sum + (wait.agent === agent && wait.resource === resource ? wait.amount : 0), 0)

  /** The cycle that the newest wait, which is this agent's, closes. */
  const findCycle = (requester: string): ReadonlyArray<DeadlockDetected["cycle"][number]> | undefined => {
    const agents = [...held.keys()]
    const index = new Map(agents.map((agent, at) => [agent, at]))
    const inUse = (resource: string) => agents.reduce((sum, agent) => sum + heldBy(agent, resource), 0)
    const waiting = new Set(waits.map((wait) => wait.agent))
    // All that one agent waits for is one wait: it keeps what is served first until the rest is.
    const waiters = [...waiting]
    const requesterAt = waiters.indexOf(requester)
    // Who waits for nothing gives back by itself: its units count as free.
    const comesBack = (resource: string) =>
      agents.reduce((sum, agent) => sum + (waiting.has(agent) ? 0 : heldBy(agent, resource)), 0)
    const graph: Graph = {
      pools: resources.map((resource) => ({
        available: options.resources[resource]! - inUse(resource) + comesBack(resource),
        burst: Infinity
      })),
      waits: waiters.map((agent) => ({
        needs: resources.flatMap((resource, pool) => {
          const amount = pending(agent, resource)
          return amount === 0 ? [] : [{ pool, amount, cost: 0 }]
        }),
        inside: index.has(agent) ? [index.get(agent)!] : [],
        exempt: false
      })),
      holdings: agents.map((agent) => ({
        amounts: waiting.has(agent)
          ? [...held.get(agent)!].map(([resource, amount]) => ({ pool: resources.indexOf(resource), amount }))
          : []
      }))
    }
    const reduction = reduce(graph, { ordered: false })
    const cycle = reduction.stuck.includes(requesterAt) ? cycleThrough(graph, reduction, requesterAt) : undefined
    return cycle?.map((edge) => {
      const agent = waiters[edge.wait]!
      const resourceType = resources[edge.pool]!
      const holder = agents[edge.holding]!
      return {
        agent,
        resourceType,
        requested: pending(agent, resourceType),
        heldBy: holder,
        lease: 0,
        holds: heldBy(holder, resourceType)
      }
    })
  }

  const known = (resource: string, amount: number): Effect.Effect<void, InvalidClaim | UnknownResourceType> => {
    if (!resources.includes(resource)) return Effect.fail(unknownResourceType(resource, resources))
    return isAmount(amount) ? Effect.void : Effect.fail(invalidClaim("amount", amount, wholeNumber))
  }

  return DeadlockDetector.of({
    recordAcquire: (agent, resource, amount = 1) =>
      Effect.map(known(resource, amount), () => {
        endWait(agent, resource, amount)
        setHeld(agent, resource, heldBy(agent, resource) + amount)
      }),
    recordWait: (agent, resource, amount = 1) =>
      Effect.flatMap(known(resource, amount), (): Effect.Effect<void, DeadlockDetected | InvalidClaim> => {
        const most = options.resources[resource]! - pending(agent, resource)
        if (amount > most) {
          const allowed = `at most ${most} of ${resource}, beside what ${agent} waits for already`
          return Effect.fail(invalidClaim("amount", amount, allowed))
        }
        waits.push({ agent, resource, amount })
        const cycle = enabled ? findCycle(agent) : undefined
        if (cycle === undefined) return Effect.void
        waits.pop()
        const steps = cycle.map(
          (step) =>
            `  ${step.agent} waits for ${step.requested} of ${step.resourceType}, of which ${step.heldBy} holds ${step.holds}`
        )
        return Effect.fail(
          new DeadlockDetected({
            message: `deadlock: ${agent} would wait for ever\n${steps.join("\n")}`,
            agent,
            claim: { [resource]: amount },
            cycle
          })
        )
      }),
    recordCancel: (agent, resource, amount = 1) =>
      Effect.map(known(resource, amount), () => endWait(agent, resource, amount)),
    recordRelease: (agent, resource, amount = 1) =>
      Effect.flatMap(known(resource, amount), () => {
        const own = heldBy(agent, resource)
        if (amount <= own) {
          setHeld(agent, resource, own - amount)
          return Effect.void
        }
        return Effect.fail(
          new ResourceNotAcquired({
            message: `${agent} cannot release ${amount} of ${resource}: it holds ${own}`,
            agent,
            requested: { [resource]: amount },
            held: own > 0 ? { [resource]: own } : {}
          })
        )
      }),
    setEnabled: (on) =>
      Effect.sync(() => {
        enabled = on
      })
  })
}
