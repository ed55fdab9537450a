/**
 * Comma-separated values with a header line, quoted as in RFC 4180, and a mapping
 * that says which columns mean what.
 *
 * A record is a line: no quoted field goes on over the next one. So a stray quote
 * costs its own line, while a CSV parser that runs over the whole file loses all
 * that follows (csv-parse 7.0.3 does, even where told to skip bad records). Lines
 * with quotes are read by csv-parse, all others are cut at the delimiter.
 */
import { parse } from "csv-parse/sync"
import { InvalidOption } from "./errors.ts"
import { lineBytesMax } from "./limits.ts"
import { type LineHandler, LineSplitter } from "./lines.ts"
import { type Mapping, readMapping, type Term } from "./mapping.ts"
import type { PoolSpec } from "./pools.ts"
import { type ReaderOptions, readNumber, type RowReader, shown } from "./reader.ts"
import { readTimestamp } from "./timestamps.ts"
import { type MalformedReason, type Row, WorkloadBuilder } from "./workload.ts"

export interface CsvOptions extends ReaderOptions {
  readonly columns: string | undefined
  readonly delimiter: string
}

interface Problem {
  readonly reason: MalformedReason
  readonly problem: string
}

/** A term with its column found: `index` is -1 for a constant. */
interface BoundTerm {
  readonly factor: number
  readonly index: number
  readonly name: string
}

interface Bound {
  readonly submit: ReadonlyArray<BoundTerm>
  readonly run: ReadonlyArray<BoundTerm>
  readonly estimate: ReadonlyArray<BoundTerm> | undefined
  readonly agent: number
  readonly priority: ReadonlyArray<BoundTerm> | undefined
  readonly amounts: ReadonlyArray<ReadonlyArray<BoundTerm>>
  readonly columns: number
}

const bind = (mapping: Mapping, columns: ReadonlyArray<string>): Bound => {
  const terms = (source: ReadonlyArray<Term>): ReadonlyArray<BoundTerm> =>
    source.map(({ column, factor }) => ({
      factor,
      index: column === undefined ? -1 : columns.indexOf(column),
      name: column ?? ""
    }))
  return {
    submit: terms(mapping.submit),
    run: terms(mapping.run),
    estimate: mapping.estimate === undefined ? undefined : terms(mapping.estimate),
    agent: mapping.agent === undefined ? -1 : columns.indexOf(mapping.agent),
    priority: mapping.priority === undefined ? undefined : terms(mapping.priority),
    amounts: mapping.amounts.map(terms),
    columns: columns.length
  }
}

const sum = (terms: ReadonlyArray<BoundTerm>, record: ReadonlyArray<string>): number | Problem => {
  let total = 0
  for (const { factor, index, name } of terms) {
    if (index < 0) {
      total += factor
      continue
    }
    const text = record[index] ?? ""
    const value = readNumber(text)
    if (value === undefined) return { reason: "notANumber", problem: `${name} is ${shown(text)}, not a number` }
    total += factor * value
  }
  return total
}

/** What a sum was made of, as the file has it. */
const written = (terms: ReadonlyArray<BoundTerm>, record: ReadonlyArray<string>): string =>
  terms
    .filter(({ index }) => index >= 0)
    .map(({ index, name }) => `${name} is ${shown(record[index] ?? "")}`)
    .join(", ")

/** A column of times holds one kind, that of its first good row: numbers and dates have no common zero. */
type TimeKind = "seconds" | "a timestamp"

interface Settled {
  readonly kind: TimeKind
  readonly line: number
}

/** The kind of a time; `undefined` where the mapping leaves no choice. */
const kindOf = (terms: ReadonlyArray<BoundTerm>, record: ReadonlyArray<string>): TimeKind | undefined => {
  const [only, ...more] = terms
  if (only === undefined || only.index < 0 || more.length > 0) return undefined
  return readNumber(record[only.index] ?? "") === undefined ? "a timestamp" : "seconds"
}

const submitOf = (
  terms: ReadonlyArray<BoundTerm>,
  record: ReadonlyArray<string>,
  kind: TimeKind | undefined,
  settled: Settled | undefined
): number | Problem => {
  const [only] = terms
  if (only === undefined || kind === undefined) return sum(terms, record)
  const text = record[only.index] ?? ""
  // Seconds go the way of every number, with their unit; only what is none can be a date.
  const at = kind === "seconds" ? sum(terms, record) : readTimestamp(text)
  const found = `${only.name} is ${shown(text)}`
  if (at === undefined) {
    return { reason: "notATime", problem: `${found}, neither seconds nor YYYY-MM-DD HH:MM:SS` }
  }
  if (settled === undefined || settled.kind === kind) return at
  return { reason: "notATime", problem: `${found}, not ${settled.kind} as in line ${settled.line}` }
}

const carriageReturn = 0x0d
const decoder = new TextDecoder()

