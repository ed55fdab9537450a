/** Who this process is, for a daemon on the same machine. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ProcessIdentity } from "../process/Identity.ts"
import { ProcessTable } from "../process/ProcessTable.ts"

/** Nothing where it cannot be read: then only the session's time-out tells the daemon that this process is gone. */
export const ownIdentity: Effect.Effect<ProcessIdentity | undefined> = Effect.scoped(
  Effect.flatMap(Layer.build(ProcessTable.layer), (context) => Context.get(context, ProcessTable).inspect(process.pid))
).pipe(
  Effect.map((info) => info?.identity),
  Effect.orElseSucceed(() => undefined)
)
