/** A lease of a daemon in another process, against what its socket costs by itself. */
import * as Effect from "effect/Effect"
import { type Remote, startDaemon } from "../daemon.ts"
import { type EffectGuard, effectLoop, together, verifyEffectGuard } from "../guards.ts"
import type { BenchCase } from "../harness.ts"

/** As many as the daemon's pool has, and as are under way at once. */
const width = 64

const leaseOf = ({ manager }: Remote): EffectGuard => ({
  name: "withLease",
  run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
})

/** Two calls of nothing, one after the other: as many messages as a lease needs, on the same connection. */
const echoesOf = ({ connection }: Remote): EffectGuard => {
  const ping = Effect.orDie(connection.call((rpc) => rpc.Ping()))
  return {
    name: "two empty RPCs",
    run: (_, body) => Effect.andThen(ping, Effect.andThen(body, ping))
  }
}

/** Both processes have learnt the code before anything is timed: the daemon's learns nothing from a calibration. */
const warmUp = async (shrink: number, ...guards: ReadonlyArray<EffectGuard>): Promise<void> => {
  for (const guard of guards) await together(guard, width)(10_000 / shrink)
}

export const remoteLease: BenchCase = {
  name: "remote lease",
  measures:
    "One fiber takes and returns 1 of 64 of a daemon in another process, without a journal, by its Unix socket, again " +
    "and again. Against two empty calls, one after the other, on the same connection.",
  prepare: async ({ shrink }) => {
    const remote = await startDaemon()
    const [ours, echoes] = [leaseOf(remote), echoesOf(remote)]
    return {
      ours: { name: ours.name, sample: effectLoop(ours) },
      peers: [{ name: echoes.name, goal: 1.3, sample: effectLoop(echoes) }],
      verify: async () => {
        await verifyEffectGuard(ours, width)
        await warmUp(shrink, ours, echoes)
      },
      close: remote.close
    }
  }
}

export const remoteTogether: BenchCase = {
  name: "remote leases, 64 at once",
  measures: "The same from 64 fibers at once, on one connection.",
  prepare: async ({ shrink }) => {
    const remote = await startDaemon()
    const [ours, echoes] = [leaseOf(remote), echoesOf(remote)]
    return {
      ours: { name: ours.name, sample: together(ours, width) },
      peers: [{ name: echoes.name, goal: null, sample: together(echoes, width) }],
      verify: () => warmUp(shrink, ours, echoes),
      close: remote.close
    }
  }
}
