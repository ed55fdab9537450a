/** `events`: what the manager decides, as it decides it. */
import type { DaemonEvent } from "@resource-manager/daemon/Protocol"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { withDaemon } from "../../frame/daemon.ts"
import { printOne, sheetFor } from "../../frame/output.ts"
import { typesOf } from "../../frame/question.ts"
import { EventOutput } from "../../output/daemon.ts"
import { EventPrinter, type TimedEvent } from "../../render/events.ts"

export const events = (connect: Option.Option<string>, limit: Option.Option<number>) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const types = yield* typesOf(daemon)
      const printer = new EventPrinter(sheetFor(types))
      // The daemon speaks the same version of the protocol: its events are those that this program knows.
      const lineOf = (event: DaemonEvent) => printer.line(event as unknown as TimedEvent)
      const following = daemon.stream((rpc) => rpc.Events())
      yield* Option.match(limit, { onNone: () => following, onSome: (count) => Stream.take(following, count) }).pipe(
        Stream.runForEach((event) =>
          printOne({ schema: EventOutput, value: event, types, lines: () => [lineOf(event)] })
        )
      )
    })
  )
