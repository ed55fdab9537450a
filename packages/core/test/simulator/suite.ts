/** The run that precedes a merge, as tests: one for each profile, and one for what occurred. */
import { assert, describe, it } from "vitest"
import { complaints, describe as describeRun, jobs, merge, runJobs, seedsDefault, stepsDefault } from "./campaign.ts"
import type { Summary } from "./campaign.ts"
import { profiles } from "./profiles.ts"

const timeout = 600_000

export const defineHalf = (half: 0 | 1): void => {
  const seeds = seedsDefault / 2
  const all = jobs(1 + half * seeds, seeds)
  describe(`simulation, seeds ${1 + half * seeds} to ${seeds + half * seeds}`, () => {
    const summaries: Array<Summary> = []
    for (const profile of profiles) {
      const own = all.filter((job) => job.profile === profile.name)
      it(`${profile.name}: ${own.length} seeds of ${stepsDefault} steps break no rule`, { timeout }, () => {
        const summary = runJobs(own, stepsDefault)
        summaries.push(summary)
        assert.deepStrictEqual(complaints(summary, false), [])
      })
    }
    it("everything occurred often enough, and most seeds kept many waiting", () => {
      const summary = merge(summaries)
      assert.deepStrictEqual(complaints(summary, true), [], describeRun(summary))
      assert.isAtLeast(summary.steps, 500_000)
    })
  })
}
