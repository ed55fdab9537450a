/**
 * A durable daemon is killed (SIGKILL) at random instants while clients claim, grow,
 * shrink, interrupt and give back; a checker follows what each of them is told.
 *
 * `DURABILITY_KILLS` (default 12; the longer run has 200), `DURABILITY_SEED`.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Lease } from "@resource-manager/core/Lease"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import { connect, eventually, folder, type LocalClient, program, type Program, until } from "./support/daemon.ts"
import { type Random, random } from "./support/random.ts"
import { Told, type ToldLease } from "./support/told.ts"

const kills = Number(process.env["DURABILITY_KILLS"] ?? 12)
const seed = Number(process.env["DURABILITY_SEED"] ?? Date.now() % 1_000_000)

const capacities = { cpu: 12, memory: 40 }
const agents = 5

interface World {
  readonly told: Told
  readonly next: Random
  /** Tokens of claims that are asked now are above it. */
  floor: number
  stopping: boolean
  steps: number
  interruptedGrowths: number
  /** By name, how often each thing was done. */
  readonly counts: Record<string, number>
}

const count = (world: World, what: string): void => {
  world.counts[what] = (world.counts[what] ?? 0) + 1
}

const pause = (world: World) => Effect.sleep(world.next(12))

/** Takes the told lease in, for as long as the effect runs. */
const holding = <A, E>(world: World, lease: ToldLease, floor: number, body: Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => world.told.granted(lease, floor)),
    () => body,
    () => Effect.sync(() => world.told.returns(lease.id))
  )

/** A growth that is interrupted is undone, however far it got: soon the daemon lists what was told. */
const growAndInterrupt = (
  world: World,
  client: LocalClient,
  lease: Lease,
  told: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.interruptible(lease.grow({ cpu: 1 })))
    yield* Effect.sleep(world.next(8))
    yield* Fiber.interrupt(fiber)
    const exit = yield* Fiber.await(fiber)
    if (Exit.isFailure(exit)) world.interruptedGrowths++
    const cpu = lease.claim["cpu"]
    yield* until(`the growth of lease ${lease.id} is undone`, client.manager.leases, (leases) =>
      leases.some(({ claim, id }) => id === lease.id && claim["cpu"] === cpu)
    )
    yield* told(exit)
  })

/** One thing that a client does. It never fails: the daemon is away for a while at most. */
const act = (world: World, client: LocalClient, agent: string): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { next } = world
      const claim = { cpu: 1 + next(4), memory: 1 + next(10) }
      const { floor } = world
      const kind = next(10)
      const tell = (lease: { id: number; token: number }): ToldLease => ({ ...lease, agent, amounts: claim })
      if (kind === 0) {
        count(world, "try")
        const maybe = yield* client.manager.tryLease(agent, claim)
        if (maybe._tag === "None") return
        const lease = maybe.value
        yield* holding(world, tell({ id: lease.id, token: lease.token }), floor, pause(world))
        return
      }
      // Interrupted here, it waits or was just granted: it was told nothing.
      const lease = yield* client.manager.lease(agent, claim)
      yield* holding(
        world,
        tell({ id: lease.id, token: lease.token }),
        floor,
        Effect.gen(function* () {
          yield* pause(world)
          if (kind < 4) {
            count(world, "shrink")
            const amounts = { memory: 1 }
            world.told.changes(lease.id)
            world.told.shrinks(lease.id, amounts)
            yield* Effect.uninterruptible(lease.shrink(amounts))
            world.told.changes(lease.id)
          }
          if (kind < 3) {
            count(world, "grow")
            const told = (exit: Exit.Exit<unknown, unknown>) =>
              Effect.sync(() => {
                if (Exit.isSuccess(exit)) world.told.grew(lease.id, { cpu: 1 })
                world.told.changes(lease.id)
              })
            const grow = Effect.uninterruptible(
              Effect.flatMap(Effect.exit(lease.grow({ cpu: 1 }, { timeout: "50 millis" })), told)
            )
            world.told.changes(lease.id)
            yield* kind === 2 ? Effect.uninterruptible(growAndInterrupt(world, client, lease, told)) : grow
          }
          yield* pause(world)
          assert.isTrue(lease.isHeld, `lease ${lease.id} was lost`)
        })
      )
    })
  ).pipe(Effect.orDie)

/** Does things, one after the other, some of them interrupted. */
const live = (world: World, client: LocalClient, agent: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!world.stopping) {
      world.steps++
      const { next } = world
      if (next(4) > 0) {
        yield* act(world, client, agent)
        continue
      }
      count(world, "interrupt")
      const fiber = yield* Effect.forkChild(act(world, client, agent))
      yield* Effect.sleep(next(30))
      yield* Fiber.interrupt(fiber)
    }
  })

