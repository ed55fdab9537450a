/**
 * What a terminal is sent to show one frame after another. Every line is written
 * anew over the old one, so nothing depends on what was there; the screen is
 * cleared only where its size changed. Nothing is sent where nothing changed.
 */
import { widthOf } from "../text.ts"

export interface Frame {
  readonly lines: ReadonlyArray<string>
  readonly columns: number
  readonly rows: number
}

const csi = "\u001B["

/** A screen of its own, without a cursor, that does not wrap: what goes wrong stays on its line. */
export const enterScreen = `${csi}?1049h${csi}?25l${csi}?7l${csi}2J`

/** The terminal as it was. */
export const leaveScreen = `${csi}?7h${csi}?25h${csi}?1049l`

// oxlint-disable-next-line no-control-regex
const colors = /\u001B\[[0-9;]*m/g

const isSame = (a: Frame, b: Frame): boolean =>
  a.columns === b.columns &&
  a.rows === b.rows &&
  a.lines.length === b.lines.length &&
  a.lines.every((text, index) => text === b.lines[index])

/**
 * Erasing the rest of a line that is full would erase its last character: the
 * cursor is still on it.
 */
const overwritten = (text: string, columns: number): string =>
  widthOf(text.replaceAll(colors, "")) >= columns ? text : `${text}${csi}K`

export const redraw = (previous: Frame | undefined, frame: Frame): string => {
  if (previous !== undefined && isSame(previous, frame)) return ""
  const { columns, lines, rows } = frame
  const resized = previous === undefined || previous.columns !== columns || previous.rows !== rows
  const body = lines
    .slice(0, rows)
    .map((text) => overwritten(text, columns))
    .join("\r\n")
  // Below a last line that is full there is nothing to erase, and that would erase its end.
  const below = lines.length < rows ? `\r\n${csi}J` : ""
  // Shown as one by terminals that know how (mode 2026); others ignore it.
  return `${csi}?2026h${resized ? `${csi}2J` : ""}${csi}H${body}${lines.length === 0 ? `${csi}J` : below}${csi}?2026l`
}
