/** What the operating system says of the whole machine, where no cgroup limits the process. */
import * as Context from "effect/Context"
import { availableParallelism, freemem, loadavg, platform, totalmem } from "node:os"

export interface Service {
  /** Processors that the process may use. */
  readonly processors: () => number
  readonly totalMemory: () => number
  /** Memory that no program could be given now. */
  readonly usedMemory: () => number
  /** Processors that were busy or asked for, over the last minute; `undefined` where the system counts none. */
  readonly loadAverage: () => number | undefined
  /** The soft limit of open files, where `/proc` does not tell; `undefined` where the system has none. */
  readonly openFilesLimit: () => number | undefined
}

/** The report that Node makes of itself has the limits of every POSIX system, with no child process. */
const reportedOpenFiles = (): number | undefined => {
  const report: { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } } =
    process.report.getReport()
  const soft = report.userLimits?.open_files?.soft
  if (soft === "unlimited") return Infinity
  return typeof soft === "number" && Number.isSafeInteger(soft) ? soft : undefined
}

const node: Service = {
  processors: availableParallelism,
  totalMemory: totalmem,
  usedMemory: () => totalmem() - freemem(),
  loadAverage: () => (platform() === "win32" ? undefined : loadavg()[0]),
  openFilesLimit: () => (platform() === "win32" ? undefined : reportedOpenFiles())
}

/** `node:os` unless another is provided, as tests do. */
export const OperatingSystem = Context.Reference<Service>("@resource-manager/plugin-host/OperatingSystem", {
  defaultValue: () => node
})
