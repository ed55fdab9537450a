/** Plans for tests: what is not said does not matter. */
import type { Instance, Plan, RestartPolicy } from "../../src/up/plan.ts"

export const restart = (when: RestartPolicy["when"], options: Partial<RestartPolicy> = {}): RestartPolicy => ({
  when,
  max: 3,
  initialMillis: 1_000,
  factor: 2,
  maxMillis: 60_000,
  resetMillis: 60_000,
  ...options
})

export const instance = (name: string, options: Partial<Instance> = {}): Instance => ({
  id: name,
  name,
  agent: name,
  command: "true",
  args: [],
  shown: "true",
  claim: { cpu: 1 },
  scheduling: {},
  after: [],
  restart: restart("never"),
  timeoutMillis: undefined,
  waitMillis: undefined,
  graceMillis: 10_000,
  env: {},
  cwd: "/",
  ...options
})

export const planOf = (instances: ReadonlyArray<Instance>, options: Partial<Plan> = {}): Plan => ({
  title: "plan",
  onFailure: "continue",
  instances,
  ...options
})
