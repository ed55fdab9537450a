/**
 * Starts a daemon in the background where none answers.
 *
 * Two that start one at once start two: the lock of the state folder lets one of
 * these live, and both find that.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { closeSync, openSync, readSync, statSync } from "node:fs"
import { parse } from "./Address.ts"
import { type InvalidAddress, LaunchFailed } from "./Errors.ts"
import * as ClientTransport from "./internal/clientTransport.ts"
import * as Detached from "./process/Detached.ts"

export interface LaunchOptions {
  /** Where it will listen. */
  readonly address: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Added to the environment of this process; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** What it writes is appended here. */
  readonly log: string
  /** How long it may take to answer. Default 10 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/** Why it is not there, in its own words: the end of what it wrote. */
const logBytesMax = 4_096

const readLog = (path: string, from: number): string => {
  try {
    const { size } = statSync(path)
    const start = Math.max(from, size - logBytesMax)
    const bytes = Buffer.alloc(size - start)
    const file = openSync(path, "r")
    try {
      readSync(file, bytes, 0, bytes.length, start)
    } finally {
      closeSync(file)
    }
    return bytes.toString("utf8").trim()
  } catch {
    return ""
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Says so in the log when the daemon ends: who waits for it need not wait in vain. */
const script =
  '"$@" || { code=$?; echo "resource-manager: the daemon ended with $code ($RESOURCE_MANAGER_LAUNCH)"; exit $code; }'

/** After one's own daemon ended: another's may be on its way. */
const otherMillis = 1_000

/** Completes once a daemon answers at the address: whether it was started for that. */
export const ensure = Effect.fnUntraced(function* (
  options: LaunchOptions
): Effect.fn.Return<boolean, LaunchFailed | InvalidAddress> {
  const address = yield* parse(options.address)
  const answers = ClientTransport.answers(address)
  if (yield* answers) return false
  const launch = randomBytes(6).toString("hex")
  const from = sizeOf(options.log)
  const commandLine = [options.command, ...options.args].join(" ")
  const failed = (why: string) =>
    new LaunchFailed({
      command: commandLine,
      log: options.log,
      message: `the daemon ${why}; its log, ${options.log}, ends with:\n${readLog(options.log, from) || "(nothing)"}`
    })
  yield* Effect.mapError(
    Detached.start({
      command: "/bin/sh",
      args: ["-c", script, "resource-manager", options.command, ...options.args],
      env: { ...options.env, RESOURCE_MANAGER_LAUNCH: launch },
      log: options.log
    }),
    (error) => failed(`was not started: ${error.detail}`)
  )
  const timeoutMillis = Duration.toMillis(options.timeout ?? "10 seconds")
  const startedAt = performance.now()
  let endedAt: number | undefined
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 100)) {
    if (yield* answers) return true
    const now = performance.now()
    if (now - startedAt > timeoutMillis) return yield* failed(`did not answer within ${timeoutMillis} ms`)
    if (endedAt === undefined && readLog(options.log, from).includes(`(${launch})`)) endedAt = now
    if (endedAt !== undefined && now - endedAt > otherMillis) return yield* failed("ended")
    yield* Effect.sleep(pause)
  }
})
