#!/usr/bin/env node
process.stdout.write(JSON.stringify({ args: process.argv.slice(2) }) + "\n")
