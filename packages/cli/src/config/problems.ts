/**
 * What is wrong with data from a file, field by field: all of it at once, each with
 * the path of the field, the value, and what is allowed there.
 */
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"

export type FieldPath = ReadonlyArray<string | number>

export interface Problem {
  readonly path: FieldPath
  /** What is wrong, and what is allowed. */
  readonly message: string
  /** Which place of the file shows it: where the key stands, or its value. */
  readonly at: "key" | "value"
}

const identifier = /^[A-Za-z_][\w-]*$/

/** `pools.cpu.capacity`, `listen[1]`, `quotas["agent 1"].cpu`. */
export const formatPath = (path: FieldPath): string =>
  path
    .map((key, index) =>
      typeof key === "number"
        ? `[${key}]`
        : identifier.test(key)
          ? `${index === 0 ? "" : "."}${key}`
          : `[${JSON.stringify(key)}]`
    )
    .join("")

/** A value as it stands in a message: short, on one line. */
export const quote = (value: unknown): string => {
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object" && value !== null) return "a mapping"
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** Edits between two words: insertions, deletions, replacements, and neighbours that swapped places. */
const distance = (a: string, b: string): number => {
  const rows: Array<Array<number>> = [Array.from({ length: b.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1)
      }
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** The nearest of the known words, where one is near enough to have been meant. */
export const nearest = (word: string, known: ReadonlyArray<string>): string | undefined => {
  const most = Math.max(1, Math.floor(word.length / 3))
  const measured = known
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)[0]
  return measured !== undefined && measured.edits <= most ? measured.candidate : undefined
}

/** `no such field, did you mean "pools"? known: …`. */
export const unknownName = (what: string, word: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(word, known)
  const names = known.length === 0 ? "none" : known.join(", ")
  return meant === undefined
    ? `no such ${what}; known: ${names}`
    : `no such ${what}, did you mean ${meant}? Known: ${names}`
}

const primitives = new Map([
  ["String", "text"],
  ["Number", "a number"],
  ["Boolean", "true or false"],
  ["Null", "nothing"],
  ["Objects", "a mapping"],
  ["Arrays", "a list"]
])

const annotated = (annotations: unknown): string | undefined =>
  typeof annotations === "object" &&
  annotations !== null &&
  "expected" in annotations &&
  typeof annotations.expected === "string"
    ? annotations.expected
    : undefined

/** Where something was decoded from, that is what stands in the file. */
const written = (ast: SchemaAST.AST): SchemaAST.AST => {
  const first = ast.encoding?.[0]
  return first === undefined ? ast : written(first.to)
}

const allowedBy = (decoded: SchemaAST.AST): string => {
  const ast = written(decoded)
  const said = annotated(ast.annotations)
  if (said !== undefined) return said
  for (const check of ast.checks ?? []) {
    const expected = annotated(check.annotations)
    if (expected !== undefined) return expected
  }
  if (ast._tag === "Literal") return quote(ast.literal)
  if (ast._tag === "Union") return [...new Set(ast.types.map(allowedBy))].join(" or ")
  return primitives.get(ast._tag) ?? "another value"
}

/** Why a mapping has no such key: its keys are known by name, or have a form. */
const unexpectedKey = (ast: SchemaAST.AST, key: string): string => {
  const objects = written(ast)
  if (objects._tag !== "Objects") return `${quote(key)} is not allowed here`
  const [form] = objects.indexSignatures
  if (form !== undefined) return `${quote(key)} is not allowed here; allowed: ${allowedBy(form.parameter)}`
  const known = objects.propertySignatures.map(({ name }) => String(name))
  return unknownName("field", key, known)
}

const hasPath = (issue: SchemaIssue.Issue): boolean => {
  switch (issue._tag) {
    case "Pointer":
      return true
    case "Composite":
    case "AnyOf":
      return issue.issues.some(hasPath)
    case "Encoding":
    case "Filter":
      return hasPath(issue.issue)
    default:
      return false
  }
}

interface Found {
  readonly path: FieldPath
  readonly allowed: string
}

const problemOf = (issue: SchemaIssue.Issue, { allowed, path }: Found): Problem => {
  if (!("input" in issue)) return { path, at: "value", message: `allowed: ${allowed}` }
  return { path, at: "value", message: `${quote(issue.input)} is not allowed here; allowed: ${allowed}` }
}

const anyOf = (issue: SchemaIssue.AnyOf, path: FieldPath): ReadonlyArray<Problem> => {
  // Whoever wrote a mapping meant the member that is one: what is wrong inside of it says more than all that is allowed.
  const inner = issue.issues.filter(hasPath)
  if (inner.length > 0) return inner.flatMap((one) => problemsOf(one, path))
  return [problemOf(issue, { path, allowed: allowedBy(issue.ast) })]
}

/** The leaves of an issue of Schema, as problems. */
export const problemsOf = (issue: SchemaIssue.Issue, path: FieldPath = []): ReadonlyArray<Problem> => {
  switch (issue._tag) {
    case "Pointer": {
      const [key] = issue.path
      const inner = [...path, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))]
      if (issue.issue._tag === "UnexpectedKey") {
        return [{ path: inner, at: "key", message: unexpectedKey(issue.issue.ast, String(key)) }]
      }
      if (issue.issue._tag === "MissingKey") return [{ path: inner, at: "value", message: "is missing" }]
      return problemsOf(issue.issue, inner)
    }
    case "Composite":
      return issue.issues.flatMap((inner) => problemsOf(inner, path))
    case "Encoding":
      return problemsOf(issue.issue, path)
    case "AnyOf":
      return anyOf(issue, path)
    case "Filter": {
      if (hasPath(issue.issue)) return problemsOf(issue.issue, path)
      const said = issue.issue._tag === "InvalidValue" ? issue.issue.annotations?.message : undefined
      if (typeof said === "string") return [{ path, at: "value", message: said }]
      return [problemOf(issue, { path, allowed: annotated(issue.filter.annotations) ?? "another value" })]
    }
    case "InvalidValue":
      return [problemOf(issue, { path, allowed: annotated(issue.annotations) ?? "another value" })]
    case "InvalidType":
      return [problemOf(issue, { path, allowed: allowedBy(issue.ast) })]
    case "OneOf":
      return [problemOf(issue, { path, allowed: allowedBy(issue.ast) })]
    case "Forbidden":
    case "MissingKey":
    case "UnexpectedKey":
      return [problemOf(issue, { path, allowed: "nothing" })]
  }
}
