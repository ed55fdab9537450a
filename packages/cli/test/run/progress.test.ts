import { assert, describe, it } from "@effect/vitest"
import type { WaiterView } from "@resource-manager/core/Statistics"
import { Progress } from "../../src/run/progress.ts"
import { ownWaiter } from "../../src/run/wait.ts"

/** What is written where there is something to tell at these instants. */
const written = (isTerminal: boolean, instants: ReadonlyArray<readonly [number, string]>) => {
  const writes: Array<string> = []
  const progress = new Progress({ isTerminal, write: (text) => writes.push(text) })
  for (const [at, line] of instants) progress.tell(at, line)
  return { writes, progress }
}

describe("the progress of a wait", () => {
  it("is not told where it is short", () => {
    for (const isTerminal of [true, false]) {
      const { progress, writes } = written(isTerminal, [
        [0, "a"],
        [199, "b"]
      ])
      progress.clear()
      assert.deepStrictEqual(writes, [])
      assert.isFalse(progress.hasTold)
      assert.strictEqual(progress.nextInMillis(150), 50)
    }
  })

  it("is one line on a terminal, written over, and leaves nothing", () => {
    const { progress, writes } = written(true, [
      [200, "a"],
      [300, "a"],
      [700, "b"]
    ])
    assert.deepStrictEqual(writes, ["\ra\u001B[K", "\rb\u001B[K"])
    assert.strictEqual(progress.nextInMillis(700), 500)
    progress.clear()
    progress.clear()
    progress.say("done")
    assert.deepStrictEqual(writes.slice(2), ["\r\u001B[K", "done\n"])
  })

  it("is a line now and every ten seconds elsewhere", () => {
    const instants = [
      [200, "a"],
      [5_000, "b"],
      [10_199, "c"],
      [10_200, "d"],
      [20_199, "e"],
      [99_000, "f"]
    ] as const
    const { progress, writes } = written(false, instants)
    assert.deepStrictEqual(writes, ["a\n", "d\n", "f\n"])
    assert.strictEqual(progress.nextInMillis(100_000), 9_000)
    progress.clear()
    assert.lengthOf(writes, 3)
    assert.isTrue(progress.hasTold)
  })
})

describe("one's own wait among those of an agent", () => {
  const waiter = (id: number, cpu: number, waitedMillis: number): WaiterView => ({
    id,
    agent: "a",
    claim: { cpu },
    waitedMillis,
    reasons: [],
    earmarked: [],
    exempt: false
  })
  const waiters = [waiter(1, 2, 9_000), waiter(2, 4, 5_000), waiter(3, 2, 4_900), waiter(4, 2, 100)]

  it("is the one with the same claim that has waited as long", () => {
    assert.strictEqual(ownWaiter(waiters, { cpu: 2 }, 5_000)?.id, 3)
    assert.strictEqual(ownWaiter(waiters, { cpu: 4 }, 50)?.id, 2)
    assert.strictEqual(ownWaiter(waiters, { cpu: 2 }, 0)?.id, 4)
    assert.strictEqual(ownWaiter(waiters, { cpu: 3 }, 0), undefined)
    assert.strictEqual(ownWaiter(waiters, { cpu: 2, gpu: 1 }, 0), undefined)
    assert.strictEqual(ownWaiter([], { cpu: 2 }, 0), undefined)
  })
})
