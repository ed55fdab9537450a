/** The limits of a language model's provider as one plugin. */
export type { BudgetView } from "./internal/purses.ts"
export { type CallError, Llm, type LlmError, type LlmView } from "./Llm.ts"
export * as LlmLeases from "./LlmLeases.ts"
export { BudgetExceeded, InvalidLlmOption } from "./LlmErrors.ts"
export type { CallOptions, Estimate, LlmLimits, LlmOptions } from "./LlmOptions.ts"
export { costMicros, formatMicros, type Price, type Usage } from "./Usage.ts"
