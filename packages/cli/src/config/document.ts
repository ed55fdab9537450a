/**
 * A file of settings, in YAML or JSON: its value, and where in the file each field
 * stands. Both are read by the YAML parser, of which JSON is a subset, so that
 * both have places; a `.json` file must be JSON besides.
 */
import { readFileSync, statSync } from "node:fs"
import { extname, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Document as YamlDocument, LineCounter, Node, YAMLError } from "yaml"
import { ConfigInvalid, ConfigUnreadable } from "./errors.ts"
import { formatPath, type FieldPath, type Problem, problemsOf } from "./problems.ts"

/** Far more than anybody writes by hand. */
export const fileBytesMax = 1024 * 1024

export interface Place {
  readonly line: number
  readonly column: number
}

export interface Document {
  /** As it was named. */
  readonly file: string
  /** What relative paths in it are relative to stands in the folder of this. */
  readonly path: string
  readonly value: unknown
  /** Where a field stands, or the nearest one around it that is there. */
  readonly placeOf: (path: FieldPath, at: Problem["at"]) => Place | undefined
}

const reasons = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "is a folder"],
  ["ENOTDIR", "a part of the path is no folder"],
  ["EACCES", "may not be read by this user"]
])

const readText = (file: string): string => {
  const fail = (reason: string) => new ConfigUnreadable({ file, reason })
  try {
    const { size } = statSync(file)
    if (size > fileBytesMax) throw fail(`has ${size} bytes; allowed: at most ${fileBytesMax}`)
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file))
  } catch (cause) {
    if (cause instanceof ConfigUnreadable) throw cause
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") throw fail("is not UTF-8")
    throw fail(reasons.get(code) ?? (cause instanceof Error ? cause.message : String(cause)))
  }
}

const invalid = (
  file: string,
  problems: ReadonlyArray<{ readonly place: Place | undefined; readonly problem: Problem }>
) =>
  new ConfigInvalid({
    file,
    problems: problems
      .toSorted(
        (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0)
      )
      .map(({ place, problem }) => ({
        path: formatPath(problem.path),
        ...place,
        message: problem.message
      }))
  })

type Yaml = typeof import("yaml")

/** Of the library's words only those that say what to do. */
const faultMessage = ({ code, message, pos }: YAMLError, text: string): string => {
  if (code === "MULTIPLE_DOCS") return "another document begins here; allowed: one"
  if (code !== "DUPLICATE_KEY") return message
  const key = /^[^\s:,{}[\]]+/.exec(text.slice(pos[0]))?.[0] ?? "the key"
  return `${key} stands here for the second time; allowed: once`
}

const placeIn = (counter: LineCounter, offset: number): Place => {
  const { col, line } = counter.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/** The node of a path and, beside it, that of its key; as deep as the file goes. */
const walk = (yaml: Yaml, document: YamlDocument.Parsed, path: FieldPath) => {
  let node: Node | null = document.contents
  let key: Node | null = null
  for (const part of path) {
    while (yaml.isAlias(node)) node = node.resolve(document) ?? null
    if (yaml.isMap(node)) {
      const pair = node.items.find((item) => yaml.isScalar(item.key) && String(item.key.value) === String(part))
      if (pair === undefined) break
      key = yaml.isNode(pair.key) ? pair.key : null
      node = yaml.isNode(pair.value) ? pair.value : key
    } else if (yaml.isSeq(node) && typeof part === "number") {
      const item: unknown = node.items[part]
      if (!yaml.isNode(item)) break
      key = item
      node = item
    } else break
  }
  return { node, key }
}

const parse = (yaml: Yaml, file: string, text: string): Document => {
  // First: of what is no JSON the other parser says what YAML would want there.
  if (extname(file) === ".json") requireJson(file, text)
  const counter = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    stringKeys: true,
    version: "1.2",
    logLevel: "error"
  })
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.map((fault) => ({
      place: placeIn(counter, fault.pos[0]),
      problem: { path: [], at: "value" as const, message: faultMessage(fault, text) }
    }))
    throw invalid(file, problems)
  }
  return {
    file,
    path: resolve(file),
    value: toValue(file, document),
    placeOf: (path, at) => {
      const { key, node } = walk(yaml, document, path)
      const offset = (at === "key" ? (key ?? node) : (node ?? key))?.range?.[0]
      return offset === undefined ? undefined : placeIn(counter, offset)
    }
  }
}

const requireJson = (file: string, text: string): void => {
  try {
    JSON.parse(text)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? []
    const place = line === undefined ? undefined : { line: Number(line), column: Number(column) }
    const said = message.replace(/(, ".*" is not valid JSON| in JSON at position .*)$/s, "")
    throw invalid(file, [{ place, problem: { path: [], at: "value", message: `is not JSON: ${said}` } }])
  }
}

const toValue = (file: string, document: YamlDocument.Parsed): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw invalid(file, [{ place: undefined, problem: { path: [], at: "value", message } }])
  }
}

/** Reads a file. An empty one is a mapping without fields. */
export const load = (file: string): Effect.Effect<Document, ConfigInvalid | ConfigUnreadable> =>
  Effect.gen(function* () {
    const yaml = yield* Effect.promise(() => import("yaml"))
    return yield* Effect.try({
      try: () => {
        const document = parse(yaml, file, readText(file))
        return document.value === null ? { ...document, value: {} } : document
      },
      catch: (cause) => {
        if (cause instanceof ConfigInvalid || cause instanceof ConfigUnreadable) return cause
        throw cause
      }
    })
  })

/** What a value without a file stands in. */
export const without = (name: string, value: unknown, path: string): Document => ({
  file: name,
  path,
  value,
  placeOf: () => undefined
})

/** Fails with all problems at once, each with its place in the file. */
export const refuse = (document: Document, problems: ReadonlyArray<Problem>): ConfigInvalid =>
  invalid(
    document.file,
    problems.map((problem) => ({ place: document.placeOf(problem.path, problem.at), problem }))
  )

/** Decodes a document by a Schema, then by checks across its fields. Unknown fields are refused. */
export const decode = <A, I>(
  schema: Schema.Codec<A, I>,
  document: Document,
  check: (value: A) => ReadonlyArray<Problem> = () => []
): Effect.Effect<A, ConfigInvalid> =>
  Schema.decodeUnknownEffect(schema)(document.value, {
    errors: "all",
    onExcessProperty: "error",
    reportInput: true
  }).pipe(
    Effect.mapError((error) => refuse(document, problemsOf(error.issue))),
    Effect.flatMap((value) => {
      const problems = check(value)
      return problems.length === 0 ? Effect.succeed(value) : Effect.fail(refuse(document, problems))
    })
  )
