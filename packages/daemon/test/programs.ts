/** Where the programs are that tests run in processes of their own. */
import { join } from "node:path"

/** Told to all files of tests by `globalSetup.ts`, which bundles the programs once for them. */
export const programsVariable = "RESOURCE_MANAGER_TEST_PROGRAMS"

export const sources = {
  daemon: "programs/daemon.ts",
  holder: "programs/holder.ts",
  runner: "programs/runner.ts",
  starter: "process/programs/starter.ts",
  client: "load/client.ts"
} as const

export type ProgramName = keyof typeof sources

/** What Node runs: the bundle, which starts in a third of the time of the sources, or those where there are no tests. */
export const programOf = (name: ProgramName): string => {
  const folder = process.env[programsVariable]
  return folder === undefined ? join(import.meta.dirname, sources[name]) : join(folder, `${name}.mjs`)
}
