/**
 * `up`: runs the agents of a file under a manager of their own, shows them while they
 * work, and sums up.
 *
 * 1. Told to end by a signal, it ends everything in order (see `supervision.ts`), sums
 *    up and ends with 130. A second signal kills what is left. A third ends at once.
 * 2. However it ends, no command of it goes on: where it is killed by SIGKILL, a process
 *    beside it ends them (see `guard.ts`).
 * 3. Standard output has the table and the summary, or with `--json` the summary
 *    alone; what the manager logs and what goes wrong is on standard error then.
 */
import type { PoolStatistics } from "@resource-manager/core/Statistics"
import * as ProcessTable from "@resource-manager/daemon/process/ProcessTable"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Places from "@resource-manager/daemon/Places"
import { exitCodes } from "../exitCodes.ts"
import { told } from "../frame/CommandFailed.ts"
import { Json } from "../frame/flags.ts"
import { print, sheetFor } from "../frame/output.ts"
import { type Types, typesOf } from "../render/amounts.ts"
import { whyShort } from "../render/reasons.ts"
import { howToKill, upFrame, upLine, upSummary } from "../render/up.ts"
import type { WaiterView } from "../render/views.ts"
import { printableLine } from "../printable.ts"
import { programName } from "../program.ts"
import { toServeFailure } from "../serve/failure.ts"
import { AgentRunner } from "./AgentRunner.ts"
import { embed, type Embedded } from "./embedded.ts"
import * as Guard from "./guard.ts"
import { load } from "./load.ts"
import { OutputLines } from "./output.ts"
import type { Instance, Plan } from "./plan.ts"
import * as processes from "./processes.ts"
import { Screen } from "./screen.ts"
import { agentsOf, summaryOf, UpSummary, viewOf, type Why } from "./summary.ts"
import * as Supervisor from "./Supervisor.ts"
import type { InstanceState, State } from "./supervision.ts"

/** Which output of commands is shown: of those that failed its last lines, all of it as it comes, or none. */
export type OutputMode = "failed" | "all" | "none"

export interface UpOptions {
  readonly file: string
  readonly output: OutputMode
}

const frameMillis = 200

const sameClaim = (left: WaiterView["claim"], right: WaiterView["claim"]): boolean => {
  const entries = Object.entries(left)
  return entries.length === Object.keys(right).length && entries.every(([type, amount]) => right[type] === amount)
}

/** Why an instance waits: of its agent's waiters, the one with its claim that has waited about as long. */
const whyOf =
  (waiters: ReadonlyArray<WaiterView>, types: Types, now: number): Why =>
  ({ instance, status }) => {
    const waited = status._tag === "Waiting" ? now - status.since : 0
    const distance = (waiter: WaiterView) => Math.abs(waiter.waitedMillis - waited)
    const own = waiters
      .filter(({ agent, claim }) => agent === instance.agent && sameClaim(claim, instance.claim))
      .toSorted((a, b) => distance(a) - distance(b))[0]
    return own === undefined ? "asks, or its own quota is used up" : whyShort(own, types)
  }

/** Where lines of it go: with `--json` standard output is for the summary alone. */
const makeScreen = (json: boolean): Screen => {
  const { isTTY } = process.stdout
  return new Screen({
    isTerminal: !json && isTTY && process.env["TERM"] !== "dumb",
    write: (text) => void (json ? process.stderr : process.stdout).write(text)
  })
}

/** What is logged meanwhile stands above the table. */
const logTo = (screen: Screen) =>
  Logger.layer([
    Logger.make(({ cause, logLevel, message }): void => {
      const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
      const text = parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ")
      const why = cause.reasons.length === 0 ? [] : Cause.pretty(cause).split("\n")
      screen.print([`${logLevel.toLowerCase()}: ${text}`, ...why].map(printableLine))
    })
  ])

class Outputs {
  private readonly lines = new Map<string, OutputLines>()
  private readonly screen: Screen
  private readonly mode: OutputMode

  constructor(screen: Screen, mode: OutputMode) {
    this.screen = screen
    this.mode = mode
  }

  /** Of a new attempt. */
  begin({ id }: Instance): OutputLines {
    const lines = new OutputLines((line) => {
      if (this.mode === "all") this.screen.print([`${id} | ${line}`])
    })
    this.lines.set(id, lines)
    return lines
  }

  end({ id }: Instance): void {
    this.lines.get(id)?.end()
  }

  /** The last lines of an attempt that failed. */
  told({ id }: Instance): void {
    const last = this.lines.get(id)?.last ?? []
    if (this.mode === "failed") this.screen.print(last.map((line) => `${id} | ${line}`))
  }
}

/** Whether the attempt that has just ended failed by itself. */
const hasFailed = (entry: InstanceState, before: InstanceState | undefined): boolean => {
  const last = entry.outcomes.at(-1)
  if (before === undefined || last === before.outcomes.at(-1) || last === undefined) return false
  return last._tag === "Exited" ? last.code !== 0 : last._tag === "Signalled" || last._tag === "TimedOut"
}

interface Session {
  readonly plan: Plan
  readonly embedded: Embedded
  readonly screen: Screen
  readonly outputs: Outputs
  readonly types: Types
  readonly killNow: () => void
  readonly supervisor: Supervisor.Supervisor
  readonly beganAt: number
}

