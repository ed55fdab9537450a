/** What can go wrong with the directory and its files. Wrong use of the manager has its own errors. */
import * as Schema from "effect/Schema"

/** The directory of the command line is none, or cannot be read. */
export class InvalidDirectory extends Schema.TaggedError<InvalidDirectory>()("InvalidDirectory", {
  message: Schema.String,
  directory: Schema.String
}) {}

/** One file could not be read. The others go on. */
export class FileUnreadable extends Schema.TaggedError<FileUnreadable>()("FileUnreadable", {
  message: Schema.String,
  path: Schema.String,
  /** It was there when the directory was listed, and is no more. */
  vanished: Schema.Boolean
}) {}

/** The registry did not take a digest. */
export class RegistryRefused extends Schema.TaggedError<RegistryRefused>()("RegistryRefused", {
  message: Schema.String,
  path: Schema.String,
  status: Schema.Number
}) {}

/** The list of digests could not be written. */
export class ManifestUnwritable extends Schema.TaggedError<ManifestUnwritable>()("ManifestUnwritable", {
  message: Schema.String,
  path: Schema.String
}) {}

export interface SystemCause {
  readonly code: string
  readonly message: string
}

const known: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ENOTDIR: "it is not a directory",
  EISDIR: "it is a directory",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many levels of symbolic links",
  ENOSPC: "no space left",
  EROFS: "the file system is read-only"
}

/** The code and a phrase for people, of whatever Node threw. */
export const causeOf = (thrown: unknown): SystemCause => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const code = "code" in error && typeof error.code === "string" ? error.code : "UNKNOWN"
  return { code, message: known[code] ?? error.message }
}
