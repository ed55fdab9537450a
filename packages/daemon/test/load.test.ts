/** The load test, small: `test/load/main.ts` is the same at full size. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "./load/load.ts"

const seed = Number(process.env["LOAD_SEED"] ?? Date.now() % 1_000_000)

it.live(
  `leaks nothing and grants nothing twice while clients and the daemon are killed (LOAD_SEED=${seed})`,
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const report = yield* run({ clients: 6, leases: 1_200, clientKills: 4, daemonKills: 2, seed })
        yield* Effect.log(`load: ${JSON.stringify(report)}`)
        assert.isAtLeast(report.grants, 600)
        assert.strictEqual(report.lost, 0)
      })
    ),
  180_000
)
