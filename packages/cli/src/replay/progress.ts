/** A progress bar on standard error, where that is a terminal; elsewhere nothing. */
export interface Progress {
  /** From 0 to 1. Cheap: draws at most ten times a second. */
  readonly show: (label: string, fraction: number) => void
  readonly clear: () => void
}

const silent: Progress = { show: () => undefined, clear: () => undefined }

const redrawMillis = 100
const barWidth = 30
const eraseLine = "\r\u001B[2K"

export interface ProgressTarget {
  readonly isTTY?: boolean
  readonly write: (text: string) => unknown
}

export const makeProgress = (target: ProgressTarget, now: () => number): Progress => {
  if (target.isTTY !== true) return silent
  // Nothing appears for what is over in a moment.
  let drawnAt = now()
  let visible = false
  return {
    show: (label, fraction) => {
      const at = now()
      if (at - drawnAt < redrawMillis) return
      drawnAt = at
      visible = true
      const full = Math.round(barWidth * Math.min(1, Math.max(0, fraction)))
      const bar = "█".repeat(full) + "░".repeat(barWidth - full)
      target.write(`${eraseLine}${label.padEnd(10)} ${bar} ${String(Math.floor(100 * fraction)).padStart(3)} %`)
    },
    clear: () => {
      if (visible) target.write(eraseLine)
      visible = false
    }
  }
}
