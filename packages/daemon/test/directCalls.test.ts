/** Calls beneath effect/rpc's client: each is answered once, and reads what the client's own would. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import { DirectCalls } from "../src/internal/directCalls.ts"
import { Claim, serialization } from "../src/Protocol.ts"

const clientError = (message: string) =>
  new RpcClientError({ reason: new RpcClientDefect({ message, cause: message }) })

const payload = { command: 1, ack: 1, agent: "a", claim: { cpu: 1 } }

const setup = () => {
  const sent: Array<FromClientEncoded> = []
  const link: { refusal: RpcClientError | undefined } = { refusal: undefined }
  const calls = new DirectCalls(serialization(1_000).codecFor, (message) => {
    if (link.refusal === undefined) sent.push(message)
    return link.refusal
  })
  const others: Array<unknown> = []
  const claim = calls.make(Claim, (other) =>
    Effect.suspend(() => {
      others.push(other)
      return Effect.succeed({ lease: 0, token: 0 })
    })
  )
  return { calls, claim, link, others, sent }
}

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("DirectCalls", () => {
  it.effect("sends effect/rpc's message, and goes on in the step in which its answer arrives", () =>
    Effect.gen(function* () {
      const { calls, claim, sent } = setup()
      const one = yield* start(claim(payload))
      const two = yield* start(claim({ ...payload, command: 2 }))
      assert.deepStrictEqual(sent, [
        { _tag: "Request", id: 0, tag: "Claim", payload, headers: [] },
        { _tag: "Request", id: 1, tag: "Claim", payload: { ...payload, command: 2 }, headers: [] }
      ])
      const answer = (requestId: number, lease: number) =>
        calls.settle({ _tag: "Exit", requestId, exit: { _tag: "Success", value: { lease, token: 7 } } })
      assert.isTrue(answer(1, 20))
      assert.deepStrictEqual(two.pollUnsafe(), Exit.succeed({ lease: 20, token: 7 }))
      assert.isUndefined(one.pollUnsafe())
      assert.isTrue(answer(0, 10))
      assert.deepStrictEqual(one.pollUnsafe(), Exit.succeed({ lease: 10, token: 7 }))
      // An answer that comes twice, and that of a call of the client's own.
      assert.isFalse(answer(0, 11))
      assert.isFalse(answer(calls.nextId() as number, 12))
    })
  )

  it.effect("fails with the daemon's error, and dies of what is no answer", () =>
    Effect.gen(function* () {
      const { calls, claim } = setup()
      const failed = yield* start(claim(payload))
      const error = { _tag: "SessionUnknown", message: "no such session" }
      calls.settle({ _tag: "Exit", requestId: 0, exit: { _tag: "Failure", cause: [{ _tag: "Fail", error }] } })
      assert.strictEqual((yield* Effect.flip(Fiber.join(failed)))._tag, "SessionUnknown")
      const garbled = yield* start(claim(payload))
      calls.settle({ _tag: "Exit", requestId: 1, exit: { _tag: "Success", value: { lease: "x" } } })
      const exit = yield* Fiber.await(garbled)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    })
  )

  it.effect("tells the daemon of a call that is interrupted, and takes no answer of it", () =>
    Effect.gen(function* () {
      const { calls, claim, sent } = setup()
      const fiber = yield* start(claim(payload))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(sent.at(-1), { _tag: "Interrupt", requestId: 0 })
      assert.isFalse(
        calls.settle({ _tag: "Exit", requestId: 0, exit: { _tag: "Success", value: { lease: 1, token: 1 } } })
      )
    })
  )

  it.effect("fails when the connection is gone, or never took it", () =>
    Effect.gen(function* () {
      const { calls, claim, link } = setup()
      const cut = yield* start(claim(payload))
      calls.hear({ _tag: "ClientProtocolError", error: clientError("gone") })
      assert.strictEqual((yield* Effect.flip(Fiber.join(cut)))._tag, "RpcClientError")
      const defect = yield* start(claim(payload))
      calls.hear({ _tag: "Defect", defect: "out of place" })
      const exit = yield* Fiber.await(defect)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      link.refusal = clientError("closed")
      assert.strictEqual(yield* Effect.flip(claim(payload)), link.refusal)
      // Whoever was refused waits for nothing that may end.
      calls.hear({ _tag: "ClientProtocolError", error: clientError("gone") })
    })
  )

  it.effect("leaves what is not its own JSON to the client's calls", () =>
    Effect.gen(function* () {
      const { claim, others, sent } = setup()
      const odd = [
        { ...payload, claim: { cpu: Number.NaN } },
        { ...payload, timeout: Infinity }
      ]
      for (const one of odd) yield* claim(one)
      assert.deepStrictEqual(others, odd)
      assert.deepStrictEqual(sent, [])
    })
  )
})
