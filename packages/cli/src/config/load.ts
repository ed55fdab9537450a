/** The settings of this process: from its files and its environment. */
import * as Places from "@resource-manager/daemon/Places"
import * as Settings from "./settings.ts"

export const loadSettings = (file: string | undefined, isBackground = false) =>
  Settings.load({ file, environment: process.env, places: Places.make(process.env), isBackground })
