/** What the errors of node:fs and node:zlib mean to the one who named the file. */

const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

const readProblems = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "is a directory, not a workload file"],
  ["ENOTDIR", "a part of the path is not a directory"],
  ["EACCES", "may not be read by this user"],
  ["Z_BUF_ERROR", "the gzip data ends too early: the file is truncated"],
  ["Z_DATA_ERROR", "the gzip data is damaged"]
])

const writeProblems = new Map([
  ["ENOENT", "there is no such directory"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "a part of the path is not a directory"],
  ["EACCES", "may not be written by this user"],
  ["ENOSPC", "there is no space left"]
])

const describe = (problems: ReadonlyMap<string, string>, error: unknown): string => {
  const code = codeOf(error)
  return (
    (code === undefined ? undefined : problems.get(code)) ?? (error instanceof Error ? error.message : String(error))
  )
}

export const describeReadError = (error: unknown): string => describe(readProblems, error)

export const describeWriteError = (error: unknown): string => describe(writeProblems, error)
