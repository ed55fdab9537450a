/** What `up` runs: every instance of every agent of the file, with nothing left open. */

import type { SchedulingOptions } from "@resource-manager/core/Claim"

/** When a command that ended is started again. `max` counts restarts in a row. */
export interface RestartPolicy {
  /** `always`: a service, that ends when everybody else has. */
  readonly when: "never" | "on-failure" | "always"
  readonly max: number
  /** The delay before the first restart, and how it grows from one to the next. */
  readonly initialMillis: number
  readonly factor: number
  readonly maxMillis: number
  /** After a run of this length, the row and the delay begin anew. */
  readonly resetMillis: number
}

export interface Instance {
  /** Unique: the name, or `name/2` where there are several. */
  readonly id: string
  /** As in the file: what `after` names. */
  readonly name: string
  /** Who is charged. Instances share what it may have. */
  readonly agent: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The command as it is shown. */
  readonly shown: string
  readonly claim: Readonly<Record<string, number>>
  /** What its claims say for the policies. */
  readonly scheduling: SchedulingOptions
  /** Names of those that must have ended well before. */
  readonly after: ReadonlyArray<string>
  readonly restart: RestartPolicy
  /** The longest a run may take. */
  readonly timeoutMillis: number | undefined
  /** The longest one wait for its lease may take. */
  readonly waitMillis: number | undefined
  /** From being asked to end until being killed. */
  readonly graceMillis: number
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

export interface Plan {
  readonly title: string
  /** What the first failure does to the others. */
  readonly onFailure: "continue" | "stop"
  readonly instances: ReadonlyArray<Instance>
}

export const isService = (instance: Instance): boolean => instance.restart.when === "always"
