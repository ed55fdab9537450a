/**
 * Reads the text of Linux's `/proc`. Pure: text in, facts out, so that every case
 * is a line in a table of tests. Text that is not what the kernel writes is
 * `undefined`, never a guess.
 */

/** What `/proc/PID/stat` says. */
export interface Stat {
  readonly pid: number
  /** What the process calls itself: at most 15 bytes, any of them. */
  readonly name: string
  /** The kernel's letter: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`. */
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** The controlling terminal's device, 0 where there is none. */
  readonly terminal: number
  /** The process group in the foreground of that terminal, -1 where there is none. */
  readonly foreground: number
  /** Time that it ran, and that its ended and collected children ran, in user and in kernel mode, in clock ticks. */
  readonly cpuTicks: number
  readonly threads: number
  /** Clock ticks from the boot to its start. */
  readonly startTicks: number
}

// Fields after the name, counted from the state (field 3 of proc(5)).
const field = {
  parent: 1,
  group: 2,
  session: 3,
  terminal: 4,
  foreground: 5,
  firstTime: 11,
  lastTime: 14,
  threads: 17,
  start: 19
} as const

/**
 * The name stands in parentheses and may itself hold spaces, parentheses and line
 * ends: it begins after the first `(` and ends before the last `)`.
 */
export const parseStat = (text: string): Stat | undefined => {
  const open = text.indexOf(" (")
  const close = text.lastIndexOf(") ")
  if (open < 1 || close < open) return undefined
  const fields = text.slice(close + 2).split(" ")
  const state = fields[0]
  if (state === undefined || !/^[A-Za-z]$/.test(state)) return undefined
  const at = (index: number): number => {
    const value = fields[index]
    return value === undefined || !/^-?\d+\n?$/.test(value) ? Number.NaN : Number(value)
  }
  const sum = (from: number, to: number): number => {
    let total = 0
    for (let index = from; index <= to; index++) total += at(index)
    return total
  }
  const stat: Stat = {
    pid: /^\d+$/.test(text.slice(0, open)) ? Number(text.slice(0, open)) : Number.NaN,
    name: text.slice(open + 2, close),
    state,
    parent: at(field.parent),
    group: at(field.group),
    session: at(field.session),
    terminal: at(field.terminal),
    foreground: at(field.foreground),
    cpuTicks: sum(field.firstTime, field.lastTime),
    threads: at(field.threads),
    startTicks: at(field.start)
  }
  return Object.values(stat).some(Number.isNaN) ? undefined : stat
}

/**
 * Whether nothing of the process runs any more. A zombie waits to be collected; but
 * one with several threads has lost its first thread only, and the others work on.
 */
export const hasEnded = (stat: Pick<Stat, "state" | "threads">): boolean =>
  stat.state === "X" || stat.state === "x" || (stat.state === "Z" && stat.threads <= 1)

/** Whether the environment (`NAME=value`, each ended by a NUL) sets `name` to `value`. */
export const environmentHas = (text: string, name: string, value: string): boolean =>
  `\0${text}\0`.includes(`\0${name}=${value}\0`)

/** How many processes and threads were ever started: `processes` of `/proc/stat`. */
export const parseForks = (text: string): number | undefined => {
  const found = /^processes (\d{1,15})$/m.exec(text)
  return found === null ? undefined : Number(found[1])
}

/** A file of one number, such as `/proc/sys/kernel/pid_max`. */
export const parseNumber = (text: string): number | undefined => {
  const found = /^(\d{1,15})\s*$/.exec(text)
  return found === null ? undefined : Number(found[1])
}

/** The proportional set size of `/proc/PID/smaps_rollup`, in bytes: memory, with what is shared divided by who shares it. */
export const parseProportional = (text: string): number | undefined => {
  const found = /^Pss:\s+(\d{1,12}) kB$/m.exec(text)
  return found === null ? undefined : Number(found[1]) * 1024
}

/** The resident set size of `/proc/PID/status`, in bytes: memory, with what is shared counted for each who shares it. */
export const parseResident = (text: string): number | undefined => {
  const found = /^VmRSS:\s+(\d{1,12}) kB$/m.exec(text)
  return found === null ? undefined : Number(found[1]) * 1024
}
