/**
 * Text in columns of a terminal: measured, cut and padded before it is painted, so
 * that no escape sequence is ever counted or cut.
 *
 * Every string passes through `spansOf`, which makes it printable: no renderer can
 * forget to.
 */
import stringWidth from "string-width"
import { printableLine } from "../printable.ts"
import { paint, type Role, type Style } from "./style.ts"

export interface Span {
  readonly text: string
  readonly role?: Role | undefined
}

/** A line or a part of one. Plain strings have no role. */
export type Text = string | Span | ReadonlyArray<string | Span>

export const span = (role: Role, text: string): Span => ({ text, role })

const toSpan = (part: string | Span): Span =>
  typeof part === "string" ? { text: printableLine(part) } : { text: printableLine(part.text), role: part.role }

const isList = (text: Text): text is ReadonlyArray<string | Span> => Array.isArray(text)

/** The pieces of a text, printable, on one line. */
export const spansOf = (text: Text): ReadonlyArray<Span> => (isList(text) ? text.map(toSpan) : [toSpan(text)])

export const textOf = (text: Text): string =>
  spansOf(text)
    .map((piece) => piece.text)
    .join("")

/** Columns that it takes. */
export const widthOf = (text: Text): number => spansOf(text).reduce((sum, piece) => sum + stringWidth(piece.text), 0)

/** Puts texts one after the other. */
export const joinText = (texts: ReadonlyArray<Text>, separator: Text = ""): ReadonlyArray<Span> =>
  texts.flatMap((text, index) => (index === 0 ? spansOf(text) : [...spansOf(separator), ...spansOf(text)]))

let segmenter: Intl.Segmenter | undefined

/** As much of the beginning as has room, never half of a character. */
const beginning = (text: string, width: number): string => {
  if (text.length <= width && stringWidth(text) <= width) return text
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  let room = width
  let end = 0
  for (const { index, segment } of segmenter.segment(text)) {
    room -= stringWidth(segment)
    if (room < 0) break
    end = index + segment.length
  }
  return text.slice(0, end)
}

export const ellipsisOf = (style: Style): string => (style.unicode ? "…" : "..")

/** No wider than `width`: what is cut ends in an ellipsis where that has room. */
export const fit = (text: Text, width: number, style: Style): ReadonlyArray<Span> => {
  const spans = spansOf(text)
  if (width === Infinity || widthOf(text) <= width) return spans
  const ellipsis = ellipsisOf(style)
  const marked = width > 2 * ellipsis.length
  const kept: Array<Span> = []
  let room = marked ? width - ellipsis.length : Math.max(0, width)
  for (const piece of spans) {
    const cut = beginning(piece.text, room)
    const isCut = cut !== piece.text
    const text = isCut && marked ? cut + ellipsis : cut
    if (text !== "") kept.push({ ...piece, text })
    if (isCut) break
    room -= stringWidth(cut)
  }
  return kept
}

/** Exactly `width` columns, where the text has no more than these. */
export const pad = (text: Text, width: number, align: "left" | "right" = "left"): ReadonlyArray<Span> => {
  const spans = spansOf(text)
  const missing = width - widthOf(text)
  if (!(missing > 0) || missing === Infinity) return spans
  const blank = { text: " ".repeat(missing) }
  return align === "left" ? [...spans, blank] : [blank, ...spans]
}

/** The text as a terminal shows it. */
export const painted = (text: Text, style: Style): string =>
  spansOf(text)
    .map((piece) => paint(piece.text, piece.role, style))
    .join("")

/** Without blanks at its end, painted or not. */
export const trimEnd = (text: Text): ReadonlyArray<Span> => {
  const spans = [...spansOf(text)]
  for (let last = spans.pop(); last !== undefined; last = spans.pop()) {
    const kept = last.text.trimEnd()
    if (kept !== "") return [...spans, { ...last, text: kept }]
  }
  return spans
}

/** A whole line: fitted, painted, without blanks at its end. */
export const line = (text: Text, width: number, style: Style): string =>
  painted(trimEnd(fit(trimEnd(text), width, style)), style)

/**
 * Breaks prose into lines at blanks, for messages that must not lose their end.
 * A word that is wider than the line is cut over several.
 */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const safe = printableLine(text)
  if (width === Infinity || stringWidth(safe) <= width) return [safe]
  const room = Math.max(1, width)
  const lines: Array<string> = []
  let current = ""
  for (let word of safe.split(" ")) {
    const joined = current === "" ? word : `${current} ${word}`
    if (stringWidth(joined) <= room) {
      current = joined
      continue
    }
    if (current !== "") lines.push(current)
    while (stringWidth(word) > room) {
      // A wide character where there is one column: it is put there all the same.
      const head = beginning(word, room) || [...word][0]!
      lines.push(head)
      word = word.slice(head.length)
    }
    current = word
  }
  return [...lines, current]
}
