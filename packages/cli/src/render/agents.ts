/** `agents list`, `agents show` and `quota list`. */
import { amount, claimShort, count, counted, type Types } from "./amounts.ts"
import { command } from "./commands.ts"
import { failuresText, failuresTotal } from "./failures.ts"
import { leaseTable } from "./leases.ts"
import { nameCell, named } from "./names.ts"
import { distributionText, waitingCell } from "./pools.ts"
import { type Column, fields, paragraph, table } from "./table.ts"
import { line, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { AgentStatistics, HeldLease, Sheet, WaiterView } from "./views.ts"
import { waiterTable } from "./waiters.ts"

type Account = AgentStatistics["accounts"][string]

const dash: Text = span("dim", "-")

const accountsOf = (agent: AgentStatistics): ReadonlyArray<readonly [string, Account]> => Object.entries(agent.accounts)

const pick = (agent: AgentStatistics, value: (account: Account) => number | undefined): Record<string, number> =>
  Object.fromEntries(
    accountsOf(agent).flatMap(([type, account]) => {
      const amount = value(account)
      return amount === undefined ? [] : [[type, amount]]
    })
  )

/** What it holds of each type; of those with a quota, of how much. */
export const heldCell = (agent: AgentStatistics, types: Types): Text => {
  const held = claimShort(
    types,
    pick(agent, (account) => (account.held > 0 ? account.held : undefined))
  )
  return held === "" ? dash : held
}

export const quotaCell = (agent: AgentStatistics, types: Types): Text => {
  const quotas = claimShort(
    types,
    pick(agent, (account) => account.quota)
  )
  return quotas === "" ? dash : quotas
}

export const failedCell = ({ failures }: Pick<AgentStatistics, "failures">): Text => {
  const total = failuresTotal(failures)
  return total === 0 ? dash : count(total)
}

export const noAgents = `No agent has asked for anything yet. Try \`${command("run --agent me --cpu 1 -- echo hello")}\`.`

export const agentList = (agents: ReadonlyArray<AgentStatistics>, sheet: Sheet): ReadonlyArray<string> => {
  const columns: ReadonlyArray<Column<AgentStatistics>> = [
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 10 },
    { header: "HELD", cell: (agent) => heldCell(agent, sheet.types), least: 18 },
    { header: "QUOTA", cell: (agent) => quotaCell(agent, sheet.types), least: 18, hide: 3 },
    { header: "WAITING", cell: ({ waiting }) => waitingCell(waiting), align: "right" },
    { header: "GRANTED", cell: ({ acquisitions }) => count(acquisitions), align: "right", hide: 2 },
    { header: "FAILED", cell: failedCell, align: "right", hide: 4 },
    {
      header: "WAIT P90",
      cell: ({ waits }) => (waits.count === 0 ? dash : duration(waits.p90)),
      align: "right",
      hide: 1
    }
  ]
  return table(agents, columns, sheet, noAgents)
}

const heading = (text: string, { style, width }: Sheet): ReadonlyArray<string> => [
  "",
  line(span("strong", text), width, style)
]

/** One agent with its accounts, leases and waits. */
export const agentShow = (
  agent: AgentStatistics,
  around: { readonly leases: ReadonlyArray<HeldLease>; readonly waiters: ReadonlyArray<WaiterView> },
  sheet: Sheet
): ReadonlyArray<string> => {
  const { types } = sheet
  const of = (type: string, value: number): Text => (value === 0 ? dash : amount(types, type, value))
  const columns: ReadonlyArray<Column<readonly [string, Account]>> = [
    { header: "TYPE", cell: ([type]) => nameCell(type), least: 8 },
    { header: "HELD", cell: ([type, { held }]) => of(type, held), align: "right" },
    { header: "WAITS FOR", cell: ([type, { waiting }]) => of(type, waiting), align: "right" },
    {
      header: "QUOTA",
      cell: ([type, { quota }]) => (quota === undefined ? dash : amount(types, type, quota)),
      align: "right"
    },
    { header: "PEAK", cell: ([type, { peak }]) => of(type, peak), align: "right", hide: 1 }
  ]
  const leases = around.leases.filter((lease) => lease.agent === agent.agent)
  const waiters = around.waiters.filter((waiter) => waiter.agent === agent.agent)
  return [
    ...fields(
      [
        ["agent", named(agent.agent)],
        ["granted", count(agent.acquisitions)],
        ["failed", failuresText(agent.failures)],
        ["waits", distributionText(agent.waits)],
        ["holds", distributionText(agent.holds)]
      ],
      sheet
    ),
    ...(accountsOf(agent).length === 0 ? [] : ["", ...table(accountsOf(agent), columns, sheet)]),
    ...(leases.length === 0
      ? []
      : [...heading(counted(leases.length, "lease"), sheet), ...leaseTable(leases, sheet, false)]),
    ...(waiters.length === 0
      ? []
      : [
          ...heading(counted(waiters.length, "wait"), sheet),
          ...waiterTable(waiters, sheet, false),
          "",
          ...paragraph(`All reasons: \`${command("why", agent.agent)}\``, sheet)
        ])
  ]
}

interface Quota {
  readonly agent: string
  readonly type: string
  readonly account: Account
  readonly quota: number
}

export const noQuotas = `No quotas: every agent may hold all there is. Set one with \`${command("quota set AGENT cpu 4")}\`.`

export const quotaList = (agents: ReadonlyArray<AgentStatistics>, sheet: Sheet): ReadonlyArray<string> => {
  const quotas = agents.flatMap((agent) =>
    accountsOf(agent).flatMap(([type, account]): ReadonlyArray<Quota> =>
      account.quota === undefined ? [] : [{ agent: agent.agent, type, account, quota: account.quota }]
    )
  )
  const of = (type: string, value: number): Text => (value === 0 ? dash : amount(sheet.types, type, value))
  const left = ({ account, quota, type }: Quota): Text => {
    const rest = quota - account.held - account.waiting
    return rest > 0 ? amount(sheet.types, type, rest) : span("warn", rest < 0 ? "over it" : "none")
  }
  const columns: ReadonlyArray<Column<Quota>> = [
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 10 },
    { header: "TYPE", cell: ({ type }) => type, least: 8 },
    { header: "QUOTA", cell: ({ quota, type }) => amount(sheet.types, type, quota), align: "right" },
    { header: "HELD", cell: ({ account, type }) => of(type, account.held), align: "right", hide: 2 },
    { header: "WAITS FOR", cell: ({ account, type }) => of(type, account.waiting), align: "right", hide: 1 },
    { header: "LEFT", cell: left, align: "right" }
  ]
  return table(quotas, columns, sheet, noQuotas)
}
