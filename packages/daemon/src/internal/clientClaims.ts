/**
 * Claims and leases of a client.
 *
 * - K1 Each command has an id of its own, for the life of the client. It is asked
 *   again on every new connection until it was answered, and is acknowledged (`ack`)
 *   only once nobody can want to cancel it any more.
 * - K2 Between the grant and the registration of its return lies no step: a claim is
 *   cancelled (undone, tokens included) until its body begins, released afterwards.
 * - K3 What cannot be given back now, because the connection is gone, is given back
 *   with the next one; nobody waits for that. If the session ends first, it has come
 *   back anyway.
 * - K4 A session that is gone takes its leases with it; claims that wait are asked
 *   anew in the next session, at the end of the queue.
 */
import type { Claim, WaitOptions } from "@resource-manager/core/Claim"
import type { ClaimError, LeaseRevoked } from "@resource-manager/core/Errors"
import { ManagerStopped } from "@resource-manager/core/Errors"
import { type AnyFiber, Nesting, pushFrame, ScopedLeases } from "@resource-manager/core/Nesting"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Granted, NoticedLease, ReturnedLease } from "../Protocol.ts"
import { claimTrouble, isTrouble, lost } from "./clientErrors.ts"
import { type Asked, type ClaimMore, claimPayload, waitFields } from "./claimPayload.ts"
import { Held } from "./held.ts"
import type { CallFailure, DaemonRpc, Link, SessionOpened } from "./link.ts"

