/**
 * Reads what `ps` prints, where there is no `/proc`. Pure, as `procfs.ts`.
 */

/** The columns asked for: `ps -axo` with these. `lstart` is fixed in width, the name comes last. */
export const columns = "pid=,ppid=,pgid=,stat=,rss=,time=,lstart=,comm="

export interface PsRow {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** The first letter of the state: `R`, `S`, `I`, `T`, `U` (cannot be interrupted), `D`, `Z`. */
  readonly state: string
  readonly residentBytes: number
  readonly cpuSeconds: number
  readonly startSeconds: number
  readonly name: string
}

const line =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+([A-Za-z?])\S*\s+(\d+)\s+([\d:.-]+)\s+([A-Z][a-z]{2}\s+[A-Z][a-z]{2}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/

/** `[[days-]hours:]minutes:seconds[.hundredths]`. */
export const parseTime = (text: string): number | undefined => {
  const found = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text)
  if (found === null) return undefined
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = found
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
}

/** One process, or `undefined` where the line is none. */
export const parseRow = (text: string): PsRow | undefined => {
  const found = line.exec(text)
  if (found === null) return undefined
  const [, pid, parent, group, state = "", resident, time = "", started = "", name = ""] = found
  // In the machine's own time zone, as `ps` printed it.
  const startSeconds = Math.floor(Date.parse(started) / 1000)
  const cpuSeconds = parseTime(time)
  if (Number.isNaN(startSeconds) || cpuSeconds === undefined) return undefined
  return {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    state,
    residentBytes: Number(resident) * 1024,
    cpuSeconds,
    startSeconds,
    name: name.slice(name.lastIndexOf("/") + 1)
  }
}

export const parseRows = (text: string): ReadonlyArray<PsRow> => text.split("\n").flatMap((row) => parseRow(row) ?? [])

/** Of lines `pid command… environment…` (`ps -E`), the processes whose environment sets `name` to `value`. */
export const parseMarked = (text: string, name: string, value: string): ReadonlySet<number> => {
  const marked = new Set<number>()
  for (const row of text.split("\n")) {
    const found = /^\s*(\d+)\s/.exec(row)
    if (found !== null && `${row} `.includes(` ${name}=${value} `)) marked.add(Number(found[1]))
  }
  return marked
}
