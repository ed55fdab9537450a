/** What anybody may ask. An agent's token sees of agents, leases and waits only its own. */
import type { CheckOptions } from "@resource-manager/core/Claim"
import type { LeaseView } from "@resource-manager/core/Statistics"
import type { Meter } from "@resource-manager/core/Meter"
import type { GroupStatistics } from "@resource-manager/core/QuotaTree"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Rpc from "effect/rpc/Rpc"
import type { CallError, DaemonLease, GetCheck, Overview, Status } from "../Protocol.ts"
import type { Peer, SessionHost } from "./sessionHost.ts"
import type { DeadlockLog } from "./deadlockLog.ts"
import { typeFacts } from "./typeFacts.ts"

export interface QuestionOptions {
  readonly manager: ResourceManager["Service"]
  readonly meter: Meter["Service"]
  readonly host: SessionHost
  readonly deadlocks: DeadlockLog
  readonly status: (counts: Pick<Status, "pools" | "agents" | "leases" | "waiters">) => Status
}

export const make = ({ deadlocks, host, manager, meter, status }: QuestionOptions) => {
  /** The only agent that the connection may see; `undefined`: all. */
  const only = (peer: Peer): string | undefined => (peer.rights?.admin === true ? undefined : peer.rights?.agent)

  const ownOf = <A extends { readonly agent: string }>(peer: Peer, all: ReadonlyArray<A>): ReadonlyArray<A> => {
    const agent = only(peer)
    return agent === undefined ? all : all.filter((one) => one.agent === agent)
  }

  const ofAgent = <A, E>(peer: Peer, agent: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E | CallError> => {
    const denied = host.mayActAs(peer, agent, "a question about an agent")
    return denied === undefined ? effect : Effect.fail(denied)
  }

  const leaseOf = (lease: LeaseView): DaemonLease => {
    const session = host.sessions.ownerOf(lease.id)
    const work = host.supervisor.view(lease.id)
    return {
      ...lease,
      ...(session === undefined ? {} : { session: session.name }),
      ...(work === undefined ? {} : { processes: work.processes }),
      ...(work?.orphaned === true ? { orphaned: true } : {})
    }
  }

  /** An agent sees the groups that it is in, and of their agents itself. */
  const groupsFor = (peer: Peer, all: ReadonlyArray<GroupStatistics>): ReadonlyArray<GroupStatistics> => {
    const agent = only(peer)
    if (agent === undefined) return all
    const path = new Set(all.find(({ agents }) => agents.includes(agent))?.path)
    return all
      .filter(({ group }) => path.has(group))
      .map((group) => ({ ...group, agents: group.agents.filter((one) => one === agent) }))
  }

  const leases = (peer: Peer) => Effect.map(manager.leases, (all) => ownOf(peer, all).map(leaseOf))
  const types = Effect.map(manager.types, (all) => all.map(typeFacts))

  const overview = (peer: Peer): Effect.Effect<Overview> =>
    Effect.all([manager.pools, manager.agents, manager.leases, manager.waiters, types]).pipe(
      Effect.map(([pools, agents, leases, waiters, types]) => ({
        status: status({
          pools: pools.length,
          agents: agents.length,
          leases: leases.length,
          waiters: waiters.length
        }),
        pools,
        agents: ownOf(peer, agents),
        leases: ownOf(peer, leases).map(leaseOf),
        waiters: ownOf(peer, waiters),
        types
      }))
    )

  return {
    Check: (peer: Peer, { agent, claim, ...options }: Rpc.Payload<typeof GetCheck>) =>
      // Durations as a client gave them: the manager refuses what is none.
      ofAgent(peer, agent, manager.check(agent, claim, options as CheckOptions)),
    Quota: (peer: Peer, agent: string, type: string) =>
      ofAgent(peer, agent, Effect.map(manager.quota(agent, type), Option.getOrNull)),
    Reservations: manager.reservations,
    Groups: (peer: Peer) => Effect.map(manager.groups, (all) => groupsFor(peer, all)),
    Usage: (peer: Peer, agent: string) => ofAgent(peer, agent, manager.usage(agent)),
    Pool: (type: string) => manager.poolStatistics(type),
    Pools: manager.pools,
    Agent: (peer: Peer, agent: string) => ofAgent(peer, agent, manager.agentStatistics(agent)),
    Agents: (peer: Peer) => Effect.map(manager.agents, (all) => ownOf(peer, all)),
    Leases: leases,
    Waiters: (peer: Peer) => Effect.map(manager.waiters, (all) => ownOf(peer, all)),
    WaitersPage: (peer: Peer, limit: number) =>
      Effect.map(manager.waiters, (all) => {
        const own = ownOf(peer, all)
        return { waiters: own.slice(0, limit), total: own.length }
      }),
    Explain: (peer: Peer, agent: string) => ofAgent(peer, agent, manager.explain(agent)),
    Types: types,
    Measure: (type: string) => Effect.map(manager.measure(type), Option.getOrNull),
    Overview: overview,
    Deadlocks: Effect.map(meter.waitGraph(), (graph) => ({ graph, ...deadlocks.read() })),
    SampleLoad: manager.sampleLoad,
    Status: Effect.map(Effect.all([manager.pools, manager.agents, manager.leases]), ([pools, agents, leases]) =>
      status({
        pools: pools.length,
        agents: agents.length,
        leases: leases.length,
        waiters: agents.reduce((sum, agent) => sum + agent.waiting, 0)
      })
    )
  }
}

export type Questions = ReturnType<typeof make>
