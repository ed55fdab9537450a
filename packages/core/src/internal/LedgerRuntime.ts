/**
 * The edge of the Ledger: everything that waits, sleeps or resumes. It decides
 * nothing.
 *
 * Guarantees:
 * 1. Waiting is interruptible; a grant and the registration of its return are one
 *    uninterruptible step.
 * 2. Whoever is interrupted while waiting leaves the queue at once. One that was
 *    granted but whose body never began is undone, tokens included.
 * 3. Waiters are resumed by the `Outbox`, never from inside another fiber's release.
 *    With a journal nothing is told before it is committed; who is interrupted while
 *    waiting for that gives the grant back.
 * 4. At most one timer, armed for the first instant at which the Ledger has
 *    something to do; no background fiber.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MixedScheduler, Scheduler } from "effect/Scheduler"
import type { ClaimError, InvalidClaim, LeaseRevoked, ManagerStopped } from "../Errors.ts"
import type { Journal, JournalFailed } from "../Journal.ts"
import type { Claim } from "../ledger/Claim.ts"
import { type ClaimOptions, Ledger, type LedgerOptions } from "../ledger/Ledger.ts"
import type { Refusal } from "../ledger/Refusal.ts"
import { Request } from "../ledger/Request.ts"
import { type AnyFiber, type Frame, Nesting, pushFrame, ScopedLeases } from "../Nesting.ts"
import { readWait, type WaitOptions } from "./claimOptions.ts"
import { DueTimer } from "./DueTimer.ts"
import { JournalWriter } from "./journal/JournalWriter.ts"
import type { Recovered } from "./journal/recovery.ts"
import { LeaseWatch } from "./LeaseWatch.ts"
import { Outbox } from "./Outbox.ts"
import { type Formats, invalidClaim, leaseGone, stoppedBy, toError } from "./refusal.ts"

export interface RuntimeOptions extends Omit<LedgerOptions, "books" | "sink"> {
  /** Names of priorities. */
  readonly classes?: Readonly<Record<string, number>> | undefined
  readonly formats: Formats
  /** The longest wait of claims that name none, in microseconds; `Infinity` is for ever. */
  readonly timeoutMicros: number
  /** Where decisions are kept, and what it held of a former start. */
  readonly journal?: Journal | undefined
  readonly recovered?: Recovered | undefined
}

/** One run of `withLease`: what it was granted, and whether its body began. */
interface Stay {
  request: Request | undefined
  began: boolean
  /** It was stopped before its deadline, because its lease has to end. */
  yields: boolean
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Whether the operation that a fiber is about to return is run before anything can
 * interrupt: the default scheduler yields by the count of operations alone. With
 * any other the answer is no, and the beginning of a body is watched by a step of
 * its own.
 */
const willRunNext = (fiber: AnyFiber): boolean =>
  Object.getPrototypeOf(fiber.cache.scheduler) === MixedScheduler.prototype &&
  fiber.currentOpCount + 1 < fiber.cache.maxOpsBeforeYield

const liveClock = Context.get(Context.empty(), Clock.Clock)

export class LedgerRuntime {
  readonly ledger: Ledger
  readonly formats: Formats
  readonly classes: Readonly<Record<string, number>>
  readonly scoped = new ScopedLeases<Request>()
  readonly timeoutMicros: number
  private readonly context: Context.Context<never>
  private readonly clock: Clock.Clock
  private readonly origin: bigint
  /** What the Ledger's time is ahead of the clock: time goes on where a former start left it. */
  private readonly ahead: number
  readonly outbox: Outbox
  private lastContext: Context.Context<never> | undefined = undefined
  private lastFrame: Frame | undefined = undefined
  /** Leases that were taken by force, and of which nothing was said yet. */
  private overrun: Array<Request> = []
  private readonly timer: DueTimer
  readonly leaseWatch: LeaseWatch
  /** Called after every command, by whoever waits for a state: a drained manager, a test's waiters. */
  onDecided: (() => void) | undefined = undefined

