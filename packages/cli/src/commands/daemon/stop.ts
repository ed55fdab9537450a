/** `stop`: ends the daemon, and waits until it has. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { exitCodes } from "../../exitCodes.ts"
import { CommandFailed, failed } from "../../frame/CommandFailed.ts"
import { confirm } from "../../frame/confirm.ts"
import { connect, type Daemon, withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { StopOutput } from "../../output/daemon.ts"
import { counted } from "../../render/amounts.ts"

/** Longer than any grace period that makes sense. */
const endTimeout = "60 seconds"

const isGone = (error: unknown): boolean => error instanceof CommandFailed && error.code === exitCodes.unreachable

/** The daemon may be gone before it has answered. */
const askToEnd = (daemon: Daemon) =>
  Effect.flatMap(Effect.exit(daemon.call((rpc) => rpc.Shutdown())), (exit) =>
    Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) || isGone(Cause.squash(exit.cause)) ? Effect.void : exit
  )

const waitForEnd = (address: Option.Option<string>, pid: number) =>
  Effect.scoped(connect(address)).pipe(
    Effect.match({ onSuccess: () => false, onFailure: isGone }),
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (gone) => gone }),
    Effect.timeoutOrElse({
      duration: endTimeout,
      orElse: () =>
        Effect.fail(
          failed(exitCodes.refused, `the daemon with pid ${pid} was told to end, and has not yet; its log says why`)
        )
    })
  )

export const stop = Effect.fnUntraced(function* (address: Option.Option<string>, yes: boolean) {
  const pid = yield* withDaemon(
    address,
    Effect.fnUntraced(function* (daemon) {
      const { durable, leases, pid, waiters } = yield* daemon.call((rpc) => rpc.Status())
      const held = `${counted(leases, "lease")} and ${counted(waiters, "wait")}`
      const then = durable ? `the next one goes on with ${held}` : `${held} end with it`
      const note = leases + waiters === 0 ? "Nothing is held." : `Note: ${then}.`
      yield* confirm(`Stop the daemon with pid ${pid}? ${note}`, yes)
      yield* askToEnd(daemon)
      return pid
    })
  )
  yield* waitForEnd(address, pid)
  yield* print({
    schema: StopOutput,
    value: { stopped: true, pid },
    lines: () => [`stopped the daemon with pid ${pid}`]
  })
})
