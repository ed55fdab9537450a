/** One pool without a manager around it: what `Semaphore`, `ResourcePool` and `TokenBucket` are made of. */
import * as Effect from "effect/Effect"
import { DeadlockPolicy } from "../DeadlockPolicy.ts"
import type { ClaimError, InvalidClaim, ResourceNotAcquired } from "../Errors.ts"
import * as Lease from "../Lease.ts"
import type { PoolOptions } from "../ledger/Pool.ts"
import type { ClaimOptions } from "../ledger/Ledger.ts"
import { Request } from "../ledger/Request.ts"
import type { ResourceType } from "../ResourceType.ts"
import type { WaitOptions } from "./claimOptions.ts"
import { LedgerRuntime } from "./LedgerRuntime.ts"
import type { AnyFiber } from "../Nesting.ts"
import { invalidClaim, notAcquired } from "./refusal.ts"

/** The one agent that all claims are charged to. */
const owner = "the caller"

export const make = Effect.fnUntraced(function* (type: ResourceType, options: PoolOptions) {
  const runtime = new LedgerRuntime(yield* Effect.context(), {
    deadlock: yield* DeadlockPolicy,
    formats: (_, amount) => type.format(amount),
    timeoutMicros: Infinity
  })
  const pool = runtime.ledger.definePool(type.name, options, runtime.now())
  const claimOf = (amount: number) => ({ [type.name]: amount })

  const ask = (fiber: AnyFiber, amount: number, wait: WaitOptions | undefined, more: ClaimOptions) =>
    runtime.ask(fiber, owner, claimOf(amount), wait, more)

  /** What is done with the grant is one uninterruptible step with it. */
  const obtain = <A, R>(
    amount: number,
    wait: WaitOptions | undefined,
    manual: boolean,
    use: (request: Request) => Effect.Effect<A, never, R>
  ) => runtime.granted(owner, claimOf(amount), wait, { manual }, use)

  /** The same without waiting: whether it was granted. */
  const attempt = (amount: number, manual: boolean, use: (request: Request) => void) =>
    Effect.uninterruptible(
      Effect.withFiber((fiber): Effect.Effect<boolean, ClaimError> => {
        const answer = ask(fiber, amount, undefined, { manual, wait: false })
        if (answer instanceof Request) {
          use(answer)
          return Effect.succeed(true)
        }
        return answer._tag === "ResourceExhausted" && answer.reason === "unavailable"
          ? Effect.succeed(false)
          : Effect.fail(runtime.error(answer))
      })
    )

  const stop = Effect.sync(() => runtime.command((ledger, now) => ledger.stop(now)))
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      stop,
      Effect.sync(() => {
        runtime.command((ledger, now) => ledger.revokeAll(now))
        // Not before: leases with an expiry need their timer as long as they last.
        runtime.close()
      })
    )
  )

  return {
    runtime,
    pool,
    withUnits:
      (amount: number, wait?: WaitOptions) =>
      <A, E, R>(body: Effect.Effect<A, E, R>) =>
        runtime.withLease(owner, claimOf(amount), wait, body),
    lease: (amount: number, wait?: WaitOptions) =>
      obtain(amount, wait, false, (request) => Lease.hold(runtime, request)),
    acquire: (amount: number, wait?: WaitOptions) => obtain(amount, wait, true, () => Effect.void),
    /** Takes units and gives them back at once: for what is used up, not held. */
    consume: (amount: number, wait?: WaitOptions) =>
      obtain(amount, wait, false, (request) => Effect.sync(() => runtime.release(request))),
    tryAcquire: (amount: number) => attempt(amount, true, () => undefined),
    tryConsume: (amount: number) => attempt(amount, false, (request) => runtime.release(request)),
    release: (amount: number) =>
      Effect.suspend((): Effect.Effect<void, ResourceNotAcquired | InvalidClaim> => {
        const refusal = runtime.command((ledger, now) => ledger.releaseManual(owner, claimOf(amount), now))
        if (refusal === undefined) return Effect.void
        return Effect.fail(
          refusal._tag === "ResourceNotAcquired"
            ? notAcquired(refusal, runtime.formats)
            : invalidClaim("amount", amount, "a whole number from 0")
        )
      }),
    /** Reads the pool as of now. */
    current: <A>(read: (now: number) => A) =>
      Effect.sync(() =>
        runtime.command((ledger, now) => {
          ledger.advance(now)
          return read(ledger.now)
        })
      ),
    stop
  }
})
