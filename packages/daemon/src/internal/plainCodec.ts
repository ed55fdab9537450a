/**
 * Codecs that are free for plain data.
 *
 * Most of what is said are strings, finite numbers, booleans, and objects and lists of
 * them, which are their own JSON: where a value is that, and of the form that its schema
 * asks for, one look at it is enough. Everything else (an error, a number that JSON has
 * not, a key too many) takes the schema's own codec. So both sides read, write and refuse
 * exactly what they would without this; a remote lease costs a fifth less of both.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaCompiler from "effect/schema/SchemaCompiler"

type Test = (value: unknown) => boolean

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const recordTest = ({ parameter, type }: SchemaAST.IndexSignature): Test | undefined => {
  const test = testOf(type)
  if (test === undefined || parameter._tag !== "String" || parameter.checks !== undefined) return undefined
  return (value) => {
    if (!isRecord(value)) return false
    for (const key in value) if (!test(value[key])) return false
    return true
  }
}

const structTest = (properties: ReadonlyArray<SchemaAST.PropertySignature>): Test | undefined => {
  const names: Array<string> = []
  const tests: Array<Test> = []
  const required: Array<boolean> = []
  for (const { name, type } of properties) {
    const test = testOf(type)
    // What every object has is not looked for in one.
    if (test === undefined || typeof name !== "string" || name in Object.prototype) return undefined
    names.push(name)
    tests.push(test)
    required.push(type.context?.isOptional !== true)
  }
  return (value) => {
    if (!isRecord(value)) return false
    let present = 0
    for (let at = 0; at < names.length; at++) {
      const field = value[names[at]!]
      if (field === undefined) {
        if (required[at]!) return false
      } else if (tests[at]!(field)) present++
      else return false
    }
    // A schema leaves out what it does not know, and a key of nothing is not an absent one.
    return Object.keys(value).length === present
  }
}

/** Numbers that JSON has not, as text: next to numbers, these strings are read as numbers. */
const isNumberText: Test = (value) => value === "Infinity" || value === "-Infinity" || value === "NaN"

/** Only of what has no parts, so that no member reads parts of a value otherwise than the one that it is of. */
const unionTest = (members: ReadonlyArray<SchemaAST.AST>): Test | undefined => {
  const tests: Array<Test> = []
  for (const member of members) {
    const test = member._tag === "Arrays" || member._tag === "Objects" ? undefined : testOf(member)
    if (test === undefined) return undefined
    tests.push(test)
  }
  const hasNumber = members.some(({ _tag }) => _tag === "Number")
  return (value) => tests.some((test) => test(value)) && !(hasNumber && isNumberText(value))
}

/** Whether a value is of the schema's form and its own JSON; `undefined` where none can be, or it takes more to know. */
const testOf = (ast: SchemaAST.AST): Test | undefined => {
  if (ast.checks !== undefined || ast.encoding !== undefined) return undefined
  switch (ast._tag) {
    case "String":
      return (value) => typeof value === "string"
    case "Number":
      return Number.isFinite
    case "Boolean":
      return (value) => typeof value === "boolean"
    case "Null":
      return (value) => value === null
    case "Literal": {
      const { literal } = ast
      return typeof literal === "bigint" ? undefined : (value) => value === literal
    }
    case "Arrays": {
      const [item, ...more] = ast.rest
      if (item === undefined || more.length > 0 || ast.elements.length > 0) return undefined
      const test = testOf(item)
      return test && ((value) => Array.isArray(value) && value.every(test))
    }
    case "Union":
      return unionTest(ast.types)
    case "Objects": {
      const [index, ...more] = ast.indexSignatures
      if (index === undefined) return structTest(ast.propertySignatures)
      return more.length > 0 || ast.propertySignatures.length > 0 ? undefined : recordTest(index)
    }
    default:
      return undefined
  }
}

/** Whether a value is the payload of a call, and its own JSON. */
export const isPlainPayload = <R extends Rpc.Any>(rpc: R): ((value: unknown) => value is Rpc.Payload<R>) =>
  // What is its own JSON is of the type that its schema encodes.
  (testOf((rpc as unknown as Rpc.AnyWithProps).payloadSchema.ast) ?? (() => false)) as (
    value: unknown
  ) => value is Rpc.Payload<R>

type Parse = (value: unknown) => Effect.Effect<unknown, never>

/** Has a compiler's part for a schema: what it has no answer for takes the parser that there was. */
const compile = (ast: SchemaAST.AST, answer: (value: unknown) => unknown, parse: Parse): void =>
  SchemaCompiler.set(ast, {
    decode: (value) => answer(value) ?? SchemaCompiler.invalid,
    decodeEffect: parse
  })

