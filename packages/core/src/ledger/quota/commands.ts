/** What administrators may say of groups: checked here, before the books do it. */
import { invalid, invalidAgent, isWeight, readAgent, unknownType, weightAllowed } from "../admission.ts"
import { Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import { isAmount, wholeNumber } from "../Claim.ts"
import type { InvalidClaim, UnknownResourceType } from "../Refusal.ts"
import type { Request } from "../Request.ts"
import * as quotas from "./changes.ts"
import type { Group, OnQuota } from "./Group.ts"
import { subtreeOf } from "./Group.ts"
import type { GroupLimits } from "./Level.ts"
import type { Membership } from "./transitions.ts"

/** The longest id of a group, in UTF-16 code units. */
export const groupIdLengthMax = 128
/** The most levels from a root down. */
export const groupDepthMax = 32

export interface GroupOptions {
  readonly parent?: string | undefined
  readonly onQuota?: OnQuota | undefined
  /** What it may have beside its siblings where shares are fair. 1 unless set. */
  readonly weight?: number | undefined
  readonly limits?: Readonly<Record<string, GroupLimits>> | undefined
}

export type GroupRefusal = InvalidClaim | UnknownResourceType

const onQuotaAllowed = `"fail" or "wait"`

const isGroupId = (id: unknown): boolean =>
  typeof id === "string" && id.length > 0 && id.length <= groupIdLengthMax && !id.includes("/")

const invalidId = (field: string, id: unknown): InvalidClaim =>
  invalid(field, id, `a string of 1 to ${groupIdLengthMax} characters without "/"`)

const unknownGroup = (books: Books, field: string, id: string): InvalidClaim => {
  const known = [...books.groups.byId.keys()]
  return invalid(field, id, known.length === 0 ? "a group that was set before; there is none" : known.join(", "))
}

const invalidLimits = (type: string, limits: GroupLimits): InvalidClaim | undefined => {
  for (const name of ["nominal", "borrowingLimit", "lendingLimit", "max", "leases"] as const) {
    const value = limits[name]
    if (value !== undefined && !isAmount(value)) return invalid(`limits.${type}.${name}`, value, wholeNumber)
  }
  const { rate } = limits
  if (rate === undefined) return undefined
  for (const name of ["limit", "intervalMicros"] as const) {
    if (!isAmount(rate[name]) || rate[name] === 0) {
      return invalid(`limits.${type}.rate.${name}`, rate[name], "a whole number from 1 to 9007199254740991")
    }
  }
  return rate.burst === undefined || isAmount(rate.burst)
    ? undefined
    : invalid(`limits.${type}.rate.burst`, rate.burst, wholeNumber)
}

const depthOf = (group: Group | undefined): number => {
  let depth = 0
  for (let at = group; at !== undefined; at = at.parent) depth++
  return depth
}

const heightOf = (group: Group | undefined): number =>
  group === undefined ? 1 : Math.max(...Array.from(subtreeOf(group), depthOf)) - depthOf(group) + 1

/** Where a group may hang. */
const invalidParent = (books: Books, id: string, parentId: string): InvalidClaim | undefined => {
  const parent = books.groups.byId.get(parentId)
  if (parent === undefined) return unknownGroup(books, "parent", parentId)
  for (let at: Group | undefined = parent; at !== undefined; at = at.parent) {
    if (at.id === id) return invalid("parent", parentId, `a group that is not ${id} nor below it`)
  }
  const depth = depthOf(parent) + heightOf(books.groups.byId.get(id))
  return depth > groupDepthMax
    ? invalid("parent", parentId, `a place where trees stay ${groupDepthMax} deep`)
    : undefined
}

/** Sets all that a group is at once: what is left out is as if never set. */
export const setGroup = (books: Books, id: string, options: GroupOptions): GroupRefusal | undefined => {
  if (!isGroupId(id)) return invalidId("group", id)
  const { limits = {}, onQuota, parent, weight = 1 } = options
  if (parent !== undefined) {
    const wrong = invalidParent(books, id, parent)
    if (wrong !== undefined) return wrong
  }
  if (!isWeight(weight)) return invalid("weight", weight, weightAllowed)
  if (onQuota !== undefined && onQuota !== "fail" && onQuota !== "wait") {
    return invalid("onQuota", onQuota, onQuotaAllowed)
  }
  for (const [type, ofType] of Object.entries(limits)) {
    if (!books.pools.has(type)) return unknownType(books, type)
    const wrong = invalidLimits(type, ofType)
    if (wrong !== undefined) return wrong
  }
  quotas.setGroup(books, { group: id, parent, onQuota, weight, limits })
  return undefined
}

/** A group goes only when nobody is in it, and nothing below. */
export const removeGroup = (books: Books, id: string): InvalidClaim | undefined => {
  const group = books.groups.byId.get(id)
  if (group === undefined) return unknownGroup(books, "group", id)
  if (group.children.size > 0) {
    return invalid(
      "group",
      id,
      `a group without groups below it; it has ${[...group.children].map((g) => g.id).join(", ")}`
    )
  }
  if (group.agents.size > 0) return invalid("group", id, `a group that no agent is in; ${group.agents.size} are in it`)
  quotas.removeGroup(books, id)
  return undefined
}

export const assign = (books: Books, agentId: string, membership: Membership): Agent | InvalidClaim => {
  const wrong = invalidAgent(agentId)
  if (wrong !== undefined) return wrong
  const { group, onQuota } = membership
  if (group !== undefined && !books.groups.byId.has(group)) return unknownGroup(books, "group", group)
  if (onQuota !== undefined && onQuota !== "fail" && onQuota !== "wait") {
    return invalid("onQuota", onQuota, onQuotaAllowed)
  }
  const agent = readAgent(books, agentId)
  if (!(agent instanceof Agent)) return agent
  quotas.assign(books, agent, membership)
  return agent
}

/** Everybody of a tree who waits, youngest first. */
export const waitersBelow = (root: Group): Array<Request> =>
  [...subtreeOf(root)]
    .flatMap((group) => [...group.agents])
    .flatMap((agent) => [...agent.waiters])
    .toSorted((a, b) => b.id - a.id)
