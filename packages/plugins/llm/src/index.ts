/** The limits of a language model's provider as one plugin. */
export { type BudgetView, type CallError, Llm, type LlmError, type LlmView } from "./Llm.ts"
export { BudgetExceeded, InvalidLlmOption } from "./LlmErrors.ts"
export type { CallOptions, Estimate, LlmOptions } from "./LlmOptions.ts"
export { costMicros, formatMicros, type Price, type Usage } from "./Usage.ts"
