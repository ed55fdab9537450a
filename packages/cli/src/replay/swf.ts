/**
 * The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a
 * line, `;` begins a comment, -1 stands for unknown, times are seconds.
 *
 * What a job asks for: requested processors (field 8), or the allocated ones
 * (field 5) where that is -1. Its estimate: requested time (9), or the run time (4)
 * where that is below 0. Its agent: the user (12); all jobs of unknown users are one agent's,
 * "-". Its priority: the number of its queue (15), or 0 where that is below 0.
 *
 * Works on bytes: a line becomes a string only where it is malformed or a comment.
 */
import { InvalidOption } from "./errors.ts"
import { lineBytesMax } from "./limits.ts"
import { isBlank, type LineHandler, LineSplitter } from "./lines.ts"
import { defaultPoolName, type PoolSpec } from "./pools.ts"
import { type ReaderOptions, readNumber, type RowReader, shown } from "./reader.ts"
import { type Row, type TimeName, WorkloadBuilder } from "./workload.ts"

const fieldCount = 18
const [submitField, runField, allocatedField, requestedField, estimateField, userField, queueField] = [
  1, 3, 4, 7, 8, 11, 14
] as const

const timeFields: Record<TimeName, number> = { submit: submitField, run: runField, estimate: estimateField }

const fieldNames = [
  "job number",
  "submit time",
  "wait time",
  "run time",
  "allocated processors",
  "average CPU time",
  "used memory",
  "requested processors",
  "requested time",
  "requested memory",
  "status",
  "user",
  "group",
  "executable",
  "queue",
  "partition",
  "preceding job",
  "think time"
]

const semicolon = 0x3b
const zero = 0x30
const minus = 0x2d

const unknownAgent = "-"
const decoder = new TextDecoder()

/** Header comments that say how large the machine was, most precise first. */
const capacityHeaders = ["maxprocs", "maxnodes"]

export class SwfReader implements RowReader, LineHandler {
  failure: InvalidOption | undefined = undefined
  builder: WorkloadBuilder | undefined = undefined
  /** Header comments of the form `; Name: value`, by lower-case name. */
  readonly header = new Map<string, string>()
  private readonly options: ReaderOptions
  private readonly lines = new LineSplitter(this)
  private line = 0
  /** Where the line under way is. */
  private readonly current: { bytes: Uint8Array; from: number; to: number } = {
    bytes: new Uint8Array(0),
    from: 0,
    to: 0
  }
  private readonly writtenTime = (time: TimeName): string => `${this.written(timeFields[time])},`
  private readonly fields = new Float64Array(fieldCount)
  private readonly row: Row = { submit: 0, run: 0, estimate: 0, agent: unknownAgent, amounts: [0] }
  private readonly agents = new Map<number, string>([[-1, unknownAgent]])

