/** Reads and checks a file of `up`: its plan, and the settings of the manager that it runs under. */
import * as Effect from "effect/Effect"
import * as Document from "../config/document.ts"
import type { ConfigInvalid, ConfigUnreadable } from "../config/errors.ts"
import { settle, type Settings, type SettingsPlaces } from "../config/settings.ts"
import { problemsOfUpFile } from "./checks.ts"
import type { Plan } from "./plan.ts"
import { planOf } from "./resolve.ts"
import { UpFile } from "./schema.ts"

export interface Loaded {
  readonly plan: Plan
  readonly settings: Settings
}

const settingsFields = new Set([
  "pools",
  "quotas",
  "groups",
  "weights",
  "priorities",
  "reservations",
  "plugins",
  "manager"
])

/** All that is wrong with the file at once. */
export const load = Effect.fnUntraced(function* (
  path: string,
  places: SettingsPlaces
): Effect.fn.Return<Loaded, ConfigInvalid | ConfigUnreadable> {
  const document = yield* Document.load(path)
  const file = yield* Document.decode(UpFile, document, (value) => problemsOfUpFile(value, document.value))
  const shared = Object.entries(document.value ?? {}).filter(([field]) => settingsFields.has(field))
  const settings = yield* settle({ ...document, value: Object.fromEntries(shared) }, path, places, false)
  return { plan: planOf(file, document.path), settings }
})
