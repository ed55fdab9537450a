/** What a command asks the daemon before it prints: an answer, and how its amounts read. */
import type { Overview } from "@resource-manager/daemon/Protocol"
import * as Effect from "effect/Effect"
import { exitCodes } from "../exitCodes.ts"
import { type Types, typesFrom } from "../render/amounts.ts"
import { unknownName } from "../config/problems.ts"
import { type CommandFailed, failed } from "./CommandFailed.ts"
import type { Daemon } from "./daemon.ts"

export interface Answer {
  readonly overview: Overview
  readonly types: Types
}

/** Everything at one instant. */
export const overviewOf = (daemon: Daemon): Effect.Effect<Answer, CommandFailed> =>
  Effect.map(
    daemon.call((rpc) => rpc.Overview()),
    (overview) => ({ overview, types: typesFrom(overview.types) })
  )

export const typesOf = (daemon: Daemon): Effect.Effect<Types, CommandFailed> =>
  Effect.map(
    daemon.call((rpc) => rpc.Types()),
    typesFrom
  )

/** The one of that name, or what there is instead. */
export const find = <A>(
  what: string,
  name: string,
  all: ReadonlyArray<A>,
  nameOf: (one: A) => string
): Effect.Effect<A, CommandFailed> => {
  const found = all.find((one) => nameOf(one) === name)
  if (found !== undefined) return Effect.succeed(found)
  return Effect.fail(failed(exitCodes.refused, `${name}: ${unknownName(what, name, all.map(nameOf))}`))
}
