/** Types on the wire. */
import type { ResourceType } from "@resource-manager/core/ResourceType"
import type { TypeFacts } from "../Protocol.ts"

/** The unit of one, read off how one reads: types cross without their `format`. */
export const typeFacts = (type: ResourceType): TypeFacts => {
  const one = /^1 (.+)$/.exec(type.format(1))
  return { name: type.name, unit: type.unit, unitOne: one?.[1] ?? type.unit }
}