/** A codec that asks another one only where it has no answer of its own. */
const shortcut = (
  full: Schema.Top,
  decode: (value: unknown) => unknown,
  encode: (value: unknown) => unknown
): Schema.Top => {
  // The issue of a schema is the getter's own error: it is passed on as it is.
  const decodeFull = SchemaParser.decodeUnknownEffect(full) as Parse
  const encodeFull = SchemaParser.encodeUnknownEffect(full) as Parse
  const codec = Schema.Unknown.pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.transformEffect((value: unknown) => decodeFull(value)),
      encode: SchemaGetter.transformEffect((value: unknown) => encodeFull(value))
    })
  )
  compile(codec.ast, decode, decodeFull)
  compile(Schema.flip(codec).ast, encode, encodeFull)
  return codec
}

/** Calls are made of payloads that were checked: of plain ones by the same look. */
const makePlain = (schema: Schema.Top, test: Test): void => {
  const { ast } = Schema.toType(schema)
  const parse = SchemaParser.decodeUnknownEffect(Schema.make(ast)) as Parse
  // It keeps the parser that it finds at its first use, which is now.
  Effect.runSyncExit(parse(undefined))
  SchemaCompiler.set(ast, {
    make: (value) => (test(value) ? value : SchemaCompiler.invalid),
    decodeEffect: parse
  })
}

const isSuccess = (encoded: unknown): encoded is { readonly value: unknown } =>
  isRecord(encoded) && encoded["_tag"] === "Success" && Object.hasOwn(encoded, "value")

/** What a call that succeeds is answered: a value of plain data. Errors are for their schema. */
const exitCodec = (full: Schema.Top, test: Test): Schema.Top =>
  shortcut(
    full,
    (encoded) => (isSuccess(encoded) && test(encoded.value) ? Exit.succeed(encoded.value) : undefined),
    (exit) =>
      Exit.isExit(exit) && Exit.isSuccess(exit) && test(exit.value) ? { _tag: "Success", value: exit.value } : undefined
  )

const nothing = { _tag: "Success", value: null }

/** The same of a call that is answered nothing, for which JSON has `null`. */
const voidCodec = (full: Schema.Top): Schema.Top =>
  shortcut(
    full,
    (encoded) => (isSuccess(encoded) && encoded.value === null ? Exit.void : undefined),
    (exit) => (Exit.isExit(exit) && Exit.isSuccess(exit) && exit.value === undefined ? nothing : undefined)
  )

const itself = (test: Test) => (value: unknown) => (test(value) ? value : undefined)

type Codecs = ReadonlyMap<Schema.Top, Schema.Top>

const codecsOf = (codecFor: RpcSerialization.CodecFor, rpcs: Iterable<Rpc.Any>): Codecs => {
  const known = new Map<Schema.Top, Schema.Top>()
  for (const rpc of rpcs) {
    const { payloadSchema, successSchema } = rpc as unknown as Rpc.AnyWithProps
    const payload = testOf(payloadSchema.ast)
    if (payload !== undefined) {
      known.set(payloadSchema, shortcut(codecFor(payloadSchema), itself(payload), itself(payload)))
      makePlain(payloadSchema, payload)
    }
    const exit: Schema.Top = Rpc.exitSchema(rpc)
    const answer = testOf(successSchema.ast)
    if (answer !== undefined) known.set(exit, exitCodec(codecFor(exit), answer))
    else if (successSchema.ast._tag === "Void") known.set(exit, voidCodec(codecFor(exit)))
  }
  return known
}

/** All connections speak by the same codecs. */
const compiled = new WeakMap<RpcSerialization.CodecFor, WeakMap<object, Codecs>>()

/** The same serialization, with short cuts for the calls of a group. */
export const withPlainData = <Rpcs extends Rpc.Any>(
  serialization: RpcSerialization.RpcSerialization["Service"],
  group: RpcGroup.RpcGroup<Rpcs>
): RpcSerialization.RpcSerialization["Service"] => {
  const { codecFor } = serialization
  const groups = compiled.get(codecFor) ?? new WeakMap<object, Codecs>()
  compiled.set(codecFor, groups)
  const known = groups.get(group) ?? codecsOf(codecFor, group.requests.values())
  groups.set(group, known)
  return {
    ...serialization,
    // What a codec of `known` reads and writes is what the schema's own does.
    codecFor: ((schema: Schema.Top) => known.get(schema) ?? codecFor(schema)) as RpcSerialization.CodecFor
  }
}
