/** Without Effect: promises, `AbortSignal` and `await using`. */
import { strict as assert } from "node:assert"
import { Errors, makeUnsafe, mebibytes } from "@resource-manager/core"

// #region program
await using manager = makeUnsafe({
  pools: { cpu: { capacity: 2 }, memory: { capacity: mebibytes(512) } },
  timeout: "5 seconds"
})

const resize = (image: string) =>
  manager.withLease("thumbnails", { cpu: 1, memory: mebibytes(64) }, async () => `${image}.webp`)

const thumbnails = await Promise.all(["cat", "dog", "owl"].map(resize))
// #endregion program

console.log(thumbnails.join(", "))
assert.deepEqual(thumbnails, ["cat.webp", "dog.webp", "owl.webp"])

{
  // Given back at the end of the block, also where it throws.
  await using lease = await manager.lease("export", { cpu: 2 })
  assert.deepEqual(lease.claim, { cpu: 2 })
  assert.equal(await manager.tryLease("export", { cpu: 1 }), undefined)

  // A wait that is aborted leaves the queue.
  const abort = new AbortController()
  const waiting = manager.lease("preview", { cpu: 1 }, { signal: abort.signal })
  abort.abort()
  await assert.rejects(waiting)
  assert.deepEqual(await manager.explain("preview"), [])
}
assert.deepEqual(await manager.usage("export"), {})

// Errors are the typed ones, and say what a person needs to know.
await assert.rejects(manager.lease("export", { cpu: 3 }), (error) => {
  assert(error instanceof Errors.ResourceExhausted)
  console.log(error.message)
  return error.limit === 2
})
