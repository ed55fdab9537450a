/** Where the time of our side of a case goes: functions by the time spent in themselves. */
import { Session } from "node:inspector/promises"
import type { Profiler } from "node:inspector"
import { fileURLToPath } from "node:url"
import { dirname, join, relative } from "node:path"
import { type BenchCase, type Plan, recordStretches, type Side, type Stretch } from "./harness.ts"

export interface Hot {
  /** The function, and where it is. */
  readonly where: string
  /** The part of the program that it belongs to. */
  readonly part: string
  /** Its share of the profile, 0 to 1. */
  readonly share: number
}

const root = join(import.meta.dirname, "../../..")

const place = ({ functionName, lineNumber, url }: Profiler.ProfileNode["callFrame"]): Omit<Hot, "share"> => {
  const name = functionName === "" ? "(anonymous)" : functionName
  if (url === "") return { where: name, part: name.startsWith("(") ? name : "built-in functions" }
  if (!url.startsWith("file:")) return { where: `${name} ${url}`, part: "Node" }
  const path = relative(root, fileURLToPath(url)).replace(/^.*node_modules\//, "")
  const own = path.startsWith("packages/") || path.startsWith("apps/")
  return {
    where: `${name} ${path}:${lineNumber + 1}`,
    part: own ? dirname(path) : path.split("/", path.startsWith("@") ? 2 : 1).join("/")
  }
}

/** Functions by self time within the timed stretches, the hottest first. */
export const hottest = (
  { nodes, samples = [], startTime, timeDeltas = [] }: Profiler.Profile,
  stretches: ReadonlyArray<Stretch>
): ReadonlyArray<Hot> => {
  const frames = new Map(nodes.map((node) => [node.id, place(node.callFrame)]))
  const micros = new Map<string, Hot>()
  let total = 0
  let now = startTime
  let at = 0
  for (const [index, sample] of samples.entries()) {
    const delta = Math.max(0, timeDeltas[index] ?? 0)
    now += delta
    while (at < stretches.length && stretches[at]!.to < now) at++
    const stretch = stretches[at]
    if (stretch === undefined) break
    const frame = frames.get(sample)
    if (now <= stretch.from || frame === undefined) continue
    const self = Math.min(delta, now - stretch.from)
    micros.set(frame.where, { ...frame, share: (micros.get(frame.where)?.share ?? 0) + self })
    total += self
  }
  return [...micros.values()].map((hot) => ({ ...hot, share: hot.share / total })).toSorted((a, b) => b.share - a.share)
}

/** Shares by part of the program, the largest first. */
export const byPart = (hot: ReadonlyArray<Hot>): ReadonlyArray<Omit<Hot, "where">> => {
  const shares = new Map<string, number>()
  for (const { part, share } of hot) shares.set(part, (shares.get(part) ?? 0) + share)
  return [...shares].map(([part, share]) => ({ part, share })).toSorted((a, b) => b.share - a.share)
}

const sampleFor = async (side: Side, operations: number, millis: number): Promise<void> => {
  const endsAt = performance.now() + millis
  do await side.sample(operations)
  while (performance.now() < endsAt)
}

/** Profiles our side of a case: what is timed of it, without setting up. */
export const profile = async (bench: BenchCase, plan: Plan, millis: number): Promise<ReadonlyArray<Hot>> => {
  const { close, ours } = await bench.prepare(plan)
  const session = new Session()
  const stretches: Array<Stretch> = []
  session.connect()
  try {
    await sampleFor(ours, 1_000, millis / 4)
    await session.post("Profiler.enable")
    await session.post("Profiler.setSamplingInterval", { interval: 200 })
    await session.post("Profiler.start")
    recordStretches(stretches)
    await sampleFor(ours, 10_000, millis)
    const answer = await session.post("Profiler.stop")
    return hottest(answer.profile, stretches)
  } finally {
    recordStretches(undefined)
    session.disconnect()
    await close?.()
  }
}
