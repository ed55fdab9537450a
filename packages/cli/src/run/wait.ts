/** A claim's wait, told while it lasts. */
import type { Claim, SchedulingOptions } from "@resource-manager/core/Claim"
import type { ClaimError } from "@resource-manager/core/Errors"
import type { Lease } from "@resource-manager/core/Lease"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { WaiterView } from "@resource-manager/core/Statistics"
import { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Types } from "../render/amounts.ts"
import { programName } from "../program.ts"
import { awayLine, notNow, waitingLine } from "../render/run.ts"
import type { Sheet } from "../render/views.ts"
import { claimFailed, runExitCodes, runFailed, type RunFailed } from "./failure.ts"
import type { Progress } from "./progress.ts"

export interface WaitRequest {
  readonly agent: string
  readonly claim: Claim
  /** Which of it are budgets. */
  readonly budgets: ReadonlyArray<string>
  readonly timeout: Duration.Duration | undefined
  readonly isTry: boolean
  readonly scheduling: SchedulingOptions
  /** Run now and then while the daemon does not answer. */
  readonly onAway: Effect.Effect<void>
}

const millis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const sameClaim = (left: Claim, right: Claim): boolean => {
  const [a, b] = [Object.entries(left), Object.entries(right)]
  return a.length === b.length && a.every(([type, amount]) => right[type] === amount)
}

/**
 * Which of its agent's waiters this is: the one with the same claim that has waited
 * about as long. Two that began together are told each other's reasons at worst.
 */
export const ownWaiter = (
  waiters: ReadonlyArray<WaiterView>,
  claim: Claim,
  waitedMillis: number
): WaiterView | undefined => {
  const distance = (waiter: WaiterView): number => Math.abs(waiter.waitedMillis - waitedMillis)
  return waiters
    .filter((waiter) => sameClaim(waiter.claim, claim))
    .toSorted((left, right) => distance(left) - distance(right))[0]
}

/** How long the daemon may take to say why one waits. */
const answerMillis = 3_000

/** Tells why and how long, for as long as it is let. */
const telling = Effect.fnUntraced(function* (request: WaitRequest, progress: Progress, sheet: () => Sheet) {
  const daemon = yield* DaemonConnection
  const begun = yield* millis
  while (true) {
    yield* Effect.sleep(progress.nextInMillis((yield* millis) - begun))
    const looked = yield* daemon
      .call((rpc) => rpc.Explain({ agent: request.agent }))
      .pipe(Effect.option, Effect.timeoutOption(answerMillis))
    const waited = (yield* millis) - begun
    if (Option.isNone(looked)) {
      progress.tell(waited, awayLine(request.agent, waited, sheet()))
      yield* request.onAway
      continue
    }
    const own = Option.isNone(looked.value) ? undefined : ownWaiter(looked.value.value, request.claim, waited)
    // Granted this moment: the next look tells.
    if (own !== undefined) progress.tell(waited, waitingLine(own, sheet()))
    else yield* Effect.sleep(100)
  }
})

const now = Effect.fnUntraced(function* (request: WaitRequest, sheet: Sheet) {
  const manager = yield* ResourceManager
  const lease = yield* Effect.mapError(
    manager.tryLease(request.agent, request.claim, request.scheduling),
    claimFailed(request.budgets)
  )
  if (Option.isSome(lease)) return lease.value
  const check = yield* manager.check(request.agent, request.claim, request.scheduling)
  const why = check.granted
    ? ["it was not free a moment ago"]
    : [
        ...notNow(check, sheet),
        ...(check.passing === undefined
          ? []
          : [`without --try it goes past those before it at once (${check.passing})`]),
        `who holds it: \`${programName} leases list\``
      ]
  return yield* runFailed(runExitCodes.notGranted, ["not granted now:", ...why].join("\n  "))
})

/** The lease, until the scope closes. */
export const granted = (
  request: WaitRequest,
  progress: Progress,
  sheet: (types: Types) => Sheet,
  types: Types
): Effect.Effect<Lease, RunFailed, ResourceManager | DaemonConnection | Scope.Scope> => {
  if (request.isTry) return now(request, sheet(types))
  const { agent, claim, scheduling, timeout } = request
  const lease: Effect.Effect<Lease, ClaimError, ResourceManager | Scope.Scope> = Effect.flatMap(
    ResourceManager,
    (manager) => manager.lease(agent, claim, timeout === undefined ? scheduling : { ...scheduling, timeout })
  )
  return Effect.acquireUseRelease(
    Effect.forkChild(telling(request, progress, () => sheet(types))),
    () => Effect.mapError(lease, claimFailed(request.budgets)),
    (teller) =>
      Effect.andThen(
        Fiber.interrupt(teller),
        Effect.sync(() => progress.clear())
      )
  )
}
