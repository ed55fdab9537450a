/** What the process ends with. Documented in docs/simulate.md; scripts depend on them. */
export const exitCodes = {
  ok: 0,
  /** A defect of the program itself. */
  defect: 1,
  /** A flag or argument is missing, unknown, or not among the allowed values. */
  usage: 2,
  /** The workload cannot be read, or holds nothing to replay. */
  input: 3,
  /** The report, or the result on standard output, cannot be written. */
  output: 4,
  /** The replay broke a rule of the manager: the figures are printed, and must not be trusted. */
  violations: 5,
  /** This Node is too old. */
  node: 6,
  /** Stopped by a signal. */
  interrupted: 130
} as const
