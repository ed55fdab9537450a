/**
 * Where the flags of `run` end: at `--`, or at the first word that is none of them.
 * From there on all belongs to the command, as with `nice`, `env` or `sudo`: a
 * `--memory`, `--help` or `--` of the command is never taken from it.
 */
import * as Completions from "effect/cli/Completions"
import { run } from "./run.ts"

/** As they are written: `--cpu`. What is switched on by its name alone is none of them. */
const flagsWithValue = (): ReadonlySet<string> => {
  const { flags } = Completions.fromCommand(run)
  const named = flags.filter(({ type }) => type._tag !== "Boolean")
  return new Set(
    named.flatMap(({ aliases, name }) => [
      `--${name}`,
      ...aliases.map((alias) => `${alias.length > 1 ? "--" : "-"}${alias}`)
    ])
  )
}

const isWord = (arg: string): boolean => !arg.startsWith("-") || arg === "-"

/** The same arguments, with `--` before the command of `run`. */
export const separateCommand = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  // Before the name of a command there are flags only that all commands have, and none of them has a value.
  const verb = args.findIndex(isWord)
  if (args[verb] !== run.name) return args
  const withValue = flagsWithValue()
  let at = verb + 1
  for (let arg = args[at]; arg !== undefined && !isWord(arg); arg = args[at]) {
    if (arg === "--") return args
    at += withValue.has(arg) ? 2 : 1
  }
  return at >= args.length ? args : [...args.slice(0, at), "--", ...args.slice(at)]
}
