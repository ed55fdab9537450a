/** What the daemon says no with, as the errors that a manager's interface knows. */
import * as Errors from "@resource-manager/core/Errors"
import * as Effect from "effect/Effect"
import type {
  CommandCancelled,
  CommandForgotten,
  ForeignLease,
  LimitExceeded,
  NotAllowed,
  SessionUnknown
} from "../Errors.ts"
import type { LinkRefused } from "./link.ts"

/** What every call may fail with besides its own errors. */
export type Trouble =
  | LinkRefused
  | NotAllowed
  | LimitExceeded
  | SessionUnknown
  | CommandForgotten
  | CommandCancelled
  | ForeignLease

const troubleTags: ReadonlySet<string> = new Set<Trouble["_tag"]>([
  "ClientClosed",
  "ProtocolMismatch",
  "TokenRefused",
  "NotAllowed",
  "LimitExceeded",
  "SessionUnknown",
  "CommandForgotten",
  "CommandCancelled",
  "ForeignLease"
])

export const isTrouble = <E extends { readonly _tag: string }>(error: E | Trouble): error is Trouble =>
  troubleTags.has(error._tag)

/** Trouble of a claim, as the errors of claims. */
export const claimTrouble = (error: Trouble): Errors.InvalidClaim | Errors.QueueFull | Errors.ManagerStopped => {
  switch (error._tag) {
    case "NotAllowed":
      return new Errors.InvalidClaim({
        message: error.message,
        field: "agent",
        value: error.action,
        allowed: error.agent ?? "what the token allows"
      })
    case "LimitExceeded":
      if (error.limit === "messageBytes") {
        return new Errors.InvalidClaim({
          message: error.message,
          field: "claim",
          value: "too large",
          allowed: `at most ${error.max} bytes`
        })
      }
      return new Errors.QueueFull({
        message: error.message,
        scope: "session",
        name: error.limit,
        waiting: error.value,
        limit: error.max
      })
    default:
      return new Errors.ManagerStopped({ message: `the daemon has no more for this program: ${error.message}` })
  }
}

/** A question has no errors of its own: what is not allowed is a mistake of the program. */
export const questionTrouble = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, Exclude<E, Trouble>> =>
  Effect.catch(effect, (error): Effect.Effect<never, Exclude<E, Trouble>> =>
    // What is no trouble is the question's own error.
    isTagged(error) && isTrouble(error) ? Effect.die(error) : Effect.fail(error as Exclude<E, Trouble>)
  )

const isTagged = (error: unknown): error is { readonly _tag: string } =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"

export const lost = (lease: number, agent: string, reason: Errors.LeaseRevoked["reason"]): Errors.LeaseRevoked =>
  new Errors.LeaseRevoked({ lease, agent, reason, message: `lease ${lease} of ${agent} ${how[reason]}` })

const how: Readonly<Record<Errors.LeaseRevoked["reason"], string>> = {
  expired: "has expired",
  stopped: "was taken back at the stop",
  revoked: "was revoked",
  preempted: "was taken for a claim that goes before it",
  lost: "is lost: the daemon no longer knows the session that held it",
  returned: "has come back already"
}
