/** One rule of the Ledger, broken by a change of its text. */
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
