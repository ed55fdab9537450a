/**
 * Which columns of a CSV file mean what, as given on the command line:
 *
 *     submit=TIMESTAMP,run=0.25ms*ContextTokens+25ms*GeneratedTokens,slots=1
 *
 * A value is a sum of terms; a term is a column, a number, or number `*` column.
 * A unit (us, ms, s, m, h, d) after a number makes it a duration; a bare column of
 * a time counts seconds. Column names with other characters than letters, digits,
 * `_`, `.`, `#` and blanks go into double quotes.
 */
import * as Result from "effect/Result"
import { InvalidOption } from "./errors.ts"
import { type PoolSpec, reservedNames } from "./pools.ts"

export interface Term {
  /** Microseconds for a time, units for an amount: what one of the column counts for. */
  readonly factor: number
  /** `undefined` for a constant. */
  readonly column: string | undefined
}

export interface Mapping {
  /** Where it is a lone column, that column may hold timestamps. */
  readonly submit: ReadonlyArray<Term>
  readonly run: ReadonlyArray<Term>
  /** The run time where undefined. */
  readonly estimate: ReadonlyArray<Term> | undefined
  readonly agent: string | undefined
  /** 0 where undefined. */
  readonly priority: ReadonlyArray<Term> | undefined
  /** By pool, in the order of the pools. */
  readonly amounts: ReadonlyArray<ReadonlyArray<Term>>
}

const option = "--csv-columns"

const unitMicros = new Map([
  ["us", 1],
  ["ms", 1_000],
  ["s", 1_000_000],
  ["m", 60_000_000],
  ["h", 3_600_000_000],
  ["d", 86_400_000_000]
])

const tokenPattern = /\s*(?:"((?:[^"]|"")*)"|([^",=+*]+)|([,=+*]))/y

interface Token {
  readonly kind: "name" | "quoted" | "mark"
  readonly text: string
}

const tokenize = (text: string): ReadonlyArray<Token> | undefined => {
  const tokens: Array<Token> = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < text.length) {
    const match = tokenPattern.exec(text)
    if (match === null) return undefined
    const [, quoted, name, mark] = match
    if (quoted !== undefined) tokens.push({ kind: "quoted", text: quoted.replaceAll('""', '"') })
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark })
    else if (name !== undefined && name.trim() !== "") tokens.push({ kind: "name", text: name.trim() })
  }
  return tokens
}

const splitAt = (tokens: ReadonlyArray<Token>, mark: string): ReadonlyArray<ReadonlyArray<Token>> => {
  const parts: Array<Array<Token>> = [[]]
  for (const token of tokens) {
    if (token.kind === "mark" && token.text === mark) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

const numberPattern = /^(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|m|h|d)?$/

/** `scale` is what one without a unit counts for; `undefined` units are allowed where it is a time. */
const readTerm = (tokens: ReadonlyArray<Token>, isTime: boolean): Term | undefined => {
  const factors = splitAt(tokens, "*")
  let factor: number | undefined
  let column: string | undefined
  for (const part of factors) {
    const [token, ...more] = part
    if (token === undefined || more.length > 0 || token.kind === "mark") return undefined
    const [, digits, unit] = (token.kind === "name" ? numberPattern.exec(token.text) : null) ?? []
    if (digits !== undefined) {
      if (factor !== undefined || (unit !== undefined && !isTime)) return undefined
      factor = Number(digits) * (isTime ? (unitMicros.get(unit ?? "s") ?? 1) : 1)
    } else {
      if (column !== undefined) return undefined
      column = token.text
    }
  }
  return { factor: factor ?? (isTime ? 1_000_000 : 1), column }
}

const readTerms = (tokens: ReadonlyArray<Token>, isTime: boolean): ReadonlyArray<Term> | undefined => {
  const terms: Array<Term> = []
  for (const part of splitAt(tokens, "+")) {
    const term = readTerm(part, isTime)
    if (term === undefined) return undefined
    terms.push(term)
  }
  return terms
}

const timeKeys: ReadonlyArray<string> = ["submit", "run", "estimate"]

/** Reads the flag. Without one, the columns are those called `submit`, `run`, `amount`, `estimate`, `agent` and `priority`. */
export const readMapping = (
  text: string | undefined,
  pools: ReadonlyArray<PoolSpec>,
  columns: ReadonlyArray<string>
): Result.Result<Mapping, InvalidOption> => {
  const fail = (allowed: string) => Result.fail(new InvalidOption({ option, value: text, allowed }))
  const known = [
    ...timeKeys,
    "agent",
    "priority",
    ...(pools.length === 1 ? ["amount"] : []),
    ...pools.map((pool) => pool.name)
  ]
  const source =
    text ??
    known
      .filter((key) => columns.includes(key))
      .map((key) => `${key}="${key}"`)
      .join(",")
  const tokens = tokenize(source)
  if (tokens === undefined) return fail("a list of NAME=VALUE with closed quotes")
  const terms = new Map<string, ReadonlyArray<Term>>()
  for (const part of splitAt(tokens, ",")) {
    if (part.length === 0) continue
    const [key, equals, ...value] = part
    if (key === undefined || equals?.text !== "=" || value.length === 0) return fail("a list of NAME=VALUE")
    if (!known.includes(key.text)) return fail(`the names ${known.join(", ")}; ${shownKey(key.text)} is none`)
    if (terms.has(key.text)) return fail(`each name once; ${key.text} is there twice`)
    const read = readTerms(value, timeKeys.includes(key.text))
    if (read === undefined)
      return fail(`for ${key.text} a sum of COLUMN, NUMBER or NUMBER*COLUMN (units for times only)`)
    terms.set(key.text, read)
  }
  const missing = [...terms.values()].flat().find(({ column }) => column !== undefined && !columns.includes(column))
  if (missing !== undefined) return fail(`the file's columns: ${columns.join(", ")}; ${missing.column} is none`)
  return assemble(terms, pools, columns, fail)
}

const shownKey = (key: string): string => (reservedNames.includes(key) ? `${key} (there are several pools)` : key)

const assemble = (
  terms: ReadonlyMap<string, ReadonlyArray<Term>>,
  pools: ReadonlyArray<PoolSpec>,
  columns: ReadonlyArray<string>,
  fail: (allowed: string) => Result.Result<never, InvalidOption>
): Result.Result<Mapping, InvalidOption> => {
  const submit = terms.get("submit")
  const run = terms.get("run")
  if (submit === undefined || run === undefined) {
    const example = "submit=COLUMN,run=COLUMN"
    return fail(`at least ${example}, from the file's columns: ${columns.join(", ")}`)
  }
  const [agent, ...more] = terms.get("agent") ?? []
  if (more.length > 0 || (agent !== undefined && agent.column === undefined)) return fail("for agent one column")
  const amounts: Array<ReadonlyArray<Term>> = []
  for (const pool of pools) {
    const amount = terms.get(pool.name) ?? (pools.length === 1 ? terms.get("amount") : undefined)
    if (amount === undefined && pools.length > 1) return fail(`an amount for each pool; ${pool.name}=… is missing`)
    amounts.push(amount ?? [{ factor: 1, column: undefined }])
  }
  const priority = terms.get("priority")
  return Result.succeed({ submit, run, estimate: terms.get("estimate"), agent: agent?.column, priority, amounts })
}