/** One run of `withLease`: what it was granted, and whether its body began. */
interface Stay {
  command: number
  held: Held | undefined
  began: boolean
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export class ClientClaims {
  readonly scoped = new ScopedLeases<Held>()
  private readonly link: Link
  /** In the order of their ids: the first is the lowest that is not acknowledged. */
  private readonly outstanding = new Set<number>()
  private readonly held = new Map<number, Held>()
  /** What waits for a connection to be given back (K3). */
  private readonly releases = new Set<number>()
  private readonly cancels = new Set<number>()
  private nextCommand = 1
  private inside: number | undefined

  constructor(link: Link) {
    this.link = link
  }

  /** All answers below it were received, and nobody will cancel them. */
  readonly ack = (): number => {
    const first = this.outstanding.values().next()
    return first.done === true ? this.nextCommand : first.value
  }

  // --- what becomes of the session

  /** A new connection: what was taken meanwhile is told, what was to be given back is. */
  readonly onSession = (opened: SessionOpened): Effect.Effect<void> =>
    Effect.sync(() => {
      this.inside = opened.inside
      const reasons = new Map(opened.returned.map(({ lease, reason }) => [lease, reason] as const))
      for (const held of this.held.values()) {
        if (!opened.tickets.has(held.id)) this.take(held, reasons.get(held.id) ?? "lost")
      }
      for (const lease of this.releases) Effect.runFork(this.sendRelease(opened.rpc, lease))
      for (const command of this.cancels) Effect.runFork(this.sendCancel(opened.rpc, command))
    })

  /** The session is gone (K4). */
  readonly onLost = (): void => {
    for (const held of this.held.values()) this.take(held, "lost")
    this.releases.clear()
    for (const command of this.cancels) this.outstanding.delete(command)
    this.cancels.clear()
  }

  readonly onReturned = (returned: ReturnedLease): void => {
    const held = this.held.get(returned.lease)
    if (held !== undefined) this.take(held, returned.reason)
  }

  readonly onNoticed = (noticed: NoticedLease): void => this.held.get(noticed.lease)?.hear(noticed)

  private take(held: Held, reason: ReturnedLease["reason"]): void {
    this.held.delete(held.id)
    held.take(reason)
  }

  // --- commands

  begin(): number {
    const command = this.nextCommand++
    this.outstanding.add(command)
    return command
  }

  /** Nobody will want to cancel it any more. */
  settle(command: number): void {
    this.outstanding.delete(command)
  }

  /** The innermost lease around the place that a fiber is at. */
  around(fiber: AnyFiber): Held | undefined {
    return this.scoped.innermost(fiber, fiber.getRef(Nesting), this)
  }

  /** Asks for a claim until it is answered. */
  private ask<A, E, R>(
    asked: Asked,
    use: {
      readonly onFailure: (error: ClaimError) => Effect.Effect<A, E, R>
      readonly onSuccess: (granted: Granted) => Effect.Effect<A, E, R>
    }
  ): Effect.Effect<A, E, R> {
    return Effect.matchEffect(
      this.link.call((rpc) => rpc.Claim(claimPayload(asked, this.ack()))),
      {
        onFailure: (error) => {
          if (!isTrouble(error)) return use.onFailure(error)
          // A parent that came back between the look and the call, and whose number is another's now.
          if (error._tag === "ForeignLease" && asked.around !== undefined)
            return this.ask({ ...asked, around: undefined }, use)
          return use.onFailure(claimTrouble(error))
        },
        onSuccess: use.onSuccess
      }
    )
  }

  // --- giving back

  /** Gives a lease back, or has it given back with the next connection. */
  release(held: Held): Effect.Effect<void> {
    return Effect.suspend(() => this.giveBack(held))
  }

  private giveBack(held: Held): Effect.Effect<void> {
    if (held.status !== "held") return Effect.void
    held.giveBack()
    this.held.delete(held.id)
    this.releases.add(held.id)
    const { rpc } = this.link
    return rpc === undefined ? Effect.void : this.sendRelease(rpc, held.id)
  }

  private sendRelease(rpc: DaemonRpc, lease: number): Effect.Effect<void> {
    return Effect.matchEffect(rpc.Release({ lease }), {
      onFailure: (error) => {
        // Anything but a broken connection says that it is not this session's any more.
        if (error._tag !== "RpcClientError") this.releases.delete(lease)
        return Effect.void
      },
      onSuccess: () => {
        this.releases.delete(lease)
        return Effect.void
      }
    })
  }

  /** Nobody will use the answer of a command. */
  cancel(command: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.outstanding.has(command)) return Effect.void
      this.cancels.add(command)
      const { rpc } = this.link
      return rpc === undefined ? Effect.void : this.sendCancel(rpc, command)
    })
  }

  private sendCancel(rpc: DaemonRpc, command: number): Effect.Effect<void> {
    const done = Effect.sync(() => {
      this.cancels.delete(command)
      this.outstanding.delete(command)
    })
    return Effect.matchEffect(
      Effect.suspend(() => rpc.Cancel({ command, ack: this.ack() })),
      {
        onFailure: (error) => (error._tag === "RpcClientError" ? Effect.void : done),
        onSuccess: () => done
      }
    )
  }

  // --- claims

  private grant(asked: Asked, granted: Granted): Held {
    const held = new Held(
      { id: granted.lease, agent: asked.agent, token: granted.token, claim: asked.claim },
      asked.around,
      this.inside
    )
    // What is taken by hand is given back by amounts: nobody is told if it is lost.
    if (asked.more?.manual !== true) this.held.set(held.id, held)
    return held
  }

  /** Runs a body inside a lease. It is interrupted when the lease is taken. */
  withLease<A, E, R>(
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | ClaimError | LeaseRevoked, R> {
    return Effect.withFiber((fiber) => {
      const stay: Stay = { command: 0, held: undefined, began: false }
      return Effect.onExit(
        Effect.suspend(() => {
          stay.command = this.begin()
          const asked: Asked = {
            command: stay.command,
            agent,
            claim,
            around: this.around(fiber),
            options,
            more: undefined
          }
          return this.ask<A, E | ClaimError | LeaseRevoked, R>(asked, {
            onFailure: (error) => {
              this.settle(stay.command)
              return Effect.fail(error)
            },
            onSuccess: (granted) => {
              const held = this.grant(asked, granted)
              stay.held = held
              const begin = () => {
                stay.began = true
                this.settle(stay.command)
              }
              return this.runInside(fiber, held, begin, body, options)
            }
          })
        }),
        () => {
          if (stay.began && stay.held !== undefined) return this.giveBack(stay.held)
          if (stay.held !== undefined) this.forget(stay.held)
          return this.cancel(stay.command)
        }
      )
    })
  }

  /**
   * Runs a body inside its lease, in a fiber of its own: it is interrupted when the lease
   * is taken or it has to stop, whoever calls goes on when it has ended, and it ends when
   * the caller is interrupted. What `raceFirst` with `revoked` does, by one fiber instead of two.
   */
  private runInside<A, E, R>(
    fiber: AnyFiber,
    held: Held,
    begin: () => void,
    body: Effect.Effect<A, E, R>,
    options: WaitOptions | undefined
  ): Effect.Effect<A, E | ClaimError | LeaseRevoked, R> {
    return Effect.callback<A, E | ClaimError | LeaseRevoked>((resume) => {
      begin()
      // The fiber that runs this effect has what the effect asks for.
      const context = pushFrame(fiber.context, fiber.getRef(Nesting), this, held) as Context.Context<R>
      const child = Effect.runForkWith(context)(body)
      const exit = child.pollUnsafe()
      if (exit !== undefined) return resume(exit)
      let gone: LeaseRevoked | undefined
      const stop = (error: LeaseRevoked) => {
        gone ??= error
        child.interruptUnsafe(fiber.id)
      }
      const forgetTaken = held.onTaken(stop)
      const forgetNotice = options?.stopAt === "announcement" ? held.onNotice(() => stop(held.gone)) : undefined
      child.addObserver((ended) => {
        forgetTaken()
        forgetNotice?.()
        resume(gone === undefined ? ended : Effect.fail(this.taken(gone, options)))
      })
      return Fiber.interrupt(child)
    })
  }

  /** Without an expiry the type of `withLease` has no `LeaseRevoked`: that nothing is granted any more is the next of kin. */
  private taken(gone: LeaseRevoked, options: WaitOptions | undefined): ClaimError | LeaseRevoked {
    return options?.expiresAfter === undefined && options?.preemptible !== true
      ? new ManagerStopped({ message: gone.message })
      : gone
  }

  private forget(held: Held): void {
    this.held.delete(held.id)
    held.giveBack()
  }

  /** Waits for a grant. What is done with it is one uninterruptible step with it. */
  granted<A, R>(
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    more: ClaimMore | undefined,
    use: (held: Held) => Effect.Effect<A, never, R>
  ): Effect.Effect<A, ClaimError, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) =>
        Effect.suspend(() => {
          const command = this.begin()
          const asked: Asked = { command, agent, claim, around: this.around(fiber), options, more }
          const asking = this.ask<Granted, ClaimError, never>(asked, {
            onFailure: Effect.fail,
            onSuccess: Effect.succeed
          })
          return this.settled(command, restore, asking, (granted) => use(this.grant(asked, granted)))
        })
      )
    )
  }

  /** The answer of a command, in an uninterruptible region: cancelled if its fiber goes. */
  private settled<A, B, E, R>(
    command: number,
    restore: Restore,
    ask: Effect.Effect<A, E>,
    use: (answer: A) => Effect.Effect<B, never, R>
  ): Effect.Effect<B, E, R> {
    return Effect.matchCauseEffect(restore(ask), {
      onFailure: (cause) => {
        if (!Cause.hasInterrupts(cause)) {
          this.settle(command)
          return Effect.failCause(cause)
        }
        return Effect.andThen(this.cancel(command), Effect.failCause(cause))
      },
      onSuccess: (answer) => {
        this.settle(command)
        return use(answer)
      }
    })
  }

  /** More of a lease. */
  grow(held: Held, claim: Claim, options: WaitOptions | undefined): Effect.Effect<void, ClaimError | LeaseRevoked> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) =>
        Effect.suspend((): Effect.Effect<void, ClaimError | LeaseRevoked> => {
          if (held.status !== "held") return Effect.fail(held.gone)
          const command = this.begin()
          const around = this.around(fiber)
          return this.settled(command, restore, this.askMore(command, held, claim, around, options), () =>
            Effect.sync(() => held.change(claim, 1))
          )
        })
      )
    )
  }

  private askMore(
    command: number,
    held: Held,
    claim: Claim,
    around: Held | undefined,
    options: WaitOptions | undefined
  ): Effect.Effect<void, ClaimError | LeaseRevoked> {
    const call = (rpc: DaemonRpc) =>
      // Gone with its session, and its number may be another's.
      held.status !== "held"
        ? Effect.fail(held.gone)
        : rpc.Grow({
            command,
            ack: this.ack(),
            lease: held.id,
            claim,
            ...(around?.status === "held" ? { parent: around.id } : {}),
            ...waitFields(options)
          })
    return Effect.catch(this.link.call(call), (error): Effect.Effect<void, ClaimError | LeaseRevoked> => {
      if (error._tag === "LeaseRevoked" || error._tag === "ForeignLease") {
        return Effect.fail(held.status === "held" ? lost(held.id, held.agent, "returned") : held.gone)
      }
      return Effect.fail(isTrouble(error) ? claimTrouble(error) : error)
    })
  }

  /** A command that asks for no request, made until it is answered. */
  command<A, E>(
    make: (rpc: DaemonRpc, ids: { readonly command: number; readonly ack: number }) => Effect.Effect<A, E>
  ): Effect.Effect<A, CallFailure<E>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const command = this.begin()
        const call = this.link.call((rpc) => make(rpc, { command, ack: this.ack() }))
        // An interrupted one may still be carried out: it is under way. It is never carried out twice.
        return Effect.onExit(restore(call), (exit) =>
          Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
            ? this.cancel(command)
            : Effect.sync(() => this.settle(command))
        )
      })
    )
  }
}
