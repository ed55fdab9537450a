/**
 * The one thing that would help an agent that does not wait, by what ended most of
 * its claims; among equals the first of these.
 *
 * - `quota`     It was over its quota: raise the one that leaves least.
 * - `deadlock`  Its claims would have closed a cycle: look at it.
 * - `timeout`   It gave up in time: look at the longest queue that it was in.
 * - `exhausted` It asked for more than there ever is, or did not wait: look at the pools.
 * - `full`      The queue was full: look at who waits.
 * - `nothing`   Nothing was refused.
 */
import { amount, amountArgument, type Types } from "../amounts.ts"
import { command } from "../commands.ts"
import { named } from "../names.ts"
import type { AgentStatistics, OverviewView } from "../views.ts"
import { type Hint, hint } from "./hints.ts"

const quotaHint = (agent: AgentStatistics, types: Types): Hint => {
  const limited = Object.entries(agent.accounts).flatMap(([type, account]) =>
    account.quota === undefined ? [] : [{ type, account, quota: account.quota }]
  )
  const left = ({ account, quota }: (typeof limited)[number]) =>
    quota === 0 ? 0 : (quota - account.held - account.waiting) / quota
  const [tightest] = limited.toSorted((a, b) => left(a) - left(b))
  if (tightest === undefined) {
    return hint("quota", "It was over a quota that has been removed since.", command("quota list"))
  }
  const { account, quota, type } = tightest
  const of = (value: number) => amount(types, type, value)
  return hint(
    "quota",
    `Its quota of ${named(type)} is ${of(quota)}, and it holds ${of(account.held)}. To double it:`,
    command("quota set", agent.agent, type, amountArgument(types, type, Math.max(1, 2 * quota)))
  )
}

const timeoutHint = (agent: AgentStatistics, overview: OverviewView): Hint => {
  const [longest] = overview.pools
    .filter(({ resourceType }) => Object.hasOwn(agent.accounts, resourceType))
    .toSorted((a, b) => b.waiting - a.waiting)
  return longest === undefined
    ? hint("timeout", "It gave up before its turn came.", command("waiters list"))
    : hint(
        "timeout",
        "It gave up before its turn came. Ask with a longer time-out, or see who holds what it waited for:",
        command("pools show", longest.resourceType)
      )
}

/** What would help an agent that does not wait. */
export const hintForAgent = (agent: AgentStatistics, overview: OverviewView, types: Types): Hint => {
  const rules: Readonly<Record<string, () => Hint>> = {
    QuotaExceeded: () => quotaHint(agent, types),
    DeadlockDetected: () =>
      hint("deadlock", "What it asked for would have closed a cycle of waits:", command("deadlocks")),
    ClaimTimedOut: () => timeoutHint(agent, overview),
    ResourceExhausted: () =>
      hint(
        "exhausted",
        "It asked for more than there ever is, or for what was not there and did not wait:",
        command("pools list")
      ),
    QueueFull: () => hint("full", "Too many waited already:", command("waiters list"))
  }
  const [most] = Object.keys(rules)
    .filter((tag) => (agent.failures[tag] ?? 0) > 0)
    .toSorted((a, b) => (agent.failures[b] ?? 0) - (agent.failures[a] ?? 0))
  const rule = most === undefined ? undefined : rules[most]
  return rule === undefined
    ? hint("nothing", `Nothing to do: ${named(agent.agent)} waits for nothing, and nothing was refused to it.`)
    : rule()
}
