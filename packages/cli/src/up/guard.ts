/**
 * The process beside `up` that ends its commands when `up` is killed: the daemon that
 * would end them is in the same process.
 */
import * as Guard from "@resource-manager/daemon/process/Guard"
import { ProcessTable } from "@resource-manager/daemon/process/ProcessTable"
import * as Effect from "effect/Effect"
import { binary } from "../program.ts"
import { guardArgument } from "./guardArgument.ts"

export const start = Effect.suspend(() => Guard.start(process.execPath, [...process.execArgv, binary(), guardArgument]))

/** The guard itself. What tells others to end is not for it: it ends when its work is done. */
export const main = (): Promise<void> => {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)
  return Effect.runPromise(Effect.provide(Guard.watch(process.stdin), ProcessTable.layer))
}