  constructor(context: Context.Context<never>, options: RuntimeOptions) {
    const { classes, journal, recovered, ...ledgerOptions } = options
    this.classes = classes ?? {}
    this.ledger = new Ledger({ ...ledgerOptions, books: recovered?.books })
    this.formats = options.formats
    this.timeoutMicros = options.timeoutMicros
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.origin = this.clock === liveClock ? 0n : this.clock.monotonicTimeNanosUnsafe()
    this.ahead = recovered === undefined ? 0 : this.goingOnFrom(recovered) - this.clockMicros()
    const writer =
      journal === undefined
        ? undefined
        : new JournalWriter(journal, () => this.clock.currentTimeMillisUnsafe(), recovered)
    const dispatcher = Context.get(context, Scheduler).makeDispatcher()
    this.outbox = new Outbox(this.ledger, dispatcher, writer, () => {
      this.flush()
      if (this.overrun.length > 0) this.reportOverrun()
    })
    this.ledger.onOverrun = (lease) => this.overrun.push(lease)
    const now = () => this.now()
    this.leaseWatch = new LeaseWatch(this.outbox, now, () => this.clock.currentTimeMillisUnsafe())
    this.timer = new DueTimer(context, this.clock, now, () => this.command((ledger, at) => ledger.advance(at)))
  }

  /** The Ledger's time of a former start, and what the wall's has gone on since. */
  private goingOnFrom({ at, wall }: Recovered): number {
    return at + Math.max(0, Math.floor(this.clock.currentTimeMillisUnsafe() - wall)) * 1_000
  }

  /** Whole microseconds of a monotonic clock: Effect's, so that TestClock governs. */
  now(): number {
    return this.clockMicros() + this.ahead
  }

  private clockMicros(): number {
    // The live clock reads the same source through BigInt, at twice the cost.
    if (this.clock === liveClock) return Math.floor(performance.now() * 1_000)
    return Number((this.clock.monotonicTimeNanosUnsafe() - this.origin) / 1_000n)
  }

  /** The typed error of a refused claim. */
  readonly error = (refusal: Refusal): ClaimError => {
    const error = this.growError(refusal)
    // Only `grow` meets a lease that is gone, and says so by itself.
    return error._tag === "LeaseRevoked" ? invalidClaim("lease", error.lease, "a lease that is held") : error
  }

  readonly growError = (refusal: Refusal): ClaimError | LeaseRevoked =>
    refusal._tag === "ManagerStopped" && this.outbox.failure !== undefined
      ? stoppedBy(this.outbox.failure)
      : toError(refusal, this.formats, this.ledger.now)

  /** Goes on once all that was decided so far may be told. */
  private untilCommitted<E>(refuse: (failure: JournalFailed) => Effect.Effect<never, E>): Effect.Effect<void, E> {
    return Effect.suspend((): Effect.Effect<void, E> => {
      if (this.outbox.clean) return Effect.void
      return Effect.callback<void, E>((resume) => {
        const go = () => {
          const { failure } = this.outbox
          resume(failure === undefined ? Effect.void : refuse(failure))
        }
        this.outbox.whenCommitted(go)
        return Effect.sync(() => this.outbox.forget(go))
      })
    })
  }

  /** Completes once everything decided so far is in the journal. Dies with `JournalFailed` where it never will be. */
  readonly committed: Effect.Effect<void> = this.untilCommitted(Effect.die)

  /** The same for a claim: it fails as one that a stopped manager refuses. */
  readonly admitted: Effect.Effect<void, ManagerStopped> = this.untilCommitted((failure) =>
    Effect.fail(stoppedBy(failure))
  )

  /** An answer, told once what it rests on is committed. */
  told<A, E, R>(answer: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return this.outbox.journal === undefined ? answer : Effect.andThen(this.committed, answer)
  }

  /** The answer of a claim. */
  answered<A, E, R>(answer: Effect.Effect<A, E, R>): Effect.Effect<A, E | ManagerStopped, R> {
    return this.outbox.journal === undefined ? answer : Effect.andThen(this.admitted, answer)
  }