const start = (path: string): Effect.Effect<Program, never, Scope.Scope> =>
  program("daemon", {
    address: join(path, "daemon.sock"),
    stateFolder: join(path, "state"),
    snapshotEvery: 400,
    sessionTimeoutMillis: 60_000,
    pools: { cpu: { capacity: capacities.cpu }, memory: { capacity: capacities.memory } }
  })

const kill = (running: Program) =>
  Effect.gen(function* () {
    running.child.kill("SIGKILL")
    yield* running.exit
    assert.strictEqual(running.child.signalCode, "SIGKILL", running.stderr)
  })

/** Kills the daemon at some instant, every fifth time in its start and its recovery too, and starts it again. */
const killOnce = (world: World, path: string, running: Program, round: number) =>
  Effect.gen(function* () {
    // After so many grants, however long they take here.
    const due = world.told.grants + 10 + world.next(60)
    yield* eventually("grants", () => (world.told.grants >= due ? true : undefined))
    yield* Effect.sleep(world.next(10))
    yield* kill(running)
    world.floor = world.told.highest
    if (round % 5 < 4) return yield* start(path)
    const next = yield* start(path)
    yield* Effect.sleep(world.next(500))
    yield* kill(next)
    world.floor = world.told.highest
    return yield* start(path)
  })

describe("a daemon that is killed again and again", () => {
  it.live(
    `keeps what it told, and grants nothing twice (${kills} kills, DURABILITY_SEED=${seed})`,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const path = yield* folder
          const world: World = {
            told: new Told(capacities),
            next: random(seed),
            floor: 0,
            stopping: false,
            steps: 0,
            interruptedGrowths: 0,
            counts: {}
          }
          let running = yield* start(path)
          yield* running.line("ready")
          const address = join(path, "daemon.sock")
          const client = yield* connect(address)
          const second = yield* connect(address)
          const operator = yield* connect(address)
          // A lease that is held all along, and figures that have to stay.
          const keeper = yield* operator.manager.lease("keeper", { memory: 2 })
          world.told.granted({ id: keeper.id, token: keeper.token, agent: "keeper", amounts: { memory: 2 } }, 0)
          yield* operator.manager.acquire("keeper", { memory: 1 })
          yield* operator.manager.setQuota("keeper", "cpu", 3)
          const lives = yield* Effect.forEach(Array.from({ length: agents * 2 }), (_, index) =>
            Effect.forkScoped(live(world, index % 2 === 0 ? client : second, `agent ${index % agents}`))
          )
          let quota = 3
          for (let round = 0; round < kills; round++) {
            running = yield* killOnce(world, path, running, round)
            yield* running.line("ready")
            const before = world.told.snapshot
            const listed = yield* operator.manager.leases
            world.told.checkListed(listed, world.told.unchanged(before))
            assert.deepStrictEqual(yield* operator.manager.quota("keeper", "cpu"), Option.some(quota))
            quota = 3 + (round % 7)
            yield* operator.manager.setQuota("keeper", "cpu", quota)
          }
          world.stopping = true
          yield* Effect.forEach(lives, Fiber.join)
          assert.isTrue(keeper.isHeld)
          yield* keeper.release
          yield* operator.manager.release("keeper", { memory: 1 })
          const pools = yield* operator.manager.pools
          assert.deepStrictEqual(
            pools.map((pool) => [pool.resourceType, pool.inUse, pool.waiting]),
            [
              ["cpu", 0, 0],
              ["memory", 0, 0]
            ]
          )
          assert.deepStrictEqual(yield* operator.manager.leases, [])
          // Statistics too: whatever was not told has been undone. An interrupted growth may have been granted
          // for good before; then its amount went back, and it counts.
          const [cpu, memory] = pools
          const { grants, growths } = world.told
          const { interruptedGrowths, steps } = world
          assert.strictEqual(memory?.acquisitions, grants + 1)
          assert.isAtLeast(cpu?.acquisitions ?? 0, grants - 1 + growths)
          assert.isAtMost(cpu?.acquisitions ?? 0, grants - 1 + growths + interruptedGrowths)
          const figures = { kills, steps, grants, growths, interruptedGrowths, ...world.counts }
          yield* Effect.log(`durability: ${JSON.stringify(figures)}`)
          assert.isAtLeast(grants, kills * 10)
        })
      ),
    60_000 + kills * 20_000
  )
})
