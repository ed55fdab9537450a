/**
 * How text looks, as data: what draws with it is a pure function. Colours only
 * underline what words, figures and shapes say already.
 */

/** What a piece of text is. Few, so that an accent stays one. */
export type Role = "strong" | "dim" | "good" | "warn" | "bad" | "accent"

/** The SGR parameters (ECMA-48) of each role; empty for none. */
export type Theme = Readonly<Record<Role, string>>

export interface Style {
  readonly theme: Theme
  /** Whether the terminal shows block elements and an ellipsis; else ASCII. */
  readonly unicode: boolean
}

export const themes = {
  /** The sixteen colours, which follow the terminal's own light or dark palette. */
  standard: { strong: "1", dim: "2", good: "32", warn: "33", bad: "31", accent: "36" },
  /** Weight alone, for who sees no colours or wants none. */
  mono: { strong: "1", dim: "2", good: "", warn: "1", bad: "7", accent: "4" },
  none: { strong: "", dim: "", good: "", warn: "", bad: "", accent: "" }
} as const satisfies Readonly<Record<string, Theme>>

/** Neither colours nor anything beyond ASCII. */
export const plainStyle: Style = { theme: themes.none, unicode: false }

/** Text for a file or a pipe: no colours. */
export const textStyle: Style = { theme: themes.none, unicode: true }

export interface Surroundings {
  readonly isTTY: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== ""

const showsUnicode = (env: Surroundings["env"]): boolean => {
  if (env["TERM"] === "linux" || env["TERM"] === "dumb") return false
  // Unset says nothing; a locale that is named and is not UTF-8 says no.
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find(isSet)
  return locale === undefined || /utf-?8/i.test(locale)
}

/**
 * The style of a stream. Colours on a terminal only, and never with `NO_COLOR`;
 * `FORCE_COLOR` (other than `0`) stands in for the terminal, as for pictures.
 * `RESOURCE_MANAGER_THEME` is `standard`, `mono` or `none`.
 */
export const styleOf = ({ env, isTTY }: Surroundings): Style => {
  const forced = isSet(env["FORCE_COLOR"]) && env["FORCE_COLOR"] !== "0"
  const colored = !isSet(env["NO_COLOR"]) && (forced || (isTTY && env["TERM"] !== "dumb"))
  const named = Object.entries(themes).find(([name]) => name === env["RESOURCE_MANAGER_THEME"])?.[1]
  return { theme: colored ? (named ?? themes.standard) : themes.none, unicode: showsUnicode(env) }
}

/** Paints text that is safe already. */
export const paint = (text: string, role: Role | undefined, style: Style): string => {
  const code = role === undefined ? "" : style.theme[role]
  return code === "" || text === "" ? text : `\u001B[${code}m${text}\u001B[0m`
}
