/**
 * Comma-separated values with a header line, quoted as in RFC 4180 (csv-parse
 * reads them), and a mapping that says which columns mean what.
 */
import { finished } from "node:stream/promises"
import { type CsvError, parse, type Parser } from "csv-parse"
import { InvalidOption, WorkloadUnreadable } from "./errors.ts"
import { lineBytesMax } from "./limits.ts"
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

const submitOf = (terms: ReadonlyArray<BoundTerm>, record: ReadonlyArray<string>): number | Problem => {
  const [only, ...more] = terms
  if (only === undefined || only.index < 0 || more.length > 0) return sum(terms, record)
  const text = record[only.index] ?? ""
  // Seconds go the way of every number, with their unit; only what is none can be a date.
  if (readNumber(text) !== undefined) return sum(terms, record)
  return (
    readTimestamp(text) ?? {
      reason: "notATime",
      problem: `${only.name} is ${shown(text)}, neither seconds nor YYYY-MM-DD HH:MM:SS`
    }
  )
}

export class CsvReader implements RowReader {
  failure: InvalidOption | WorkloadUnreadable | undefined = undefined
  builder: WorkloadBuilder | undefined = undefined
  private readonly options: CsvOptions
  private readonly pools: ReadonlyArray<PoolSpec>
  private readonly parser: Parser
  private bound: Bound | undefined = undefined
  private readonly row: Row

  constructor(options: CsvOptions) {
    this.options = options
    this.pools = options.pools ?? []
    this.row = { submit: 0, run: 0, estimate: 0, agent: "-", amounts: this.pools.map(() => 0) }
    if (options.pools === undefined) {
      const allowed = "a whole number from 1 (or --pool NAME=CAPACITY), as a CSV file names none"
      this.failure = new InvalidOption({ option: "--capacity", value: "", allowed })
    }
    this.parser = parse({
      bom: true,
      delimiter: options.delimiter,
      max_record_size: lineBytesMax,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      skip_records_with_empty_values: false,
      trim: true,
      // Returning null keeps records out of the stream: they are used up here.
      on_record: (record: Array<string>, { lines }) => {
        this.read(record, lines)
        return null
      },
      on_skip: (error) => {
        this.skip(error)
        return undefined
      }
    })
    this.parser.on("error", (error) => {
      this.failure ??= new WorkloadUnreadable({ file: options.file, problem: error.message })
    })
    // Nothing comes out, but a stream that is not read does not end.
    this.parser.resume()
  }

  push(chunk: Uint8Array): void {
    if (this.failure === undefined) this.parser.write(chunk)
  }

  async end(): Promise<void> {
    if (this.failure !== undefined) return
    this.parser.end()
    // What is wrong with the stream is in `failure`.
    await finished(this.parser).catch(() => undefined)
  }

  private skip(error: CsvError | undefined): void {
    if (this.builder?.full === true || this.failure !== undefined) return
    const problem = error?.message ?? "not a CSV record"
    if (this.builder === undefined) {
      this.failure = new WorkloadUnreadable({ file: this.options.file, problem: `the header line: ${problem}` })
      return
    }
    const line = typeof error?.["lines"] === "number" ? error["lines"] : 0
    this.builder.addMalformed(line, "csv", problem)
  }

  private read(record: ReadonlyArray<string>, line: number): void {
    const { bound, builder } = this
    if (this.failure !== undefined || builder?.full === true) return
    if (bound === undefined || builder === undefined) return this.readHeader(record)
    if (record.length !== bound.columns) {
      return builder.addMalformed(line, "fieldCount", `${record.length} fields, not ${bound.columns} as in the header`)
    }
    const problem = this.fill(bound, record)
    if (problem !== undefined) return builder.addMalformed(line, problem.reason, problem.problem)
    builder.add(line, this.row)
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

  private fill(bound: Bound, record: ReadonlyArray<string>): Problem | undefined {
    const row = this.row
    const submit = submitOf(bound.submit, record)
    if (typeof submit !== "number") return submit
    const run = sum(bound.run, record)
    if (typeof run !== "number") return run
    const estimate = bound.estimate === undefined ? run : sum(bound.estimate, record)
    if (typeof estimate !== "number") return estimate
    row.submit = Math.round(submit)
    row.run = Math.round(run)
    row.estimate = Math.round(estimate)
    const agent = bound.agent < 0 ? "" : (record[bound.agent] ?? "")
    row.agent = agent === "" ? "-" : agent
    for (let i = 0; i < bound.amounts.length; i++) {
      const amount = sum(bound.amounts[i] ?? [], record)
      if (typeof amount !== "number") return amount
      if (!Number.isSafeInteger(amount)) {
        return { reason: "notWhole", problem: `the amount of ${this.pools[i]?.name} is ${amount}, not a whole number` }
      }
      row.amounts[i] = amount
    }
    return undefined
  }
}
