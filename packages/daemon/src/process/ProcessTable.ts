/**
 * The machine's processes: who lives, which belong to a command, and a signal to
 * exactly the one that is meant.
 *
 * 1. What cannot be read is `ProcessesUnreadable`, never "it is gone": a lease
 *    whose processes cannot be seen must not come back.
 * 2. A zombie is gone: it uses nothing but its number.
 * 3. A signal goes to a process only if its identity is right at the same step.
 *    What is left is the instant between the two system calls.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as linux from "./internal/linux.ts"
import * as posix from "./internal/posix.ts"
import type { ProcessesUnreadable, Service } from "./internal/service.ts"

export {
  type Abilities,
  ProcessesUnreadable,
  type ProcessUsage,
  type Service,
  type SignalResult
} from "./internal/service.ts"

export class ProcessTable extends Context.Service<ProcessTable, Service>()(
  "@resource-manager/daemon/process/ProcessTable"
) {
  /** `/proc` on Linux, `ps` elsewhere. */
  static readonly layer: Layer.Layer<ProcessTable, ProcessesUnreadable> = Layer.effect(
    ProcessTable,
    Effect.suspend(() => (process.platform === "linux" ? linux.make : posix.make))
  )

  /** By `ps` on any POSIX system: what other platforms have. */
  static readonly layerPs: Layer.Layer<ProcessTable, ProcessesUnreadable> = Layer.effect(
    ProcessTable,
    Effect.suspend(() => posix.make)
  )
}
