/**
 * How commands under leases ended, as `run` and `up` tell it before they give the lease
 * back: for limits that learn from it. The home of a daemon provides it where it has any.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** How many are remembered: a lease is asked about soon after it came back. */
const rememberedMax = 10_000

export class LeaseExits extends Context.Service<
  LeaseExits,
  {
    readonly tell: (lease: number, code: number) => void
    /** The exit code of the command of a lease, where it was told lately. */
    readonly of: (lease: number) => number | undefined
  }
>()("@resource-manager/daemon/LeaseExits") {
  static readonly layer: Layer.Layer<LeaseExits> = Layer.sync(LeaseExits, () => {
    const codes = new Map<number, number>()
    return {
      tell: (lease, code) => {
        codes.set(lease, code)
        const [oldest] = codes.keys()
        if (codes.size > rememberedMax && oldest !== undefined) codes.delete(oldest)
      },
      of: (lease) => codes.get(lease)
    }
  })
}
