/**
 * A bounded set of worker threads. It has no queue: whoever runs a job here holds
 * a core of the `cpu` pool, and there are as many threads as that pool can have
 * cores, so one is always idle.
 *
 * A job that is interrupted is cancelled, and its interruption ends once the
 * thread has answered: only then is what it used really free.
 */
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { FileUnreadable } from "./errors.ts"
import type { Job, Outcome, Reply, Request } from "./job.ts"

export interface Threads {
  readonly run: (job: Job) => Effect.Effect<Outcome, FileUnreadable>
}

/** One thread, and who waits for its answer. */
class Thread {
  readonly worker = new Worker(new URL("./worker.ts", import.meta.url))
  onReply: ((reply: Reply) => void) | undefined = undefined
  onCrash: ((error: Error) => void) | undefined = undefined

  constructor() {
    this.worker.on("message", (reply: Reply) => this.onReply?.(reply))
    this.worker.on("error", (thrown) => this.onCrash?.(thrown instanceof Error ? thrown : new Error(String(thrown))))
  }

  post(request: Request): void {
    this.worker.postMessage(request, [])
  }
}

const outcomeOf = (job: Job, reply: Reply): Effect.Effect<Outcome, FileUnreadable> => {
  switch (reply._tag) {
    case "Done":
      return Effect.succeed(reply.outcome)
    case "Cancelled":
      return Effect.interrupt
    case "Failed":
      return Effect.fail(
        new FileUnreadable({ path: job.path, message: reply.message, vanished: reply.code === "ENOENT" })
      )
  }
}

export const makeThreads = (count: number): Effect.Effect<Threads, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Array.from({ length: count }, () => new Thread())),
      (all) => Effect.promise(() => Promise.all(all.map(({ worker }) => worker.terminate())))
    ),
    (all) => {
      const idle = [...all]
      const run = (job: Job) =>
        Effect.callback<Outcome, FileUnreadable>((resume) => {
          const thread = idle.pop()
          if (thread === undefined) {
            return resume(Effect.die(new Error("more jobs run than there are threads: the cpu pool granted too much")))
          }
          const answered = new Promise<Reply>((resolve, reject) => {
            thread.onReply = resolve
            thread.onCrash = reject
          })
          thread.post({ _tag: "Run", job })
          void answered
            .then((reply) => {
              idle.push(thread)
              return outcomeOf(job, reply)
            })
            .catch((error: unknown) => Effect.die(error))
            .then(resume)
          return Effect.promise(() => {
            thread.post({ _tag: "Cancel", id: job.id })
            return answered.then(
              () => undefined,
              () => undefined
            )
          })
        })
      return { run }
    }
  )
