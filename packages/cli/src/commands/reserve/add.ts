/** `reserve add`: promises capacity. */
import type { HolderInput } from "@resource-manager/core/Reservation"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { readDuration, readPriority } from "../../config/units.ts"
import { exitCodes } from "../../exitCodes.ts"
import { readAmounts } from "../../frame/amounts.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { ReservationOutput } from "../../output/daemon.ts"
import { reservationLine } from "../../render/reservations.ts"
import { readInstant } from "./when.ts"

export interface AddOptions {
  readonly connect: Option.Option<string>
  readonly agent: Option.Option<string>
  readonly group: Option.Option<string>
  readonly priority: Option.Option<string>
  readonly startsIn: Option.Option<string>
  readonly at: Option.Option<string>
  readonly lasting: Option.Option<string>
  readonly note: Option.Option<string>
  readonly amounts: ReadonlyArray<string>
}

const usage = (problem: string) => failed(exitCodes.usage, problem)

const wrong = (name: string, value: string, allowed: string) =>
  Effect.fail(usage(`${name} is ${JSON.stringify(value)}; allowed: ${allowed}`))

const atLeast = (priority: number | string): HolderInput => (typeof priority === "number" ? { priority } : { priority })

const holderOf = ({ agent, group, priority: written }: AddOptions) => {
  const priority = Option.map(written, readPriority)
  if (Option.isSome(priority) && Result.isFailure(priority.value)) {
    return wrong(
      "--priority",
      Option.getOrElse(written, () => ""),
      priority.value.failure
    )
  }
  const holders: ReadonlyArray<HolderInput> = [
    ...Option.toArray(Option.map(agent, (name): HolderInput => ({ agent: name }))),
    ...Option.toArray(Option.map(group, (name): HolderInput => ({ group: name }))),
    ...Option.toArray(Option.map(Option.flatMap(priority, Result.getSuccess), atLeast))
  ]
  const [holder] = holders
  return holder !== undefined && holders.length === 1
    ? Effect.succeed(holder)
    : Effect.fail(
        usage(`reserve add needs whom it is for: one of --agent, --group and --priority, not ${holders.length}`)
      )
}

const durationOf = (flag: string, text: Option.Option<string>) =>
  Option.match(text, {
    onNone: () => Effect.succeed(undefined),
    onSome: (written) => {
      const read = readDuration(written)
      return Result.isSuccess(read) ? Effect.succeed(read.success) : wrong(flag, written, read.failure)
    }
  })

const startOf = Effect.fnUntraced(function* ({ at, startsIn }: AddOptions) {
  if (Option.isNone(at)) return yield* durationOf("--in", startsIn)
  if (Option.isSome(startsIn))
    return yield* Effect.fail(usage("--in and --at both say when it begins; allowed: one of them"))
  const read = readInstant(at.value, yield* Clock.currentTimeMillis)
  return Result.isSuccess(read) ? Duration.millis(read.success) : yield* wrong("--at", at.value, read.failure)
})

/** As a daemon takes durations. */
const span = (duration: Duration.Duration): string => `${Duration.toMillis(duration)} millis`

export const add = (options: AddOptions) =>
  withDaemon(
    options.connect,
    Effect.fnUntraced(function* (daemon) {
      const holder = yield* holderOf(options)
      const startsIn = yield* startOf(options)
      const lasts = yield* durationOf("--lasting", options.lasting)
      const types = yield* typesOf(daemon)
      const claim = yield* readAmounts(types, options.amounts, {
        name: "POOL=AMOUNT",
        such: "such as cpu=4 or memory=8GiB"
      })
      const made = yield* daemon.call((rpc) =>
        rpc.Reserve({
          for: holder,
          claim,
          ...(startsIn === undefined ? {} : { startsIn: span(startsIn) }),
          ...(lasts === undefined ? {} : { lasts: span(lasts) }),
          ...(Option.isNone(options.note) ? {} : { note: options.note.value })
        })
      )
      yield* print({ schema: ReservationOutput, value: made, types, lines: (sheet) => [reservationLine(made, sheet)] })
    })
  )