const look = Effect.fnUntraced(function* ({ beganAt, embedded, supervisor, types }: Session) {
  const pools: ReadonlyArray<PoolStatistics> = yield* embedded.home.pools
  const waiters = yield* embedded.home.waiters
  const now = supervisor.now()
  return viewOf(supervisor.state(), pools, { now, beganAt }, whyOf(waiters, types, now))
})

/** Draws for as long as it is let. */
const drawing = (session: Session) =>
  Effect.gen(function* () {
    const { screen, types } = session
    const view = yield* look(session)
    const { columns } = process.stdout
    const sheet = sheetFor(types)
    const rows = process.stdout.rows > 2 ? process.stdout.rows - 1 : 23
    // The last column stays free: some terminals go on in the next line there.
    screen.draw(upFrame(view, { ...sheet, width: columns > 1 ? columns - 1 : sheet.width }, rows))
    yield* Effect.sleep(frameMillis)
  }).pipe(Effect.forever)

/** Tells what changed, as lines where no table is drawn. */
const telling =
  (screen: Screen, outputs: Outputs, types: Types, beganAt: () => number, now: () => number) =>
  (state: State, before: State) =>
    Effect.sync(() => {
      for (const [id, entry] of state.instances) {
        const old = before.instances.get(id)
        if (hasFailed(entry, old)) outputs.told(entry.instance)
        if (screen.isTerminal || entry.status._tag === old?.status._tag) continue
        const agent = agentsOf({ ...state, instances: new Map([[id, entry]]) }, now(), () => "")[0]
        if (agent !== undefined) screen.print([upLine(agent, now() - beganAt(), sheetFor(types))])
      }
    })

const begin = Effect.fnUntraced(function* (options: UpOptions, screen: Screen) {
  const { plan, settings } = yield* load(options.file, Places.make(process.env))
  const embedded = yield* Effect.mapError(embed(settings), toServeFailure)
  const outputs = new Outputs(screen, options.output)
  const types = typesOf(yield* embedded.home.types)
  const { killNow, runner } = yield* processes.make({
    guard: yield* Guard.start,
    manager: embedded.client,
    daemon: embedded.daemon,
    env: { RESOURCE_MANAGER_CONNECT: embedded.address, RESOURCE_MANAGER_LEASE: undefined },
    output: (instance) => {
      const lines = outputs.begin(instance)
      return (chunk, stream) => lines.take(chunk, stream)
    },
    silent: (instance) => outputs.end(instance),
    say: (line) => screen.print([printableLine(`${programName}: ${line}`)])
  })
  // Nothing of it outlives this process, whatever ends it.
  process.on("exit", killNow)
  let beganAt = 0
  const supervisor: Supervisor.Supervisor = yield* Supervisor.make(plan, (state, before) =>
    telling(screen, outputs, types, () => beganAt, supervisor.now)(state, before)
  ).pipe(Effect.provideService(AgentRunner, runner))
  beganAt = supervisor.now()
  const session: Session = { plan, embedded, screen, outputs, types, killNow, supervisor, beganAt }
  return session
})

/** Killed, the commands end by themselves for whoever waits for them, and all is summed up as ever. */
const heedMoreSignals = ({ killNow, screen }: Session) =>
  Effect.sync(() => {
    let isKilled = false
    const heed = () => {
      killNow()
      if (!isKilled) {
        isKilled = true
        return
      }
      screen.close()
      process.exit(exitCodes.interrupted)
    }
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, heed)
  })

/** Runs to the end, or until a signal and then to the end. Whether it was a signal. */
const supervise = Effect.fnUntraced(function* (
  session: Session,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) {
  const { screen, supervisor } = session
  const running = yield* Effect.forkChild(supervisor.run, { startImmediately: true })
  const painter = screen.isTerminal ? yield* Effect.forkChild(Effect.interruptible(drawing(session))) : undefined
  const waited = yield* Effect.exit(restore(Fiber.await(running)))
  const isSignal = Exit.isFailure(waited)
  if (isSignal) {
    yield* heedMoreSignals(session)
    yield* supervisor.stop("interrupted")
    if (!screen.isTerminal) screen.print([`${programName}: interrupted: ${howToKill}`])
  }
  const state = yield* Fiber.join(running)
  if (painter !== undefined) yield* Fiber.interrupt(painter)
  screen.close()
  return { state, isSignal }
})

export const up = Effect.fnUntraced(function* (options: UpOptions) {
  const json = yield* Json
  const screen = makeScreen(json)
  // A terminal that closes is as good as a signal to end.
  process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"))
  yield* Effect.uninterruptibleMask((restore) =>
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* restore(begin(options, screen))
        const { isSignal, state } = yield* supervise(session, restore)
        const view = yield* look(session)
        const summary = summaryOf(state, view.pools, view.elapsedMillis)
        yield* print({
          schema: UpSummary,
          value: summary,
          types: session.types,
          lines: (sheet) => upSummary(view, sheet)
        })
        process.removeListener("exit", session.killNow)
        if (isSignal) return yield* told(exitCodes.interrupted)
        if (!summary.ok) return yield* told(exitCodes.agents)
        return undefined
      })
    )
  ).pipe(
    Effect.provide([logTo(screen), ProcessTable.ProcessTable.layer]),
    Effect.onExit(() => Effect.sync(() => screen.close()))
  )
})
