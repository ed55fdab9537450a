import { cases } from "./cases/index.ts"
import { measure, quickPlan } from "./harness.ts"
const only = process.argv[2]
for (const bench of cases) {
  if (only !== undefined && !bench.name.includes(only)) continue
  const t = performance.now()
  for (const r of await measure(bench, quickPlan))
    console.log(r.case, "|", r.peer, r.ratio.toFixed(3), r.goal, r.ns.ours.toFixed(0), r.ns.peer.toFixed(0), r.rounds)
  console.log("  took", ((performance.now() - t) / 1000).toFixed(1))
}
