/** Programs on a terminal of their own, typed into by the test: through util-linux's `script`. */
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { eventually } from "./support.ts"

/** Only util-linux's takes these options. */
export const hasTerminals = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "")

export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export interface Terminal {
  readonly type: (text: string) => Effect.Effect<void>
  /** Waits until the screen has shown this since the last call, and returns what it showed up to there. */
  readonly shows: (text: string) => Effect.Effect<string>
  readonly screen: () => string
  readonly exit: Effect.Effect<number | null>
}

/** `argv` as the leader of a session on a new terminal. Ends with the scope. */
export const onTerminal = (argv: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("script", ["-qec", `exec ${argv.map(quote).join(" ")}`, "/dev/null"], {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...env, TERM: "dumb", SHELL: "/bin/sh" }
      })
      let screen = ""
      let seen = 0
      child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text))
      const terminal: Terminal = {
        type: (text) => Effect.sync(() => void child.stdin.write(text)),
        shows: (text) =>
          eventually(
            `${JSON.stringify(text)} on the screen`,
            Effect.sync(() => {
              const at = screen.indexOf(text, seen)
              if (at < 0) return undefined
              const shown = screen.slice(seen, at + text.length)
              seen = at + text.length
              return shown
            })
          ).pipe(Effect.onError(() => Effect.sync(() => process.stderr.write(`the screen: ${screen}\n`)))),
        screen: () => screen,
        exit: eventually(
          "the end",
          Effect.sync(() => child.exitCode ?? undefined)
        )
      }
      return { child, terminal }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map(({ terminal }) => terminal))
