import { assert, describe, it } from "vitest"
import { run } from "./support/program.ts"

/** Each asserts its own outcome; here, that a failed assertion is a failed process, and that they all hold. */
describe("the examples", () => {
  it.each([
    "basic-use.ts",
    "deadlock-detection.ts",
    "cancellation.ts",
    "dynamic-scaling.ts",
    "rate-limiting.ts",
    "adaptive-limits.ts",
    "language-model.ts",
    "semaphore.ts",
    "plain-node.ts",
    "locks.ts",
    "explain.ts",
    "components.ts",
    "outliving-child.ts",
    "first-look.ts"
  ])("%s holds", { timeout: 30_000 }, async (program) => {
    const ran = await run(program)
    assert.strictEqual(ran.code, 0, ran.stdout + ran.stderr)
    assert.strictEqual(ran.stderr, "")
  })
})
