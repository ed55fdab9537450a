/** What needs an administrator: whoever may open the socket, or has the admin token. */
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { PoolConfig, RateConfig } from "@resource-manager/core/PoolConfig"
import * as QuotaTree from "@resource-manager/core/QuotaTree"
import * as ResourceType from "@resource-manager/core/ResourceType"
import type { ReservationView } from "@resource-manager/core/Reservation"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import { CommandForgotten, LeaseUnknown, NotAllowed } from "../Errors.ts"
import type * as Protocol from "../Protocol.ts"
import type { Claims } from "./claims.ts"
import { limitExceeded, type Peer, type SessionHost } from "./sessionHost.ts"

export interface AdministrationOptions {
  readonly manager: ResourceManager["Service"]
  readonly host: SessionHost
  readonly claims: Claims
  readonly registrationsMax: number
  readonly shutdown: Effect.Effect<void>
}

interface Ids {
  readonly command?: number | undefined
  readonly ack?: number | undefined
}

const rateOf = (rate: Protocol.Rate): RateConfig => {
  const { interval, ...rest } = rate
  // Checked by the manager, which refuses what is no duration.
  return interval === undefined ? rest : { ...rest, interval: interval as Duration.Input }
}

/** A duration as a client gave it: the manager refuses what is none. */
const span = (input: number | string | undefined) => input as Duration.Input | undefined

const forgotten = (command: number) =>
  new CommandForgotten({
    command,
    acknowledged: command,
    message: `command ${command} was carried out before the daemon was started anew; \`reserve list\` shows what it made`
  })

export const make = ({ claims, host, manager, registrationsMax, shutdown }: AdministrationOptions) => {
  let registrations = 0

  const allowed = (peer: Peer, action: string): NotAllowed | undefined =>
    peer.rights?.admin === true
      ? undefined
      : new NotAllowed({ action, agent: peer.rights?.agent, message: `${action} needs the admin token` })

  /** Runs it once where it has a command id, and answers once it is committed. */
  const steer = <A, E>(peer: Peer, ids: Ids, action: string, effect: Effect.Effect<A, E>) => {
    const denied = allowed(peer, action)
    if (denied !== undefined) return Effect.fail(denied)
    const { ack, command } = ids
    if (command === undefined) return Effect.tap(effect, () => host.table.committed)
    return Effect.flatMap(host.sessionOf(peer), (session) => claims.once(session, { command, ack: ack ?? 0 }, effect))
  }

  const register = (
    payload: Rpc.Payload<typeof Protocol.Register>
  ): Effect.Effect<void, Rpc.Error<typeof Protocol.Register>> =>
    Effect.suspend((): Effect.Effect<void, Rpc.Error<typeof Protocol.Register>> => {
      if (registrations >= registrationsMax) {
        return Effect.fail(limitExceeded("registrations", registrations, registrationsMax, "the daemon"))
      }
      const { owner, pool, type } = payload
      const { rate, ...bounds } = pool
      const config: PoolConfig = rate === undefined ? bounds : { ...bounds, rate: rateOf(rate) }
      const made = ResourceType.make(type.name, { unit: type.unit, unitOne: type.unitOne })
      return Effect.tap(manager.register(owner, made, config), () =>
        Effect.sync(() => {
          registrations++
        })
      )
    })

  return {
    SetQuota: (peer: Peer, payload: Rpc.Payload<typeof Protocol.SetQuota>) =>
      steer(peer, payload, "setting a quota", manager.setQuota(payload.agent, payload.type, payload.quota)),
    RemoveQuota: (peer: Peer, payload: Rpc.Payload<typeof Protocol.RemoveQuota>) =>
      steer(peer, payload, "removing a quota", manager.removeQuota(payload.agent, payload.type)),
    SetAgent: (peer: Peer, payload: Rpc.Payload<typeof Protocol.SetAgent>) => {
      const { agent, priority, weight } = payload
      return steer(peer, payload, "setting what an agent is", manager.setAgent(agent, { weight, priority }))
    },
    SetGroup: (peer: Peer, payload: Rpc.Payload<typeof Protocol.SetGroup>) =>
      steer(peer, payload, "setting a group", manager.setGroup(payload.group, QuotaTree.fromInput(payload.options))),
    RemoveGroup: (peer: Peer, payload: Rpc.Payload<typeof Protocol.RemoveGroup>) =>
      steer(peer, payload, "removing a group", manager.removeGroup(payload.group)),
    Assign: (peer: Peer, payload: Rpc.Payload<typeof Protocol.Assign>) => {
      const { agent, group, onQuota } = payload
      return steer(peer, payload, "assigning an agent", manager.assign(agent, { group, onQuota }))
    },
    Reserve: (peer: Peer, { lasts, note, startsIn, ...payload }: Rpc.Payload<typeof Protocol.Reserve>) => {
      const options = {
        for: payload.for,
        claim: payload.claim,
        startsIn: span(startsIn),
        lasts: span(lasts),
        ...(note === undefined ? {} : { note })
      }
      const made = steer(peer, payload, "reserving", manager.reserve(options))
      // A daemon that was started anew knows that it was done, not what was answered.
      return Effect.flatMap(made, (view: ReservationView | undefined) =>
        view === undefined ? Effect.fail(forgotten(payload.command ?? 0)) : Effect.succeed(view)
      )
    },
    EndReservation: (peer: Peer, payload: Rpc.Payload<typeof Protocol.EndReservation>) =>
      Effect.map(
        steer(peer, payload, "ending a reservation", manager.endReservation(payload.id, payload.reason)),
        // The same: it was done.
        (ended: boolean | undefined) => ended ?? true
      ),
    SetCapacity: (peer: Peer, payload: Rpc.Payload<typeof Protocol.SetCapacity>) => {
      const { capacity, max, note, type } = payload
      const options = { ...(max === undefined ? {} : { max }), ...(note === undefined ? {} : { note }) }
      return steer(peer, payload, "setting a capacity", manager.setCapacity(type, capacity, options))
    },
    SetRate: (peer: Peer, payload: Rpc.Payload<typeof Protocol.SetRate>) =>
      steer(
        peer,
        payload,
        "setting a rate",
        manager.setRate(payload.type, payload.rate === null ? undefined : rateOf(payload.rate))
      ),
    Register: (peer: Peer, payload: Rpc.Payload<typeof Protocol.Register>) =>
      steer(peer, payload, "registering a pool", register(payload)),
    RevokeLease: (peer: Peer, lease: number): Effect.Effect<void, LeaseUnknown | NotAllowed> => {
      const denied = allowed(peer, "revoking a lease")
      if (denied !== undefined) return Effect.fail(denied)
      const { supervisor, table } = host
      const revoke = table.revoke(lease, "revoked")
      // Its processes end first; those that will not are left to whoever insists.
      if (supervisor.has(lease) && !supervisor.seize(lease)) {
        return Effect.andThen(supervisor.giveBack(lease, "revoked"), table.committed)
      }
      return Effect.flatMap(revoke, (revoked) =>
        revoked
          ? table.committed
          : Effect.fail(
              new LeaseUnknown({ lease, message: `there is no lease ${lease}: it has come back, or never was` })
            )
      )
    },
    Stop: (peer: Peer) => {
      const denied = allowed(peer, "stopping the manager")
      return denied === undefined ? Effect.andThen(manager.stop, host.table.committed) : Effect.fail(denied)
    },
    Shutdown: (peer: Peer) => {
      const denied = allowed(peer, "ending the daemon")
      return denied === undefined ? shutdown : Effect.fail(denied)
    }
  }
}

export type Administration = ReturnType<typeof make>
