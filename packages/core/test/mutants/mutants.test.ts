import { assert, describe, it } from "vitest"
import { mutants } from "./all.ts"
import { patched } from "./mutant.ts"

// That each is caught takes a minute, and is a command of its own: `pnpm mutants`.
describe("mutants", () => {
  it.each(mutants)("$file: $name still fits the source", (mutant) => {
    assert.include(patched(mutant), mutant.replacement)
  })

  it("are many, and have names of their own", () => {
    assert.isAtLeast(mutants.length, 40)
    assert.strictEqual(new Set(mutants.map((mutant) => mutant.name)).size, mutants.length)
  })
})
