/**
 * `top` on a terminal: asks the source at every interval, draws what it answers, and
 * follows keys and the size of the terminal meanwhile.
 *
 * - One fiber draws; the source, the keys and the sizes each have a fiber that only
 *   tells it. A slow source delays neither keys nor resizing.
 * - A source that fails is told on the screen and asked again at the next interval:
 *   a daemon that restarts comes back by itself.
 * - Whatever ends it, interruption included, the terminal gets its own screen, its
 *   cursor and its wrapping back. (A process that ends without running finalizers
 *   has to write `leaveScreen` itself.)
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { Terminal, type Size, type UserInput } from "effect/Terminal"
import type { Types } from "../render/amounts.ts"
import type { Style } from "../render/style.ts"
import type { Zone } from "../render/time.ts"
import { topFrame, type TopView } from "../render/top/frame.ts"
import type { Sample } from "../render/top/rates.ts"
import { enterScreen, type Frame, leaveScreen, redraw } from "../render/top/redraw.ts"
import { initialState, type KeyPress, press } from "../render/top/state.ts"
import type { OverviewView } from "../render/views.ts"

/** What the source answers: everything at one instant, and how amounts read. */
export interface Look {
  readonly overview: OverviewView
  readonly types: Types
}

export interface TopOptions<E, R> {
  readonly source: Effect.Effect<Look, E, R>
  /** Time between two looks. Default one second. */
  readonly interval?: Duration.Input | undefined
  readonly style: Style
  /** Whose clock the instants are read by. Default the machine's. */
  readonly zone?: Zone | undefined
  /** An error of the source as one line. Its message unless given. */
  readonly describe?: ((error: E) => string) | undefined
}

type Event =
  | { readonly _tag: "Looked"; readonly look: Look; readonly takenAt: number }
  | { readonly _tag: "Failed"; readonly problem: string }
  | { readonly _tag: "Pressed"; readonly key: KeyPress }
  | { readonly _tag: "Resized"; readonly size: Size }
  | { readonly _tag: "Closed" }

interface Screen extends TopView {
  readonly types: Types
  readonly size: Size
  readonly page: number
}

/** Where a terminal does not say how large it is. */
const usualSize: Size = { columns: 80, rows: 24 }

const sized = ({ columns, rows }: Size): Size => ({
  columns: columns > 0 ? columns : usualSize.columns,
  rows: rows > 0 ? rows : usualSize.rows
})

const keyOf = ({ input, key }: UserInput): KeyPress => ({
  name: key.name,
  ctrl: key.ctrl,
  shift: key.shift,
  character: Option.getOrUndefined(input)
})

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What an event makes of the screen; `quit` where it ends it. */
const follow = (screen: Screen, event: Event): Screen | "quit" => {
  switch (event._tag) {
    case "Closed":
      return "quit"
    case "Resized":
      return { ...screen, size: sized(event.size) }
    case "Failed":
      return { ...screen, problem: event.problem }
    case "Looked": {
      // Whoever paused wants to read, and what came since is no news.
      if (screen.state.paused) return screen
      const { overview, types } = event.look
      const sample: Sample = { takenAt: event.takenAt, overview }
      return { ...screen, sample, types, previous: screen.sample, problem: undefined }
    }
    case "Pressed": {
      const state = press(screen.state, event.key, screen.page)
      return state === "quit" ? state : { ...screen, state }
    }
  }
}

const looks = <E, R>(options: TopOptions<E, R>, events: Queue.Queue<Event>): Effect.Effect<never, never, R> => {
  const describe = options.describe ?? messageOf
  const look = Effect.gen(function* () {
    const look = yield* options.source
    const takenAt = yield* Clock.currentTimeMillis
    yield* Queue.offer(events, { _tag: "Looked", look, takenAt })
  }).pipe(
    Effect.catch((error) => Queue.offer(events, { _tag: "Failed", problem: describe(error) })),
    // A screen that stood still would not tell that nobody asks any more.
    Effect.catchDefect((defect) => Queue.offer(events, { _tag: "Failed", problem: messageOf(defect) }))
  )
  return Effect.forever(Effect.andThen(look, Effect.sleep(options.interval ?? "1 second")))
}

/** Tells all that a queue holds until it ends. */
const tell = <A>(from: Queue.Dequeue<A, unknown>, events: Queue.Queue<Event>, event: (value: A) => Event) =>
  Effect.forever(Effect.flatMap(Queue.take(from), (value) => Queue.offer(events, event(value)))).pipe(Effect.ignore)

const onScreen: Effect.Effect<void, PlatformError, Terminal | Scope.Scope> = Effect.gen(function* () {
  const terminal = yield* Terminal
  yield* Effect.acquireRelease(terminal.display(enterScreen), () => Effect.ignore(terminal.display(leaveScreen)))
})

const program = Effect.fnUntraced(function* <E, R>(options: TopOptions<E, R>) {
  const terminal = yield* Terminal
  const events = yield* Queue.unbounded<Event>()
  const input = yield* terminal.readInput
  const sizes = yield* terminal.size
  yield* onScreen
  // Without anybody at the keys nobody could quit.
  const keys = Effect.andThen(
    tell(input, events, (pressed) => ({ _tag: "Pressed", key: keyOf(pressed) })),
    Queue.offer(events, { _tag: "Closed" })
  )
  yield* Effect.forkScoped(keys)
  yield* Effect.forkScoped(tell(sizes, events, (size) => ({ _tag: "Resized", size })))
  yield* Effect.forkScoped(looks(options, events))

  let shown: Frame | undefined
  let screen: Screen = {
    sample: undefined,
    previous: undefined,
    state: initialState,
    types: new Map(),
    size: sized({ columns: yield* terminal.columns, rows: yield* terminal.rows }),
    page: 0
  }
  for (;;) {
    const { columns, rows } = screen.size
    const sheet = { width: columns, style: options.style, types: screen.types, zone: options.zone ?? "local" }
    const { lines, page, scroll } = topFrame(screen, sheet, rows)
    screen = { ...screen, page, state: { ...screen.state, scroll } }
    const frame: Frame = { lines, columns, rows }
    const text = redraw(shown, frame)
    if (text !== "") yield* terminal.display(text)
    shown = frame
    // All that has happened meanwhile is drawn at once.
    for (const event of yield* Queue.takeAll(events)) {
      const next = follow(screen, event)
      if (next === "quit") return
      screen = next
    }
  }
})

/** The live screen, until a person quits or the keys end. */
export const top = <E, R>(options: TopOptions<E, R>): Effect.Effect<void, PlatformError, R | Terminal> =>
  Effect.scoped(program(options))
