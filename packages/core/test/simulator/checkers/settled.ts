/**
 * Everyone who waits is told the end of it exactly once: granted or failed, in
 * `settled`, or in the answer to the very claim; one that gave up itself is told
 * nothing. Leases that end by themselves are told too, and a release says whether
 * the lease came back now.
 */
import { type Checker, failing, type Run } from "../checker.ts"

const name = "settled"
const fail = failing(name)

export const settled = (run: Run): Checker => {
  const { ledger, world } = run
  const expected = new Map<number, string>()
  const returned = new Set<number>()
  const noticed = new Set<number>()
  const heard = new Set<number>()
  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Granted" || (event._tag === "Left" && event.reason !== "Interrupted")) {
        const claim = world.claim(event.id)
        if (claim.status !== "waiting") fail(`${event.id} got an end, but did not wait`)
        if (claim.arrivedIn < world.command) {
          expected.set(event.id, event._tag === "Granted" ? "held" : event.reason)
        }
      }
      if (event._tag === "Preempting" || event._tag === "Spared" || event._tag === "Ending") noticed.add(event.id)
      if (event._tag !== "Returned") return
      // An expiry that was due comes before the command that meets it; so does a force.
      const byItself =
        event.reason === "overrun" || (event.reason === "expired" && world.claim(event.id).notice?.cause !== "expiry")
      if (!byItself) returned.add(event.id)
      if (event.reason !== "released") expected.set(event.id, "returned")
    },
    afterCommand: (answer) => {
      const told = new Set<number>()
      for (const request of run.settled) {
        const end = expected.get(request.id)
        // Of its notice; it may have ended since, for a reason of its own.
        if (noticed.has(request.id) && (request.status === "held" || end === undefined)) {
          heard.add(request.id)
          if (end === "held") told.add(request.id)
          continue
        }
        if (end === undefined) fail(`${request.id} was told an end that it did not have`)
        if (told.has(request.id) && end !== "returned") fail(`${request.id} was told twice`)
        told.add(request.id)
        const actual = request.status === "left" ? request.refusal?._tag : request.status
        // It was granted and came back in one command, by its expiry.
        if (actual !== end && !(end === "held" && actual === "returned")) {
          fail(`${request.id} was told ${actual}, but its end was ${end}`)
        }
      }
      for (const id of noticed) {
        if (!heard.has(id) && !told.has(id) && world.claims.has(id)) fail(`nobody told ${id} of its notice`)
      }
      noticed.clear()
      heard.clear()
      for (const id of expected.keys()) if (!told.has(id)) fail(`nobody was told the end of ${id}`)
      expected.clear()
      const { keeps, name: command, returns } = run.command
      if (keeps !== undefined && world.claims.has(keeps)) fail(`${keeps} can be undone, after its caller kept it`)
      if (returns !== undefined && answer !== returned.has(returns))
        fail(`a ${command} says ${String(answer)}, not ${returned.has(returns)}`)
      returned.clear()
      // A growth whose lease was taken in this very decision came back with it.
      const isGone = typeof answer === "object" && "grows" in answer && answer.grows?.status === "returned"
      if (typeof answer === "object" && "status" in answer && !isGone) {
        const claim = world.claims.get(answer.id)
        // One that was granted may be taken in this very decision too, where its holder has no grace.
        const wasTaken = claim === undefined && answer.status === "returned"
        if (!wasTaken && answer.status !== claim?.status)
          fail(`the answer is ${answer.status}, the claim is ${claim?.status}`)
      }
      if (world.stopped && world.waiters.length > 0) fail(`${world.waiters.length} wait for a stopped manager`)
      if (ledger.settled.length > 0) fail("somebody was settled after the end")
    }
  }
}
