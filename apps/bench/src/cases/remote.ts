/** A lease of a daemon in another process, against what its socket costs by itself. */
import * as Effect from "effect/Effect"
import { type Remote, startDaemon } from "../daemon.ts"
import { type EffectGuard, effectLoop, together, verifyEffectGuard } from "../guards.ts"
import { assertEqual, type BenchCase } from "../harness.ts"

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

/**
 * Both processes have learnt the code before anything is timed: the daemon's learns nothing from a calibration. The
 * daemon counts what it granted and what came back, so that no lease of ours is one in name alone.
 */
const warmUp = async (remote: Remote, shrink: number, ours: EffectGuard, echoes: EffectGuard): Promise<void> => {
  const statistics = () => Effect.runPromise(Effect.orDie(remote.manager.poolStatistics("cpu")))
  const before = await statistics()
  const leases = 10_000 / shrink
  await together(ours, width)(leases)
  const after = await statistics()
  assertEqual("leases that the daemon granted", after.acquisitions - before.acquisitions, leases)
  assertEqual("units that did not come back", after.inUse, 0)
  await together(echoes, width)(leases)
}

export const remoteLease: BenchCase = {
  name: "remote lease",
  measures:
    "One fiber takes and returns 1 of 64 of a daemon in another process, without a journal, by its Unix socket, again " +
    "and again. Against two empty calls, one after the other, on the same connection. The empty calls are effect/rpc's, " +
    "as it makes and serves them. The lease is the manager's: a session's command that is decided once however often it " +
    "is asked, checked against schema, rights, quota, rate, order and deadlock, and in the statistics; its body in a " +
    "fiber that a revocation interrupts. Its two calls have effect/rpc's messages, ids and codecs on the same connection; " +
    "where they are answered at once neither side makes the fibers and the scope of a call for them, so that a lease can " +
    "cost less than the echo.",
  prepare: async ({ shrink }) => {
    const remote = await startDaemon()
    const [ours, echoes] = [leaseOf(remote), echoesOf(remote)]
    return {
      ours: { name: ours.name, sample: effectLoop(ours) },
      peers: [{ name: echoes.name, goal: 1.3, sample: effectLoop(echoes) }],
      verify: async () => {
        await verifyEffectGuard(ours, width)
        await warmUp(remote, shrink, ours, echoes)
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
      verify: () => warmUp(remote, shrink, ours, echoes),
      close: remote.close
    }
  }
}
