/**
 * The tests that every home of the manager passes: in process, on a journal, as a
 * client of a daemon, on a cluster. All that a program can see of the semantics,
 * through the service alone.
 *
 * ```ts
 * ResourceManagerTest.suite("in process", ResourceManager.layer)
 * ```
 *
 * Needs `@effect/vitest` and `vitest`.
 */
import { describe } from "@effect/vitest"
import type * as Layer from "effect/Layer"
import { capacity } from "./internal/conformance/capacity.ts"
import { claims } from "./internal/conformance/claims.ts"
import { deadlock } from "./internal/conformance/deadlock.ts"
import { type Home, makeHome } from "./internal/conformance/harness.ts"
import { insight } from "./internal/conformance/insight.ts"
import { lifecycle } from "./internal/conformance/lifecycle.ts"
import { order } from "./internal/conformance/order.ts"
import { quota, quotaTree } from "./internal/conformance/quota.ts"
import { time } from "./internal/conformance/time.ts"
import type { ResourceManager, ResourceManagerOptions } from "./ResourceManager.ts"

export interface ManagerSuiteOptions {
  /**
   * `"test"` where the manager keeps to the clock of the program that builds it, so
   * that the test clock governs it (default); `"live"` where time has to pass.
   */
  readonly time?: "test" | "live"
  /** The parts to run, of `sections`. All unless given. */
  readonly only?: ReadonlyArray<string>
}

const parts: Readonly<Record<string, (home: Home) => void>> = {
  claims,
  order,
  quota,
  quotaTree,
  time,
  deadlock,
  capacity,
  insight,
  lifecycle
}

/** What the suite is made of. */
export const sections: ReadonlyArray<string> = Object.keys(parts)

/**
 * Registers the tests of a home. Each test builds a manager of its own from the
 * options that it is given; what the layer needs besides is provided to it.
 */
export const suite = <E>(
  name: string,
  layer: (options: ResourceManagerOptions) => Layer.Layer<ResourceManager, E>,
  options: ManagerSuiteOptions = {}
): void => {
  const chosen = options.only ?? sections
  if (chosen.length === 0) throw new Error(`the suite of ${name} names no part: it would pass by testing nothing`)
  const run = chosen.map((section) => {
    const part = parts[section]
    if (part === undefined) throw new Error(`the suite has no part "${section}"; there are: ${sections.join(", ")}`)
    return { section, part }
  })
  const home = makeHome(layer, options.time ?? "test")
  describe(`the manager ${name}`, () => {
    for (const { part, section } of run) {
      describe(`its ${section}`, () => {
        part(home)
      })
    }
  })
}
