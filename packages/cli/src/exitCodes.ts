/** What the process ends with. Documented in docs/cli.md; scripts depend on them. */
export const exitCodes = {
  ok: 0,
  /** A defect of the program itself. */
  defect: 1,
  /** A flag or argument is missing, unknown, or not among the allowed values. */
  usage: 2,
  /** A file cannot be read, or what it says makes no sense: a workload, settings. */
  input: 3,
  /** The report, or the result on standard output, cannot be written. */
  output: 4,
  /** The replay broke a rule of the manager: the figures are printed, and must not be trusted. */
  violations: 5,
  /** This Node is too old. */
  node: 6,
  /** No daemon answers, or none that this program can talk to. */
  unreachable: 7,
  /** The daemon asks for a token, or for another one. */
  denied: 8,
  /** The manager or the daemon says no: it knows no such thing, or the value is not allowed. */
  refused: 9,
  /** Not done, because nobody confirmed it: answer the question, or add --yes. */
  unconfirmed: 10,
  /** Another daemon has the state folder, or the address is taken. */
  busy: 11,
  /** The journal cannot be opened, or must not be trusted. */
  journal: 12,
  /** An agent of `up` did not end well. */
  agents: 13,
  /** Stopped by a signal. */
  interrupted: 130
} as const
