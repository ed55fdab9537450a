/** Papers to draw on, and a way to see colours in a snapshot. */
import { plainStyle, type Style, textStyle, themes } from "../../src/render/style.ts"
import type { Paper } from "../../src/render/table.ts"

export const colored: Style = { theme: themes.standard, unicode: true }

export const on = (width: number, style: Style = textStyle): Paper => ({ width, style })

export const ascii = plainStyle

// oxlint-disable-next-line no-control-regex
const escapes = /\u001B\[([0-9;]*)m/g

/** Lines as one text, colours as `‹32›`. */
export const show = (lines: string | ReadonlyArray<string>): string =>
  (typeof lines === "string" ? lines : lines.join("\n")).replaceAll(escapes, "‹$1›")

export const withoutColors = (text: string): string => text.replaceAll(escapes, "")

/** Names as somebody who means harm, or writes another script, would choose them. */
export const hostileNames = [
  "\u001B[2J\u001B[31mgone",
  "two\nlines",
  "tab\there",
  "\u009B31mC1",
  "abc\u202Etxt.exe",
  "in\u200Bvisible",
  "a\u200Db",
  "\uD800half",
  "é" + "\u0301".repeat(12),
  "👩‍👩‍👧‍👦 家族",
  "ビルド",
  "🏴\u{E0067}\u{E0062}\u{E007F}",
  "x".repeat(300),
  "constructor",
  "__proto__"
]
