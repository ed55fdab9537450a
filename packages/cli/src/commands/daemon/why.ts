/** `why`: every reason of a wait, and what would help. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { exitCodes } from "../../exitCodes.ts"
import { failed } from "../../frame/CommandFailed.ts"
import { withDaemon } from "../../frame/daemon.ts"
import { print } from "../../frame/output.ts"
import { overviewOf } from "../../frame/question.ts"
import { WhyOutput } from "../../output/daemon.ts"
import { textStyle } from "../../render/style.ts"
import { hintForWaiter } from "../../render/why/hints.ts"
import { Scene } from "../../render/why/scene.ts"
import { why as whyPage, whyNobody } from "../../render/why/why.ts"

export const why = (connect: Option.Option<string>, target: string) =>
  withDaemon(
    connect,
    Effect.fnUntraced(function* (daemon) {
      const { overview, types } = yield* overviewOf(daemon)
      const sheet = { style: textStyle, width: Infinity, zone: "local", types } as const
      if (whyPage(target, overview, sheet) === undefined) {
        return yield* failed(exitCodes.refused, whyNobody(target, sheet).join(" "))
      }
      const byNumber = overview.waiters.filter(({ id }) => String(id) === target)
      const isNumber = byNumber.length > 0 || overview.leases.some(({ id }) => String(id) === target)
      const agent = isNumber ? undefined : overview.agents.find((one) => one.agent === target)
      const waiters = isNumber ? byNumber : overview.waiters.filter((waiter) => waiter.agent === target)
      const scene = new Scene(overview)
      const explained = waiters.map((waiter) => {
        const { command, rule, text } = hintForWaiter(waiter, scene, types)
        return { ...waiter, hint: { rule, text, ...(command === undefined ? {} : { command }) } }
      })
      return yield* print({
        schema: WhyOutput,
        value: { waiters: explained, ...(agent === undefined ? {} : { agent }) },
        types,
        lines: (paper) => whyPage(target, overview, paper) ?? []
      })
    })
  )
