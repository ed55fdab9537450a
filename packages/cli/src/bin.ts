#!/usr/bin/env node
import { enableCompileCache } from "node:module"

// Before anything else is loaded: most of the start-up time is compiling modules.
enableCompileCache()
const { main } = await import("./cli.ts")
main(process.argv.slice(2))