export class CsvReader implements RowReader, LineHandler {
  failure: InvalidOption | undefined = undefined
  builder: WorkloadBuilder | undefined = undefined
  private readonly options: CsvOptions
  private readonly pools: ReadonlyArray<PoolSpec>
  private readonly lines = new LineSplitter(this)
  private bound: Bound | undefined = undefined
  private settled: Settled | undefined = undefined
  private readonly row: Row

  constructor(options: CsvOptions) {
    this.options = options
    this.pools = options.pools ?? []
    this.row = { submit: 0, run: 0, estimate: 0, agent: "-", amounts: this.pools.map(() => 0) }
    if (options.pools === undefined) {
      const allowed = "a whole number from 1 (or --pool NAME=CAPACITY), as a CSV file names none"
      this.failure = new InvalidOption({ option: "--capacity", value: undefined, allowed })
    }
  }

  get returnsOnly(): boolean {
    return this.lines.returnsOnly
  }

  get done(): boolean {
    return this.failure !== undefined || this.builder?.full === true
  }

  push(chunk: Uint8Array): void {
    this.lines.push(chunk)
  }

  end(): void {
    this.lines.end()
  }

  readOverlong(line: number): void {
    this.report(line, "lineTooLong", `the line has more than ${lineBytesMax} bytes`)
  }

  readLine(bytes: Uint8Array, from: number, to: number, line: number): void {
    // Blanks at the end may be empty fields of a file with tabs: only the line's end goes.
    const text = decoder.decode(bytes.subarray(from, bytes[to - 1] === carriageReturn ? to - 1 : to))
    if (text.trim() === "") return
    const record = this.split(text)
    if (typeof record === "string") return this.report(line, "csv", record)
    const { bound, builder } = this
    if (bound === undefined || builder === undefined) return this.readHeader(record)
    if (record.length !== bound.columns) {
      return this.report(line, "fieldCount", `${record.length} fields, not ${bound.columns} as in the header`)
    }
    const kind = kindOf(bound.submit, record)
    const problem = this.fill(bound, record, kind)
    if (problem !== undefined) return this.report(line, problem.reason, problem.problem)
    const isGood = builder.add(line, this.row, (time) => `${time} (${written(bound[time] ?? bound.run, record)}) is`)
    if (isGood && kind !== undefined) this.settled ??= { kind, line }
  }

  /** The fields of a line, or what is wrong with it. */
  private split(text: string): ReadonlyArray<string> | string {
    const { delimiter } = this.options
    if (!text.includes('"')) return text.split(delimiter).map((field) => field.trim())
    try {
      const [record] = parse(text, { delimiter, relax_column_count: true, trim: true })
      return record ?? []
    } catch (error) {
      return error instanceof Error ? error.message.replace(" at line 1", "") : String(error)
    }
  }

  private report(line: number, reason: MalformedReason, problem: string): void {
    if (this.builder !== undefined) return this.builder.addMalformed(line, reason, problem)
    this.failure = new InvalidOption({
      option: "--format",
      value: "csv",
      allowed: `a file whose first line names the columns: ${this.options.file}:${line}: ${problem}`
    })
  }

  private readHeader(columns: ReadonlyArray<string>): void {
    const mapping = readMapping(this.options.columns, this.pools, columns)
    if (mapping._tag === "Failure") {
      this.failure = mapping.failure
      return
    }
    this.bound = bind(mapping.success, columns)
    this.builder = new WorkloadBuilder(this.pools, this.options.window)
  }

  private fill(bound: Bound, record: ReadonlyArray<string>, kind: TimeKind | undefined): Problem | undefined {
    const row = this.row
    const submit = submitOf(bound.submit, record, kind, this.settled)
    if (typeof submit !== "number") return submit
    const run = sum(bound.run, record)
    if (typeof run !== "number") return run
    const estimate = bound.estimate === undefined ? run : sum(bound.estimate, record)
    if (typeof estimate !== "number") return estimate
    const priority = bound.priority === undefined ? 0 : sum(bound.priority, record)
    if (typeof priority !== "number") return priority
    if (!Number.isSafeInteger(priority)) {
      const what = written(bound.priority ?? [], record)
      return { reason: "notWhole", problem: `the priority (${what}) is not a whole number` }
    }
    row.priority = priority
    row.submit = Math.round(submit)
    row.run = Math.round(run)
    row.estimate = Math.round(estimate)
    const agent = bound.agent < 0 ? "" : (record[bound.agent] ?? "")
    row.agent = agent === "" ? "-" : agent
    for (let i = 0; i < bound.amounts.length; i++) {
      const amount = sum(bound.amounts[i] ?? [], record)
      if (typeof amount !== "number") return amount
      if (!Number.isSafeInteger(amount)) {
        const what = `the amount of ${this.pools[i]?.name} (${written(bound.amounts[i] ?? [], record)})`
        return Math.abs(amount) > Number.MAX_SAFE_INTEGER
          ? { reason: "outOfRange", problem: `${what} is beyond ${Number.MAX_SAFE_INTEGER}` }
          : { reason: "notWhole", problem: `${what} is not a whole number` }
      }
      row.amounts[i] = amount
    }
    return undefined
  }
}
