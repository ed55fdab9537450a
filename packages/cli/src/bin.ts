#!/usr/bin/env node
// Names that an old Node does not export would be a syntax error before anything is said: no named imports.
import * as nodeModule from "node:module"
import { exitCodes } from "./exitCodes.ts"
import { nodeVersionProblem } from "./nodeVersion.ts"
import { guardArgument } from "./up/guardArgument.ts"

const problem = nodeVersionProblem(process.versions.node)
if (problem === undefined) {
  // Before anything else is loaded: most of the start-up time is compiling modules.
  // Not every runtime that calls itself such a Node has a compile cache.
  nodeModule.enableCompileCache?.()
  if (process.argv[2] === guardArgument) {
    const { main } = await import("./up/guard.ts")
    await main()
  } else {
    const { main } = await import("./cli.ts")
    main(process.argv.slice(2))
  }
} else {
  process.stderr.write(`resource-manager: ${problem}\n`)
  process.exitCode = exitCodes.node
}
