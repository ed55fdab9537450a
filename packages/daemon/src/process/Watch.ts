/**
 * Watches what the processes of a command use of processors and memory, and tells
 * when that is more than they leased.
 *
 * 1. Processors are processor time over time, between two samples. Time of children
 *    that ended in between is in what their parents have used. A single sample says
 *    nothing, and a process that leaves never makes it negative.
 * 2. Memory is what is resident; where that is too much, it is measured again with
 *    shared memory counted once.
 * 3. *Over-use* is more than the lease and a tolerance, at each sample for the time
 *    of `after`. It is told once when that is so, again when it has doubled, and its
 *    end is told.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Limits, showBytes, showCpus } from "./Enforcement.ts"
import { type CommandTarget, keyOf } from "./Identity.ts"
import { type ProcessesUnreadable, ProcessTable } from "./ProcessTable.ts"

export type Watched = "cpu" | "memory"

export interface Overuse {
  readonly _tag: "Overuse" | "OveruseEnded"
  readonly type: Watched
  /** Processors, or bytes. */
  readonly leased: number
  /** The most since it began. */
  readonly used: number
  readonly forMillis: number
}

export interface WatchOptions {
  /** Between samples. Default 2 seconds. */
  readonly interval?: Duration.Input
  /** How long it is over before it is told. Default 10 seconds. */
  readonly after?: Duration.Input
  /** The fraction of the lease that may be used beyond it. Default 0.1. */
  readonly tolerance?: number
}

/** One type's over-use: samples in, what to tell out. */
export class OveruseTracker {
  private readonly type: Watched
  private readonly leased: number
  private readonly limit: number
  private readonly afterMillis: number
  private since: number | undefined
  private most = 0
  /** The use that was told last. */
  private told: number | undefined

  constructor(type: Watched, leased: number, tolerance: number, afterMillis: number) {
    this.type = type
    this.leased = leased
    this.limit = leased * (1 + tolerance)
    this.afterMillis = afterMillis
  }

  isOver(used: number): boolean {
    return used > this.limit
  }

  sample(nowMillis: number, used: number): Overuse | undefined {
    if (!this.isOver(used)) {
      const ended = this.told === undefined ? undefined : this.tell("OveruseEnded", nowMillis)
      this.since = undefined
      this.told = undefined
      this.most = 0
      return ended
    }
    this.since ??= nowMillis
    this.most = Math.max(this.most, used)
    if (nowMillis - this.since < this.afterMillis) return undefined
    if (this.told !== undefined && this.most < this.told * 2) return undefined
    this.told = this.most
    return this.tell("Overuse", nowMillis)
  }

  private tell(_tag: Overuse["_tag"], nowMillis: number): Overuse {
    return {
      _tag,
      type: this.type,
      leased: this.leased,
      used: this.most,
      forMillis: nowMillis - (this.since ?? nowMillis)
    }
  }
}

/** For a person, without a full stop. */
export const describeOveruse = ({ _tag, forMillis, leased, type, used }: Overuse): string => {
  const show = type === "cpu" ? showCpus : showBytes
  const seconds = Math.round(forMillis / 1000)
  return _tag === "Overuse"
    ? `the command uses more ${type} than it leased: ${show(used)} of ${show(leased)}, for ${seconds} s`
    : `the command uses no more ${type} than it leased any more, after ${seconds} s and up to ${show(used)}`
}

interface Sample {
  readonly cpuMillis: number
  readonly memoryBytes: number
}

const sampleOf = Effect.fnUntraced(function* (target: CommandTarget, known: Set<string>, memory: "resident" | "exact") {
  const table = yield* ProcessTable
  let sample: Sample = { cpuMillis: 0, memoryBytes: 0 }
  const found = yield* table.find(target, known)
  known.clear()
  for (const { identity } of found) {
    known.add(keyOf(identity))
    const usage = yield* table.usage(identity, memory)
    if (usage === undefined) continue
    sample = {
      cpuMillis: sample.cpuMillis + usage.cpuMillis,
      memoryBytes: sample.memoryBytes + usage.memoryBytes
    }
  }
  return sample
})

/** Over-uses of a command, for as long as somebody listens. Fails where the processes cannot be read. */
export const overuse = (
  target: CommandTarget,
  limits: Limits,
  options: WatchOptions = {}
): Stream.Stream<Overuse, ProcessesUnreadable, ProcessTable> =>
  Stream.unwrap(
    Effect.sync(() => {
      const after = Duration.toMillis(Duration.fromInputUnsafe(options.after ?? "10 seconds"))
      const tracker = (type: Watched, leased: number | undefined) =>
        leased === undefined ? undefined : new OveruseTracker(type, leased, options.tolerance ?? 0.1, after)
      const trackers = { cpu: tracker("cpu", limits.cpus), memory: tracker("memory", limits.memoryBytes) }
      const known = new Set<string>()
      let last: { readonly atMillis: number; readonly cpuMillis: number } | undefined

      const round = Effect.gen(function* () {
        const resident = yield* sampleOf(target, known, "resident")
        const atMillis = Number(yield* Clock.monotonicTimeNanos) / 1e6
        const elapsed = last === undefined ? 0 : atMillis - last.atMillis
        const cpus = elapsed <= 0 ? 0 : Math.max(0, resident.cpuMillis - (last?.cpuMillis ?? 0)) / elapsed
        last = { atMillis, cpuMillis: resident.cpuMillis }
        const memory =
          trackers.memory?.isOver(resident.memoryBytes) === true
            ? (yield* sampleOf(target, known, "exact")).memoryBytes
            : resident.memoryBytes
        return [trackers.cpu?.sample(atMillis, cpus), trackers.memory?.sample(atMillis, memory)].filter(
          (told) => told !== undefined
        )
      })
      return Stream.fromEffectRepeat(Effect.delay(round, options.interval ?? "2 seconds")).pipe(
        Stream.flatMap(Stream.fromIterable)
      )
    })
  )