  constructor(options: ReaderOptions) {
    this.options = options
    if (options.pools !== undefined && options.pools.length !== 1) {
      const value = options.pools.map((pool) => pool.name).join(", ")
      this.failure = new InvalidOption({
        option: "--pool",
        value,
        allowed: "one pool: a job of SWF asks for processors"
      })
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
    this.rows()?.addMalformed(line, "lineTooLong", `the line has more than ${lineBytesMax} bytes`)
  }

  readLine(bytes: Uint8Array, from: number, to: number, line: number): void {
    this.line = line
    const { current } = this
    current.bytes = bytes
    current.from = from
    current.to = to
    let start = from
    while (start < to && isBlank(bytes[start])) start++
    if (start === to) return
    if (bytes[start] === semicolon) return this.readComment(decoder.decode(bytes.subarray(start, to)))
    const rows = this.rows()
    if (rows === undefined) return
    const count = this.readFields(bytes, start, to, rows)
    if (count === undefined) return
    if (count !== fieldCount) {
      rows.addMalformed(line, "fieldCount", `${count} fields, not ${fieldCount}`)
      return
    }
    this.readJob(rows)
  }

  private readComment(text: string): void {
    const [, name, value] = /^;+\s*([A-Za-z]\w*)\s*:\s*(.*?)\s*$/.exec(text) ?? []
    if (name !== undefined && value !== undefined) this.header.set(name.toLowerCase(), value)
  }

  /** Fills `fields`, and tells how many there are; `undefined` where one was no number, which is reported. */
  private readFields(bytes: Uint8Array, from: number, to: number, rows: WorkloadBuilder): number | undefined {
    let at = from
    let count = 0
    while (at < to) {
      const start = at
      const negative = bytes[at] === minus
      if (negative) at++
      let value = 0
      let digits = 0
      for (; at < to; at++) {
        const digit = (bytes[at] ?? 0) - zero
        if (digit < 0 || digit > 9) break
        value = value * 10 + digit
        digits++
      }
      if (digits === 0 || digits > 15 || (at < to && !isBlank(bytes[at]))) {
        // Not a plain integer: the slow and general way.
        while (at < to && !isBlank(bytes[at])) at++
        const text = decoder.decode(bytes.subarray(start, at))
        const number = readNumber(text)
        if (number === undefined) {
          const name = fieldNames[count] ?? "beyond the last"
          rows.addMalformed(this.line, "notANumber", `field ${count + 1} (${name}) is ${shown(text)}, not a number`)
          return undefined
        }
        value = number
      } else if (negative) value = -value
      if (count < fieldCount) this.fields[count] = value
      count++
      while (at < to && isBlank(bytes[at])) at++
    }
    return count
  }

  private readJob(rows: WorkloadBuilder): void {
    const field = (index: number) => this.fields[index] ?? -1
    const amount = field(requestedField) === -1 ? field(allocatedField) : field(requestedField)
    if (!Number.isSafeInteger(amount)) {
      const index = field(requestedField) === -1 ? allocatedField : requestedField
      return Math.abs(amount) > Number.MAX_SAFE_INTEGER
        ? rows.addMalformed(this.line, "outOfRange", `${this.written(index)}, beyond ${Number.MAX_SAFE_INTEGER}`)
        : rows.addMalformed(this.line, "notWhole", `${this.written(index)}, not whole`)
    }
    const run = field(runField)
    const row = this.row
    row.submit = field(submitField) === -1 ? Number.NaN : Math.round(field(submitField) * 1e6)
    row.run = Math.round(run * 1e6)
    row.estimate = field(estimateField) < 0 ? row.run : Math.round(field(estimateField) * 1e6)
    // Classes, mostly; a number that is none of those orders nothing.
    const queue = field(queueField)
    row.priority = Number.isSafeInteger(queue) && queue > 0 ? queue : 0
    row.amounts[0] = amount
    row.agent = this.agentOf(field(userField))
    rows.add(this.line, row, this.writtenTime)
  }

  /** A field as the file has it: as a number it may have lost digits. */
  private written(index: number): string {
    const { bytes, from, to } = this.current
    const text =
      decoder
        .decode(bytes.subarray(from, to))
        .trim()
        .split(/[ \t\r]+/)[index] ?? ""
    return `field ${index + 1} (${fieldNames[index]}) is ${shown(text)}`
  }

  private agentOf(user: number): string {
    const known = this.agents.get(user)
    if (known !== undefined) return known
    const name = String(user)
    this.agents.set(user, name)
    return name
  }

  /** The builder, made when the first row comes: the header above it may say the capacity. */
  private rows(): WorkloadBuilder | undefined {
    if (this.builder !== undefined) return this.builder
    const pools = this.options.pools ?? this.poolsOfHeader()
    if (pools === undefined) {
      const allowed = "a whole number from 1, as the workload's header names none"
      this.failure = new InvalidOption({ option: "--capacity", value: undefined, allowed })
      return undefined
    }
    this.builder = new WorkloadBuilder(pools, this.options.window)
    return this.builder
  }

  private poolsOfHeader(): ReadonlyArray<PoolSpec> | undefined {
    for (const name of capacityHeaders) {
      const capacity = readNumber((this.header.get(name) ?? "").split(/\s/)[0] ?? "")
      if (capacity !== undefined && Number.isSafeInteger(capacity) && capacity >= 1) {
        return [{ name: defaultPoolName, capacity, rate: undefined }]
      }
    }
    return undefined
  }
}
