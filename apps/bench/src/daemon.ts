/** A daemon in a process of its own, on a socket of its own, with a client of it in this process. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { DaemonClient, DaemonConnection } from "@resource-manager/daemon"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ResourceManager } from "./core.ts"
import type { Running } from "./manager.ts"

const program = (name: string): string => join(import.meta.dirname, "processes", name)

export interface Child {
  readonly pid: number
  /** Ends it as it is told, and waits until it is gone. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

/** Starts a program of this package, and goes on when it has printed its first line. */
export const start = async (name: string, args: ReadonlyArray<string>): Promise<Child> => {
  const child = spawn(process.execPath, [program(name), ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const ready = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).once("line", () => resolve())
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code} before it was ready`)))
  })
  await ready
  return {
    pid: child.pid ?? 0,
    end: (signal) => {
      child.kill(signal)
      return gone
    }
  }
}

export interface Remote extends Running {
  readonly address: string
  readonly pid: number
  readonly connection: DaemonConnection["Service"]
}

/** A daemon without a journal, as a client sees it. */
export const startDaemon = async (sessionTimeoutMillis = 10_000): Promise<Remote> => {
  const folder = mkdtempSync(join(tmpdir(), "resource-manager-bench-"))
  const address = `unix:${join(folder, "daemon.sock")}`
  const daemon = await start("daemon.ts", [address, String(sessionTimeoutMillis)])
  const runtime = ManagedRuntime.make(DaemonClient.layer({ address }))
  return {
    address,
    pid: daemon.pid,
    manager: await runtime.runPromise(ResourceManager),
    connection: await runtime.runPromise(DaemonConnection),
    close: async () => {
      await runtime.dispose()
      await daemon.end("SIGTERM")
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
