/** Names from outside, as cells and in sentences. */
import { span, type Span } from "./text.ts"

/** Whether a name would not be seen for what it is: nothing, or blanks at its ends. */
const isFaint = (name: string): boolean => name === "" || name !== name.trim()

/** A name as people read it: quoted where it would hide. */
export const named = (name: string): string => (isFaint(name) ? JSON.stringify(name) : name)

export const nameCell = (name: string): Span => span("accent", named(name))
