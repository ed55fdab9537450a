/** Who gets an instance its lease and runs its command: the machine below the supervisor. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Instance } from "./plan.ts"
import type { Outcome } from "./supervision.ts"

/** Told while an attempt is under way. */
export interface AttemptListener {
  /** The lease is held. */
  readonly granted: Effect.Effect<void>
  /** The command runs. */
  readonly started: (pid: number) => Effect.Effect<void>
}

export class AgentRunner extends Context.Service<
  AgentRunner,
  {
    /**
     * Waits for the lease, runs the command inside of it, and tells how that ended; the
     * lease is given back by then. Interrupted, it ends the wait or the command first
     * (asked to, killed after the grace period), and then itself.
     */
    readonly run: (instance: Instance, listener: AttemptListener) => Effect.Effect<Outcome>
  }
>()("@resource-manager/cli/up/AgentRunner") {}
