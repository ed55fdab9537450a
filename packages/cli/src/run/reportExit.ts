/** Tells the daemon how a command ended, for limits that learn from it: a courtesy, which nothing waits for long. */
import type { Lease } from "@resource-manager/core/Lease"
import type { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import * as Effect from "effect/Effect"

/** What `timeout(1)` ends with, and so what a command that was ended because it took too long counts as. */
export const timedOutCode = 124

export const reportExit = (daemon: DaemonConnection["Service"], lease: Lease, code: number): Effect.Effect<void> =>
  daemon.call((rpc) => rpc.ReportExit({ lease: lease.id, code })).pipe(Effect.timeoutOption("1 second"), Effect.ignore)
