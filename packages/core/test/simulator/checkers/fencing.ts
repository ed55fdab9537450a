/** Ids and fencing tokens are unique and only grow, undone grants included. */
import { type Checker, failing, type Run } from "../checker.ts"

const name = "fencing"
const fail = failing(name)

export const fencing = (_run: Run): Checker => {
  let id = 0
  let token = 0
  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Queued" || event._tag === "GrantedAtOnce") {
        if (event.id <= id) fail(`id ${event.id} after ${id}`)
        id = event.id
      }
      if (event._tag === "Granted" || event._tag === "GrantedAtOnce") {
        if (event.token <= token) fail(`token ${event.token} after ${token}`)
        token = event.token
      }
      if (event._tag === "Returned" && (event.fence !== undefined) !== (event.reason === "overrun"))
        fail(`${event.id} was ${event.reason}, with a fence of ${event.fence}`)
      if (event._tag === "Returned" && event.fence !== undefined) {
        if (event.fence <= token) fail(`fence ${event.fence} after token ${token}`)
        token = event.fence
      }
    }
  }
}
