/** What the books do when quotas are set, or agents move between groups: each does what one event says. */
import type { Account, Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import { membersChanged } from "../reservations/transitions.ts"
import * as tree from "./transitions.ts"

export const setQuota = (books: Books, account: Account, limit: number): void => {
  account.quota = limit
  if (account.agent.gate !== undefined) tree.requeue(books, account.agent)
  books.sink?.({
    _tag: "QuotaSet",
    at: books.now,
    agent: account.agent.id,
    type: account.pool.type,
    quota: limit === Infinity ? undefined : limit
  })
}

/** What an agent may have in groups: see `quota/transitions`. */
export const setGroup = (books: Books, group: tree.GroupChange): void => {
  regroup(books, tree.treesOf(books, group.group, group.parent), () => tree.setGroup(books, group))
  membersChanged(books)
  books.sink?.({ _tag: "GroupSet", at: books.now, ...group })
}

export const removeGroup = (books: Books, id: string): void => {
  tree.removeGroup(books, id)
  membersChanged(books)
  books.sink?.({ _tag: "GroupRemoved", at: books.now, group: id })
}

export const assign = (books: Books, agent: Agent, membership: tree.Membership): void => {
  regroup(books, new Set([agent, ...tree.treesOf(books, agent.group?.id, membership.group)]), () =>
    tree.assign(books, agent, membership)
  )
  membersChanged(books)
  books.sink?.({ _tag: "AgentAssigned", at: books.now, agent: agent.id, ...membership })
}

const regroup = (books: Books, agents: Iterable<Agent>, change: () => void): void => {
  if (books.ordering === undefined) change()
  else books.ordering.regroup(agents, change)
}
