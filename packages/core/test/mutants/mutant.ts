/** One rule of the Ledger, broken by a change of its text. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

export interface Mutant {
  readonly name: string
  /** The rule that no longer holds. */
  readonly rule: string
  /** A file of `src/ledger`. */
  readonly file: string
  /** Occurs exactly once in the file: a mutant that no longer fits the source is an error, not a survivor. */
  readonly search: string
  readonly replacement: string
}

/** The changes of one file. */
export const of = (file: string, mutants: ReadonlyArray<Omit<Mutant, "file">>): ReadonlyArray<Mutant> =>
  mutants.map((mutant) => ({ ...mutant, file }))

export const sources = join(import.meta.dirname, "../../src/ledger")

/** The source with the change in it. */
export const patched = ({ file, name, replacement, search }: Mutant): string => {
  const source = readFileSync(join(sources, file), "utf8")
  const places = source.split(search).length - 1
  if (places !== 1) throw new Error(`mutant "${name}": its text occurs ${places} times in ${file}, not once`)
  return source.replace(search, () => replacement)
}
