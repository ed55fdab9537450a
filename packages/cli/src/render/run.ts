/** What `run` says while it waits, and `--try` where it does not. */
import type { Check } from "@resource-manager/core/Statistics"
import { claimShort } from "./amounts.ts"
import { byWeight, reasonShort, whyShort } from "./reasons.ts"
import { line, span } from "./text.ts"
import { duration } from "./time.ts"
import { nameCell } from "./names.ts"
import type { Sheet, WaiterView } from "./views.ts"

/** One line, to be written over itself: `builder waits 3.2 s for cpu 4: cpu: 4 cores, 1 core free +1`. */
export const waitingLine = (waiter: WaiterView, { style, types, width }: Sheet): string =>
  line(
    [
      nameCell(waiter.agent),
      ` waits ${duration(waiter.waitedMillis)} for ${claimShort(types, waiter.claim)}`,
      span("dim", ` (${whyShort(waiter, types)}`),
      span("dim", waiter.timesOutInMillis === undefined ? ")" : `, gives up in ${duration(waiter.timesOutInMillis)})`)
    ],
    width,
    style
  )

/** The same while the daemon cannot say why. */
export const awayLine = (agent: string, waitedMillis: number, { style, width }: Sheet): string =>
  line(
    [
      nameCell(agent),
      ` waits ${duration(waitedMillis)}`,
      span("dim", " (the daemon does not answer: it is busy, or was stopped; it goes on once one is there)")
    ],
    width,
    style
  )

/** Why a claim was not granted now, every reason on a line. */
export const notNow = (check: Check, { style, types, width }: Sheet): ReadonlyArray<string> => [
  ...check.errors.flatMap(({ message }) => message.split("\n")).map((text) => line(text, width, style)),
  ...byWeight(check.reasons).map((reason) => line(reasonShort(reason, types), width, style))
]
