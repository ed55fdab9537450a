/** The page of keys. */
import { span, joinText, line, pad } from "../text.ts"
import type { Sheet } from "../views.ts"

const keys: ReadonlyArray<readonly [key: string, what: string]> = [
  ["q, Esc", "quit"],
  ["left right, Tab", "select another section"],
  ["up down, k j", "scroll the section by a row"],
  ["PgUp PgDn", "by a page"],
  ["Home End", "to its beginning or end"],
  ["s, S", "sort the section by the next thing, or the one before"],
  ["Enter", "show the section alone, or all"],
  ["p, Space", "pause, and go on"],
  ["?, h", "this page"]
]

const bars = { unicode: ["█", "▒", "·", "»"], ascii: ["#", "=", ".", ">"] } as const

export const helpLines = ({ style, width }: Sheet): ReadonlyArray<string> => {
  const [used, kept, free, over] = style.unicode ? bars.unicode : bars.ascii
  const shapes: typeof keys = [
    [used, "in use"],
    [kept, "kept for waiters that are first: not in use, not charged"],
    [free, "free"],
    [over, "more in use than there is, until leases return"]
  ]
  const words: typeof keys = [
    ["SHARE", "the largest part of any pool that an agent holds"],
    ["/S", "grants a second since the last look"],
    ["RATE", "tokens that come, and how many are left"],
    ["WHY", "the first reason and how many more: `why WAITER` tells all"]
  ]
  const section = (title: string, rows: typeof keys) => [
    line(span("strong", title), width, style),
    ...rows.map(([key, what]) => line(joinText(["  ", pad(span("accent", key), 16), "  ", what]), width, style))
  ]
  return [...section("Keys", keys), "", ...section("Bars", shapes), "", ...section("Columns", words)]
}
