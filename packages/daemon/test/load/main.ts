/**
 * The load test at full size, for the figures of `docs/daemon.md`:
 *
 *     node packages/daemon/test/load/main.ts [--clients 64] [--leases 10000] [--seed N]
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { run } from "./load.ts"

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "64" },
    leases: { type: "string", default: "10000" },
    "client-kills": { type: "string", default: "32" },
    "daemon-kills": { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) }
  }
})

const options = {
  clients: Number(values.clients),
  leases: Number(values.leases),
  clientKills: Number(values["client-kills"]),
  daemonKills: Number(values["daemon-kills"]),
  seed: Number(values.seed)
}
const report = await Effect.runPromise(Effect.scoped(run(options)))
process.stdout.write(`${JSON.stringify({ ...options, ...report }, null, 2)}\n`)
process.exit(report.lost === 0 ? 0 : 1)
