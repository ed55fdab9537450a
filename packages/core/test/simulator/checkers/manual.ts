/** A manual release takes from the agent's manual acquisitions only, newest first, all or nothing. */
import { type Checker, failing, type Run } from "../checker.ts"
import { amountsOf, type WorldClaim } from "../model.ts"

const name = "manual"
const fail = failing(name)

export const manual = (run: Run): Checker => {
  const { world } = run
  const held: Record<string, number> = {}
  /** What each manual acquisition of the agent has to give back, newest first. */
  let due: ReadonlyArray<readonly [WorldClaim, Record<string, number>]> | undefined
  let enough = false
  return {
    name,
    beforeCommand: () => {
      due = undefined
      if (run.command.name !== "releaseManual") return
      const own = world.leases.filter((lease) => lease.manual && lease.agent === run.command.agent).toReversed()
      const rest: Record<string, number> = { ...run.command.claim }
      enough = Object.entries(rest).every(([type, amount]) => {
        held[type] = 0
        for (const lease of own) held[type] += amountsOf(lease)[type] ?? 0
        return amount <= held[type]
      })
      due = own.map((lease) => {
        const amounts = amountsOf(lease)
        for (const type in amounts) {
          amounts[type] = enough ? Math.min(amounts[type]!, rest[type] ?? 0) : 0
          rest[type] = (rest[type] ?? 0) - amounts[type]
        }
        return [lease, amounts] as const
      })
    },
    onEvent: (event) => {
      const given = event._tag === "Shrunk" || (event._tag === "Returned" && event.reason === "released")
      if (due === undefined || !given) return
      const [lease, amounts = {}] = due.find(([candidate]) => candidate.id === event.id) ?? []
      if (lease === undefined) return fail(`${event.id} was taken from, but is no manual acquisition of this agent`)
      const taken = event._tag === "Shrunk" ? event.amounts : amountsOf(lease)
      for (const type in taken) {
        if (taken[type] !== amounts[type]) fail(`${event.id} gave ${taken[type]} ${type}, not ${amounts[type]}`)
        amounts[type] = 0
      }
    },
    afterCommand: (answer) => {
      const owed = due
      due = undefined
      if (owed === undefined) return
      if (enough !== (answer === undefined))
        fail(`a manual release was ${enough ? "refused" : "done"}: it holds ${JSON.stringify(held)}`)
      for (const [lease, amounts] of owed) {
        for (const type in amounts) if (amounts[type] !== 0) fail(`${lease.id} owes ${amounts[type]} ${type}`)
      }
    }
  }
}
