/** Claims as the wire has them. */
import type { Claim, WaitOptions } from "@resource-manager/core/Claim"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Held } from "./held.ts"

/** A duration as the wire has it. The manager checks it. */
const spanOf = (input: Duration.Input): number | string => {
  if (typeof input === "number" || typeof input === "string") return input
  return Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
}

/** How a claim waits, and what it says for the policies. */
export const waitFields = (options: WaitOptions | undefined) =>
  options === undefined
    ? {}
    : {
        ...(options.timeout === undefined ? {} : { timeout: spanOf(options.timeout) }),
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        ...(options.expected === undefined ? {} : { expected: spanOf(options.expected) }),
        ...(options.preemptible === true ? { preemptible: true } : {}),
        ...(options.maximum === undefined ? {} : { maximum: options.maximum }),
        ...(options.onQuota === undefined ? {} : { onQuota: options.onQuota })
      }

/** What a claim asks for besides. */
export interface ClaimMore {
  readonly manual?: boolean
  readonly wait?: boolean
}

/** A claim of a client: asked again until it is answered. */
export interface Asked {
  readonly command: number
  readonly agent: string
  readonly claim: Claim
  readonly around: Held | undefined
  readonly options: WaitOptions | undefined
  readonly more: ClaimMore | undefined
}

/** What the daemon is asked. */
export const claimPayload = ({ agent, around, claim, command, more, options }: Asked, ack: number) => {
  const simple = { command, ack, agent, claim }
  if (around === undefined && more === undefined && options === undefined) return simple
  return {
    ...simple,
    // One that has come back meanwhile is no parent any more, and its number may be another's.
    ...(around?.status === "held" ? { parent: around.id } : {}),
    ...(more?.wait === false ? { wait: false } : {}),
    ...(more?.manual === true ? { manual: true } : {}),
    ...waitFields(options),
    ...(options?.expiresAfter === undefined ? {} : { expiresAfter: spanOf(options.expiresAfter) })
  }
}
