/** `leases revoke`: takes leases from who holds them. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { exitCodes } from "../../exitCodes.ts"
import { confirm } from "../../frame/confirm.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { overviewOf } from "../../frame/question.ts"
import { LeasesRevokeOutput } from "../../output/daemon.ts"
import { printableLine } from "../../printable.ts"
import { claimShort, counted } from "../../render/amounts.ts"

export const revoke = (connect: Option.Option<string>, ids: ReadonlyArray<number>, yes: boolean) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const leases = overview.leases.filter(({ id }) => ids.includes(id))
      const missing = ids.filter((id) => !leases.some((lease) => lease.id === id))
      if (missing.length > 0) {
        const problem = `no lease has the number ${missing.join(" or ")}: see \`resource-manager leases list\``
        return yield* failed(exitCodes.refused, problem)
      }
      const named = leases.map(({ agent, claim, id }) => `${id} of ${agent} (${claimShort(types, claim)})`)
      yield* confirm(
        `Revoke ${counted(leases.length, "lease")}: ${named.join(", ")}? Whoever holds them loses them, commands of \`run\` are ended.`,
        yes
      )
      const unique = leases.map(({ id }) => id)
      yield* Effect.forEach(unique, (lease) => daemon.call((rpc) => rpc.RevokeLease({ lease })), { discard: true })
      return yield* print({
        schema: LeasesRevokeOutput,
        value: { revoked: unique },
        types,
        lines: () => named.map((lease) => printableLine(`revoked ${lease}`))
      })
    })
  )
