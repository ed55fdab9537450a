/** The work: each agent takes the next file, hashes and compresses it in a thread, and registers its digest. */
import type { ClaimError } from "@resource-manager/core/Errors"
import type { Claim } from "@resource-manager/core/Claim"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Checker } from "./checker.ts"
import type { FileUnreadable, RegistryRefused } from "./errors.ts"
import { memoryOf, type Outcome, planJob } from "./job.ts"
import type { AgentProgress, Progress } from "./progress.ts"
import type { Entry } from "./registry.ts"
import type { SourceFile } from "./scan.ts"
import type { Threads } from "./threads.ts"

export interface Workshop {
  readonly threads: Threads
  readonly post: (entry: Entry) => Effect.Effect<void, RegistryRefused>
  readonly checker: Checker
  readonly progress: Progress
  readonly level: number
  readonly refused: Array<RegistryRefused>
}

/** Inside a lease, and watched from outside of the manager. */
const leased = <A, E>(checker: Checker, agent: string, claim: Claim, body: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    return yield* manager.withLease(agent, claim)(checker.watch(agent, claim)(body))
  })

const compress = (shop: Workshop, agent: string, file: SourceFile, id: number) => {
  const job = planJob(id, file.absolute, file.bytes, shop.level)
  const claim = { cpu: 1, memory: memoryOf(job), fileHandles: 1 }
  return leased(
    shop.checker,
    agent,
    claim,
    Effect.tap(shop.threads.run(job), ({ bufferBytesPeak, openFilesPeak }) =>
      Effect.sync(() => {
        shop.checker.atMost(`bytes buffered of ${file.path}`, bufferBytesPeak, claim.memory)
        shop.checker.atMost(`files open for ${file.path}`, openFilesPeak, claim.fileHandles)
      })
    )
  )
}

const register = (shop: Workshop, agent: string, file: SourceFile, outcome: Outcome) =>
  leased(
    shop.checker,
    agent,
    { network: 1 },
    shop.post({ path: file.path, sha256: outcome.sha256, bytes: outcome.bytesIn })
  ).pipe(Effect.catchTag("RegistryRefused", (error) => Effect.sync(() => void shop.refused.push(error))))

const setAside = (shop: Workshop, file: SourceFile, error: FileUnreadable) =>
  Effect.sync(() => {
    if (error.vanished) shop.progress.vanished++
    else shop.progress.unreadable.push({ path: file.path, reason: error.message })
  })

/** One agent until no file is left. It compresses the next file while the digest of the last is under way. */
const work = Effect.fnUntraced(function* (
  shop: Workshop,
  agent: string,
  own: AgentProgress,
  files: Iterator<readonly [number, SourceFile]>
): Effect.fn.Return<void, ClaimError, ResourceManager> {
  let registering: Fiber.Fiber<void, ClaimError> | undefined
  for (let next = files.next(); next.done !== true; next = files.next()) {
    const [id, file] = next.value
    own.doing = file.path
    const outcome = yield* compress(shop, agent, file, id).pipe(
      Effect.catchTag("FileUnreadable", (error) => Effect.as(setAside(shop, file, error), undefined))
    )
    if (outcome === undefined) continue
    own.files++
    own.bytesIn += outcome.bytesIn
    shop.progress.files++
    shop.progress.bytesIn += outcome.bytesIn
    shop.progress.bytesOut += outcome.bytesOut
    // The digest before this one goes first: an agent has one request under way.
    own.doing = `to register ${file.path}`
    if (registering !== undefined) yield* Fiber.join(registering)
    registering = yield* Effect.forkChild(register(shop, agent, file, outcome))
  }
  own.doing = ""
  if (registering !== undefined) yield* Fiber.join(registering)
})

/** All agents, until no file is left. */
export const workAll = (shop: Workshop, files: ReadonlyArray<SourceFile>) => {
  const queue = files.entries()
  return Effect.forEach(shop.progress.agents, ([agent, own]) => work(shop, agent, own, queue), {
    concurrency: "unbounded",
    discard: true
  })
}
