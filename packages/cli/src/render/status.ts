/** `status`: the daemon in a few lines, then its pools. */
import { formatBytes } from "@resource-manager/core/Amount"
import { count, counted } from "./amounts.ts"
import { command, program } from "./commands.ts"
import { poolList } from "./pools.ts"
import { fields, paragraph } from "./table.ts"
import { joinText, line, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { OverviewView, Sheet, StatusView } from "./views.ts"

const words = (key: string): string => key.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()

/** A figure of the journal, by what its name says it is. */
const journalFigure = (key: string, value: string | number | boolean): string => {
  if (typeof value !== "number") return `${words(key)} ${value}`
  if (/bytes$/i.test(key)) return `${words(key.replace(/bytes$/i, ""))} ${formatBytes(value)}`.trim()
  if (/millis$/i.test(key)) return `${words(key.replace(/millis$/i, ""))} ${duration(value)}`
  return `${count(value)} ${words(key)}`
}

const journalText = ({ durable, journal }: StatusView): Text => {
  if (!durable) return "none: what is held ends with the daemon"
  const figures = Object.entries(journal ?? {}).map(([key, value]) => journalFigure(key, value))
  return figures.length === 0 ? "durable" : figures.join(", ")
}

const heldText = ({ leases, orphans, waiters }: StatusView): Text =>
  joinText(
    [
      counted(leases, "lease"),
      waiters === 0 ? "nobody waits" : span("warn", `${count(waiters)} waiting`),
      ...(orphans === 0 ? [] : [span("bad", `${count(orphans)} orphaned`)])
    ],
    ", "
  )

/** What to look at next, where something wants it. */
const hintOf = ({ orphans, waiters }: StatusView): string | undefined => {
  if (orphans > 0) return `Orphaned leases are kept for processes that go on: \`${command("leases list")}\`.`
  return waiters > 0 ? `Why they wait: \`${command("waiters list")}\`, \`${command("top")}\`.` : undefined
}

export const statusLines = (status: StatusView, { style, width }: Sheet): ReadonlyArray<string> => [
  line(
    [span("strong", `${program} ${status.version}`), `, pid ${status.pid}, up ${duration(status.uptimeMillis)}`],
    width,
    style
  ),
  ...fields(
    [
      ["listens on", status.addresses.join(", ") || "nothing"],
      ["state", status.stateFolder],
      ["journal", journalText(status)],
      ["sessions", `${count(status.sessions)} on ${counted(status.connections, "connection")}`],
      ["held", heldText(status)],
      [
        "when idle",
        status.idleTimeoutMillis === undefined ? undefined : `ends after ${duration(status.idleTimeoutMillis)}`
      ]
    ],
    { style, width }
  )
]

/** `status` where a daemon answers. */
export const statusPage = (overview: OverviewView, sheet: Sheet): ReadonlyArray<string> => {
  const { pools, status } = overview
  const hint = status === undefined ? undefined : hintOf(status)
  return [
    ...(status === undefined ? [] : [...statusLines(status, sheet), ""]),
    ...poolList(pools, sheet),
    ...(hint === undefined ? [] : ["", ...paragraph(hint, sheet)])
  ]
}

/** `status` where none does. */
export const noDaemon = (address: string, sheet: Sheet): ReadonlyArray<string> => [
  ...paragraph(`No daemon answers at ${address}.`, sheet),
  ...paragraph(`Start one with \`${command("serve")}\`, or let \`${command("run")}\` start it.`, sheet)
]