  /**
   * Runs a body inside a lease. One with an expiry is interrupted when it is taken
   * back. The return is registered before the claim is made, so that no step lies
   * between a grant and its return; one operation less than a mask would cost.
   */
  withLease<A, E, R>(
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | ClaimError | LeaseRevoked, R> {
    return Effect.withFiber((fiber) => {
      const outer = fiber.context
      const stay: Stay = { request: undefined, began: false, yields: false }
      return Effect.onExitPrimitive(
        Effect.suspend((): Effect.Effect<A, E | ClaimError | LeaseRevoked, R> => {
          const answer = this.ask(fiber, agent, claim, options)
          if (!(answer instanceof Request)) return this.answered(Effect.fail(this.error(answer)))
          stay.request = answer
          if (answer.status === "held") {
            if (this.outbox.journal === undefined) return this.enter(fiber, answer, stay, body, options)
            return Effect.flatMap(this.admitted, () => this.enter(fiber, answer, stay, body, options))
          }
          return Effect.flatMap(this.parked(answer, this.error), () => this.enter(fiber, answer, stay, body, options))
        }),
        () => {
          if (stay.request === undefined) return undefined
          fiber.setContext(outer)
          if (stay.yields) this.yieldUp(stay.request)
          else if (stay.began) this.release(stay.request)
          else this.giveUp(stay.request)
          return undefined
        }
      )
    })
  }

  /** The body, inside its lease. */
  private enter<A, E, R>(
    fiber: AnyFiber,
    lease: Request,
    stay: Stay,
    body: Effect.Effect<A, E, R>,
    options: WaitOptions | undefined
  ): Effect.Effect<A, E | LeaseRevoked, R> {
    // Expired, or to be stopped, before its waiter could be told: there is nothing to run inside of.
    if (lease.status !== "held" || lease.notice?.ending === true) return this.told(Effect.fail(leaseGone(lease)))
    const outer = fiber.context
    fiber.setContext(pushFrame(outer, this.frameOf(outer), this, lease))
    const guarded =
      lease.ttl === 0 && !lease.scheduling.preemptible
        ? body
        : options?.stopAt === "announcement"
          ? this.guardUntilTold(lease, body, stay)
          : this.guard(lease, body)
    if (willRunNext(fiber)) {
      stay.began = true
      return guarded
    }
    // The fiber may yield first, and be interrupted there before its body began.
    return Effect.suspend(() => {
      stay.began = true
      return guarded
    })
  }

  /** Waits for a grant. What is done with it is one uninterruptible step with it. */
  granted<A, R>(
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    more: ClaimOptions | undefined,
    use: (request: Request) => Effect.Effect<A, never, R>
  ): Effect.Effect<A, ClaimError, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.withFiber((fiber) => this.obtain(this.ask(fiber, agent, claim, options, more), restore, this.error)),
        use
      )
    )
  }

  /** A grant that is returned by whoever receives it, or the error. Runs in an uninterruptible region. */
  obtain<E>(
    answer: Request | Refusal,
    restore: Restore,
    errorOf: (refusal: Refusal) => E
  ): Effect.Effect<Request, E | ManagerStopped> {
    if (!(answer instanceof Request)) return this.answered(Effect.fail(errorOf(answer)))
    if (answer.status !== "held")
      return Effect.as(this.unlessGone(answer, restore(this.parked(answer, errorOf))), answer)
    if (this.outbox.journal === undefined) return Effect.succeed(answer)
    return Effect.as(this.unlessGone(answer, restore(this.admitted)), answer)
  }

  /** Asks the Ledger, from the place that the fiber is at. */
  ask(
    fiber: AnyFiber,
    agent: string,
    claim: Claim,
    options: WaitOptions | undefined,
    more?: ClaimOptions
  ): Request | Refusal {
    const now = this.now()
    const parent = this.scoped.innermost(fiber, this.frameOf(fiber.context), this)
    if (options === undefined && more === undefined && this.timeoutMicros === Infinity) {
      return this.flushed(this.ledger.claim(agent, claim, now, parent === undefined ? undefined : { parent }))
    }
    const resolved = this.resolve(parent, options, now, more)
    return "_tag" in resolved ? resolved : this.flushed(this.ledger.claim(agent, claim, now, resolved))
  }

  /** The same for more of a lease. */
  askMore(fiber: AnyFiber, lease: Request, claim: Claim, options: WaitOptions | undefined): Request | Refusal {
    const now = this.now()
    const parent = this.scoped.innermost(fiber, this.frameOf(fiber.context), this)
    const resolved = this.resolve(parent, options, now)
    return "_tag" in resolved ? resolved : this.flushed(this.ledger.grow(lease, claim, now, resolved))
  }

  /** Gives back some of what a lease holds. */
  shrink(lease: Request, amounts: Claim): Effect.Effect<void, InvalidClaim | LeaseRevoked> {
    const refusal = this.command((ledger, now) => {
      ledger.advance(now)
      return lease.status === "held" ? ledger.shrink(lease, amounts, now) : undefined
    })
    if (lease.status !== "held") return Effect.fail(leaseGone(lease))
    return refusal === undefined
      ? Effect.void
      : Effect.fail(invalidClaim(refusal.field, refusal.value, refusal.allowed))
  }

  /** The caller of a growth was told of it: it is not undone any more. */
  keep(growth: Request): void {
    // Without ids nobody can name it, and without a journal nobody has to know.
    if (this.ledger.books.index === undefined || this.outbox.failure !== undefined) return
    this.command((ledger, now) => ledger.keep(growth, now))
  }

  release(lease: Request): void {
    this.ledger.release(lease, this.now())
    this.flush()
  }

  /** The same as `guard`, but that it ends as soon as the lease is told to. */
  private guardUntilTold<A, E, R>(
    lease: Request,
    effect: Effect.Effect<A, E, R>,
    stay: Stay
  ): Effect.Effect<A, E | LeaseRevoked, R> {
    const told = Effect.flatMap(this.leaseWatch.preempted(lease), () => {
      stay.yields = true
      return Effect.fail(leaseGone(lease))
    })
    return Effect.raceFirst(this.guard(lease, effect), told)
  }

  /** The holder of a lease that was told to end has stopped. */
  private yieldUp(lease: Request): void {
    this.ledger.yieldUp(lease, this.now())
    this.flush()
  }

  /** Runs an effect that is interrupted, and fails with `LeaseRevoked`, when the lease is taken back. */
  guard<A, E, R>(lease: Request, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | LeaseRevoked, R> {
    if (lease.status !== "held") return Effect.fail(leaseGone(lease))
    return Effect.raceFirst(effect, Effect.flatMap(this.leaseWatch.revoked(lease), Effect.fail))
  }

  /** Takes back a grant that nobody received. */
  undo(lease: Request): void {
    this.ledger.undo(lease, this.now())
    this.flush()
  }

  /** A command of the Ledger at this instant. */
  command<A>(decide: (ledger: Ledger, now: number) => A): A {
    const answer = decide(this.ledger, this.now())
    this.flush()
    return answer
  }

  /** Tells whoever is concerned of the last command, soon, and arms the timer. */
  flush(): void {
    this.outbox.flush()
    this.timer.expect(this.ledger.nextDueAt)
    this.onDecided?.()
  }

  /** Ends the timer and the journal. Whatever still waits has been failed before. */
  close(): void {
    this.outbox.finish()
    this.outbox.flush()
    this.timer.close()
  }

  /** The innermost body that a context is in. Contexts never change, so the last answer is kept. */
  private frameOf(context: Context.Context<never>): Frame | undefined {
    if (context !== this.lastContext) {
      this.lastFrame = Context.get(context, Nesting)
      this.lastContext = context
    }
    return this.lastFrame
  }

  /** What the Ledger is told of a claim inside a lease, or what is wrong with its options. */
  resolve(
    parent: Request | undefined,
    options: WaitOptions | undefined,
    now: number,
    more?: ClaimOptions
  ): ClaimOptions | Refusal {
    return readWait(parent, options, this, now, more)
  }

  private flushed<A>(answer: A): A {
    this.flush()
    return answer
  }

  /** Suspends until a queued request is settled. Fails with what it left the queue for. */
  private parked<E>(request: Request, errorOf: (refusal: Refusal) => E): Effect.Effect<void, E> {
    return Effect.callback<void, E>((resume) => {
      const tell = () => resume(this.outcome(request, errorOf))
      if (request.status === "waiting") request.onSettled = tell
      // It was settled before this fiber got here.
      else this.outbox.whenCommitted(tell)
    })
  }

  /** What a request that does not wait any more has come to. */
  outcome<E>(request: Request, errorOf: (refusal: Refusal) => E): Effect.Effect<void, E> {
    // What was granted and is in no journal was not granted.
    if (this.outbox.failure !== undefined) return Effect.fail(errorOf({ _tag: "ManagerStopped" }))
    return request.status === "left" && request.refusal !== undefined
      ? Effect.fail(errorOf(request.refusal))
      : Effect.void
  }

  /** Waits for a request, in an uninterruptible region: it is given up if its fiber goes. */
  private unlessGone<E>(request: Request, wait: Effect.Effect<void, E>): Effect.Effect<void, E> {
    return Effect.onExitPrimitive(
      wait,
      (exit) => {
        if (Exit.isFailure(exit)) this.giveUp(request)
        return undefined
      },
      true
    )
  }

  /** Nobody will use the request: it leaves the queue, or its grant is undone. */
  giveUp(request: Request): void {
    request.onSettled = undefined
    this.ledger.giveUp(request, this.now())
    this.flush()
  }

  /** Says which holders did not stop in time. */
  private reportOverrun(): void {
    const leases = this.overrun.map(({ agent, id, token }) => `${id} of ${agent.id}, with token ${token}`).join("; ")
    this.overrun = []
    Effect.runForkWith(this.context)(
      Effect.logWarning(`taken by force from holders that did not stop in time: lease ${leases}`)
    )
  }
}
