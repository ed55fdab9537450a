/** The short cuts of the wire read, write and refuse what the schemas themselves do. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import { withPlainData } from "../src/internal/plainCodec.ts"
import { DaemonRpcs } from "../src/Protocol.ts"

const ndjson = RpcSerialization.makeNdjson()
const quick = withPlainData(ndjson, DaemonRpcs)

/** What a codec makes of a value: the result, or that it refuses. */
const outcome = (run: (value: unknown) => unknown) => (value: unknown) => {
  try {
    return { made: run(value) }
  } catch (error) {
    return { refused: error instanceof Error ? error.message.split("\n", 1)[0] : String(error) }
  }
}

const coders = (serialization: typeof ndjson, schema: Schema.Top) => {
  const codec = serialization.codecFor(schema) as Schema.Codec<unknown, unknown>
  return {
    encode: outcome(Schema.encodeUnknownSync(codec)),
    decode: outcome(Schema.decodeUnknownSync(codec))
  }
}

const wire = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

/** What somebody hostile, or of another version, may send instead. */
const spoilt = (value: unknown): ReadonlyArray<unknown> => {
  const instead: ReadonlyArray<unknown> = [null, 0, "", true, [], {}, "Infinity", "NaN", -1]
  if (Array.isArray(value)) return [...instead, [...value, null], value.slice(1), [[...value]]]
  if (typeof value !== "object" || value === null) return instead
  const fields = Object.entries(value)
  return [
    ...instead,
    { ...value, more: 1 },
    JSON.parse(`{"__proto__": 1, ${JSON.stringify(value).slice(1).replace(/^}/, '"x": 1}')}`) as unknown,
    ...fields.flatMap(([name, field]) => [
      Object.fromEntries(fields.filter(([other]) => other !== name)),
      ...spoilt(field).map((worse) => ({ ...value, [name]: worse }))
    ])
  ]
}

const samples = (schema: Schema.Top) =>
  Arbitrary.sampleEffect(Arbitrary.schema(schema as Schema.Codec<unknown>), {
    count: 12,
    seed: 1,
    // Few of all numbers are amounts.
    maxDiscards: 100_000
  })

/** How many messages were read in both ways. */
const compare = (schema: Schema.Top, values: ReadonlyArray<unknown>): number => {
  let read = 0
  const ours = coders(quick, schema)
  const theirs = coders(ndjson, schema)
  for (const value of values) {
    const encoded = theirs.encode(value)
    assert.deepStrictEqual(ours.encode(value), encoded)
    if (!("made" in encoded)) continue
    for (const sent of [wire(encoded.made), ...spoilt(wire(encoded.made)).slice(0, 80)]) {
      assert.deepStrictEqual(ours.decode(sent), theirs.decode(sent), JSON.stringify(sent))
      read++
    }
  }
  return read
}

/** But streams, whose elements have codecs of their own. */
const rpcs = ([...DaemonRpcs.requests.values()] as unknown as ReadonlyArray<Rpc.AnyWithProps & Rpc.Any>).filter(
  ({ successSchema }) => !RpcSchema.isStreamSchema(successSchema)
)

describe("codecs of plain data", () => {
  it.effect.each(rpcs.map((rpc) => [rpc._tag, rpc] as const))("%s", ([, rpc]) =>
    Effect.gen(function* () {
      const { errorSchema, payloadSchema, successSchema } = rpc
      assert.isAbove(compare(payloadSchema, yield* samples(payloadSchema)), 0)
      const exit: Schema.Top = Rpc.exitSchema(rpc)
      const answers = (yield* samples(successSchema)).map((value) => Exit.succeed(value))
      const failures =
        errorSchema.ast._tag === "Never" ? [] : (yield* samples(errorSchema)).map((error) => Exit.fail(error))
      const read = compare(exit, [...answers, ...failures, Exit.die("a defect"), Exit.interrupt(1)])
      assert.isAbove(read, 0)
    })
  )

  it("take what JSON has not, what is too much and what is missing to the schema", () => {
    const claim = rpcs.find((rpc) => rpc._tag === "Claim")!.payloadSchema
    const whole = { command: 1, ack: 1, agent: "a", claim: { cpu: 1, memory: 2 } }
    const read = compare(claim, [
      whole,
      { ...whole, claim: { cpu: Number.NaN, memory: Infinity } },
      { ...whole, timeout: Infinity },
      { ...whole, timeout: undefined },
      { ...whole, agent: undefined },
      { ...whole, claim: new Map([["cpu", 1]]) },
      { ...whole, claim: Object.create({ cpu: 1 }) as unknown },
      { ...whole, wait: false, manual: true, parent: 3, expiresAfter: "1 second" }
    ])
    assert.isAbove(read, 100)
  })

  it.effect("make the payloads that the schemas make, and refuse what they refuse", () =>
    Effect.gen(function* () {
      let refused = 0
      for (const { payloadSchema } of rpcs) {
        if (payloadSchema.ast._tag !== "Objects") continue
        // The same schema, which nothing was compiled for.
        const fields = payloadSchema as unknown as { readonly fields: Schema.Struct.Fields }
        const theirs = outcome((value) => Schema.Struct(fields.fields).make(value as never))
        const ours = outcome((value) => payloadSchema.make(value as never))
        for (const value of yield* samples(payloadSchema)) {
          for (const given of [value, ...spoilt(value).slice(0, 40), { ...(value as object), agent: Number.NaN }]) {
            const made = theirs(given)
            assert.deepStrictEqual(ours(given), made)
            if ("refused" in made) refused++
          }
        }
      }
      assert.isAbove(refused, 100)
    })
  )

  it("are there for the calls that a lease is made of", () => {
    for (const tag of ["Claim", "Release", "Cancel", "Heartbeat"]) {
      const rpc = rpcs.find((one) => one._tag === tag)!
      assert.notStrictEqual(quick.codecFor(rpc.payloadSchema).ast, ndjson.codecFor(rpc.payloadSchema).ast, tag)
      assert.strictEqual(quick.codecFor(rpc.payloadSchema), quick.codecFor(rpc.payloadSchema), tag)
      assert.strictEqual(quick.codecFor(Rpc.exitSchema(rpc)), quick.codecFor(Rpc.exitSchema(rpc)), tag)
    }
  })
})
