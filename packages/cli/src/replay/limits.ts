/** Bounds of what is read. Times stay whole microseconds well inside the safe integers. */
export const timeMicrosMax = 4_000_000_000 * 1_000_000
/** The Ledger's own bound on an agent's id. */
export const agentIdLengthMax = 256
/** The longest line or CSV record, in bytes. */
export const lineBytesMax = 1 << 16
/** Pools of one replay: the check of the order looks at every set of them. */
export const poolsMax = 8
