/** What has happened so far: written by the work, read by what shows it. */
import type { DeadlockStep } from "@resource-manager/core/Errors"
import type { CapacityChange } from "./machine.ts"
import type { Unreadable } from "./scan.ts"

export interface AgentProgress {
  files: number
  bytesIn: number
  /** What it does now; empty where it rests. */
  doing: string
}

export interface Progress {
  readonly startedAt: number
  readonly filesTotal: number
  files: number
  bytesIn: number
  bytesOut: number
  vanished: number
  readonly unreadable: Array<Unreadable>
  readonly agents: ReadonlyMap<string, AgentProgress>
  readonly capacityChanges: Array<CapacityChange & { readonly seconds: number }>
  readonly deadlocks: Array<{ readonly agent: string; readonly cycle: ReadonlyArray<DeadlockStep>; retried: boolean }>
  /** What is worth a line, oldest first. */
  readonly events: Array<{ readonly seconds: number; readonly text: string }>
}

export const makeProgress = (agents: ReadonlyArray<string>, filesTotal: number): Progress => ({
  startedAt: performance.now(),
  filesTotal,
  files: 0,
  bytesIn: 0,
  bytesOut: 0,
  vanished: 0,
  unreadable: [],
  agents: new Map(agents.map((agent) => [agent, { files: 0, bytesIn: 0, doing: "" }])),
  capacityChanges: [],
  deadlocks: [],
  events: []
})

export const secondsOf = (progress: Progress): number => (performance.now() - progress.startedAt) / 1_000

export const note = (progress: Progress, text: string): void => {
  progress.events.push({ seconds: secondsOf(progress), text })
}
