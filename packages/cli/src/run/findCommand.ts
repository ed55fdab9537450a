/** Whether a command can be started, as a shell would look for it: before anybody waits for its lease. */
import { accessSync, constants, statSync } from "node:fs"
import { join } from "node:path"

export type Found =
  | "found"
  /** There is no file of that name. */
  | "missing"
  /** There is one that may not be executed. */
  | "notExecutable"
  | "folder"

const lookAt = (path: string): Found => {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return "missing"
  if (stat.isDirectory()) return "folder"
  accessSync(path, constants.X_OK)
  return "found"
}

const look = (path: string): Found => {
  try {
    return lookAt(path)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    return code === "ENOTDIR" ? "missing" : "notExecutable"
  }
}

/** Whether it is looked for in the folders of PATH. */
export const isBare = (command: string): boolean => !command.includes("/")

export const findCommand = (command: string, searchPath: string | undefined): Found => {
  if (!isBare(command)) return look(command)
  // Without it a shell has folders of its own.
  if (searchPath === undefined) return "found"
  const looks = new Set(searchPath.split(":").map((folder) => look(join(folder === "" ? "." : folder, command))))
  if (looks.has("found")) return "found"
  // A folder of that name is nobody's command, and no hindrance.
  return looks.has("notExecutable") ? "notExecutable" : "missing"
}
