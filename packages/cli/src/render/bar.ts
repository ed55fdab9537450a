/**
 * A pool as a bar: what is in use, what is earmarked for waiters, what is free.
 * Three shapes, so that it reads without colours:
 *
 *     ██████▍▒▒▒········      [######==........]
 */
import type { Role, Style } from "./style.ts"
import type { Span } from "./text.ts"

export interface Level {
  readonly capacity: number
  readonly inUse: number
  readonly earmarked: number
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const

const shapes = {
  unicode: { full: "█", kept: "▒", free: "·", over: "»" },
  ascii: { full: "#", kept: "=", free: ".", over: ">" }
} as const

/** How pressed a pool is: by where its use and its earmarks stand. */
const roleOf = ({ capacity, earmarked, inUse }: Level): Role =>
  inUse > capacity ? "bad" : inUse + earmarked >= capacity && inUse > 0 ? "warn" : "good"

/** Never none where there is some, never all where there is not all. */
const stepsOf = (share: number, steps: number): number => {
  if (!(share > 0) || steps === 0) return 0
  return share >= 1 ? steps : Math.min(steps - 1, Math.max(1, Math.round(share * steps)))
}

/** `width` columns. A pool with more in use than it has (after a cut) ends in a mark of its own. */
export const bar = (level: Level, width: number, style: Style): ReadonlyArray<Span> => {
  const { capacity, earmarked, inUse } = level
  const shape = style.unicode ? shapes.unicode : shapes.ascii
  const cells = Math.max(0, width - (style.unicode ? 0 : 2))
  const resolution = style.unicode ? 8 : 1
  const used = capacity > 0 ? stepsOf(inUse / capacity, cells * resolution) : inUse > 0 ? cells * resolution : 0
  const whole = Math.floor(used / resolution)
  const rest = eighths[used % resolution] ?? ""
  const taken = whole + rest.length
  // To the nearest cell of where they end, but at least one that shows.
  const keptTo = capacity > 0 ? Math.round(Math.min(1, (inUse + earmarked) / capacity) * cells) : 0
  const kept = earmarked > 0 ? Math.max(Math.min(1, cells - taken), keptTo - taken) : 0
  const role = roleOf(level)
  const isOver = inUse > capacity && cells > 0
  const use = isOver ? shape.full.repeat(cells - 1) + shape.over : shape.full.repeat(whole) + rest
  const spans: ReadonlyArray<Span> = [
    { text: style.unicode ? "" : "[" },
    { text: use, role },
    { text: shape.kept.repeat(kept), role: "accent" },
    { text: shape.free.repeat(Math.max(0, cells - taken - kept)), role: "dim" },
    { text: style.unicode ? "" : "]" }
  ]
  return spans.filter((piece) => piece.text !== "")
}
