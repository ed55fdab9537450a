/**
 * Who goes first: first come, first served unless an order is provided. An order is
 * made of parts, each there only where it is asked for, and compares claims by them in
 * this sequence, the first difference deciding:
 *
 * 1. who was rescued (`priority.aging`), by arrival; then who was next and did not fit
 *    (`committedHead`);
 * 2. share (`fairShare`), the lowest first: of the two groups, or agents, that are below one
 *    parent and that the claims are of;
 * 3. priority (`priority`), the highest first;
 * 4. size (`size`), the smallest first;
 * 5. arrival.
 *
 * `bypass` changes no order: it lets a claim that fits go past a blocked one, so many
 * times. `backfill` lets it go past where declared durations show that this delays nobody who is
 * protected. The same order holds in all pools, and the deadlock detection knows it.
 * See docs/policies.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { type OptionProblem, problemOf } from "./internal/limitOptions.ts"
import { Order as LedgerOrder } from "./ledger/order/Order.ts"
import { byF1, shortestFirst } from "./ledger/order/sizes.ts"
import type { BackfillOptions as PlainBackfill } from "./ledger/plan/Backfill.ts"
import type { Request } from "./ledger/Request.ts"
import type { Scheduling } from "./ledger/Scheduling.ts"

export interface AgingOptions {
  /** How long a claim has waited before it may be rescued. Default 1 minute. */
  readonly after?: Duration.Input | undefined
  /** One grant in so many of a pool is for the oldest waiter, whatever its class. Default 10. */
  readonly oneIn?: number | undefined
}

export interface PriorityOptions {
  /** Names for priorities, as `{ batch: -10, interactive: 10 }`: claims and agents may say them instead of a number. */
  readonly classes?: Readonly<Record<string, number>> | undefined
  /** The rescue of those that wait for too long; `false`: none, so that high classes may starve low ones. On by default. */
  readonly aging?: AgingOptions | false | undefined
  /** Whether waits inside a lease run at the priority of the claims that wait for it. Default `true`. */
  readonly inherit?: boolean | undefined
}

export interface FairShareOptions {
  /**
   * `"held"`: what agents hold now, dominant resource fairness (the default). `"served"`:
   * what they were granted over time, so that one unit goes round too. The other breaks ties.
   */
  readonly by?: "held" | "served" | undefined
  /**
   * How long until what was granted counts half, from 1 millisecond on. Then who was away for a while goes
   * first until it has caught up with what others used lately. Without, what was granted is a
   * virtual time: nobody saves anything up.
   */
  readonly halfLife?: Duration.Input | undefined
}

export interface BypassOptions {
  /** How often the first claim that does not fit may be passed. Default 10, or any number of times where `within` is given. */
  readonly max?: number | undefined
  /** How long it may be passed, from the first time on. For as long as it waits unless given. */
  readonly within?: Duration.Input | undefined
  /** How many claims behind it are looked at. Default 1,000. */
  readonly depth?: number | undefined
}

/**
 * - `"easy"`: whoever ends before the next one can start, or leaves it enough, may go before it.
 * - `"shadow"`: only whoever ends before.
 * - `"conservative"`: every claim is told by when it starts, and nobody delays anybody.
 */
export type BackfillKind = "easy" | "shadow" | "conservative"

export interface BackfillOptions {
  readonly kind: BackfillKind
  /** How many of those that wait for a pool are looked at, oldest first. Default 1,000. */
  readonly depth?: number | undefined
}

/**
 * Where a size comes from: the declared duration (`"shortest"`), the score F1 of RLScheduler
 * (`"f1"`: long and wide last, old first), or what a function says of a claim.
 */
export type Size = "shortest" | "f1" | ((claim: Readonly<Record<string, number>>, scheduling: Scheduling) => number)

export interface OrderOptions {
  readonly fairShare?: FairShareOptions | boolean | undefined
  readonly priority?: PriorityOptions | boolean | undefined
  /** Smallest first, by `expected`: who does not say that comes last. */
  readonly size?: Size | undefined
  /**
   * Whether who is next and does not fit stays next until it is granted, even where one
   * arrives that goes first. Default `false`: whoever is best at the moment is next.
   */
  readonly committedHead?: boolean | undefined
  readonly bypass?: BypassOptions | boolean | undefined
  /** Who may start before a blocked claim, by what claims say of how long they last (`expected`). */
  readonly backfill?: BackfillKind | BackfillOptions | undefined
}

export interface Policy {
  readonly name: string
  /** Names of priorities. */
  readonly classes: Readonly<Record<string, number>>
  /** What is wrong with its options. A manager with it is not built. */
  readonly problem?: OptionProblem | undefined
  /** @internal */
  readonly order: LedgerOrder
  /** @internal */
  readonly backfill?: PlainBackfill | undefined
}

const defaultsOf = <Options extends object>(options: Options | boolean | undefined): Partial<Options> | undefined =>
  options === undefined || options === false ? undefined : options === true ? {} : options

const micros = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMicros(input)

const isWhole = (value: number, from: number): boolean =>
  value === Infinity || (Number.isSafeInteger(value) && value >= from)

const halfLifeOf = ({ halfLife }: FairShareOptions): number | undefined =>
  halfLife === undefined ? undefined : Math.round(Duration.toMicros(halfLife))

const kinds: ReadonlyArray<BackfillKind> = ["easy", "shadow", "conservative"]

/** Shorter ones would be so many that their number leaves no room for what is in one. */
const isHalfLife = (micros: number | undefined): boolean =>
  micros === undefined || (Number.isSafeInteger(micros) && micros >= 1_000)

const isPriority = (value: number): boolean => Number.isSafeInteger(value) && Math.abs(value) <= 1_000_000_000

/** Where a class is named as text, it must not read as a number. */
const isClassName = (name: string): boolean => name.trim() !== "" && Number.isNaN(Number(name))

const sizeOf = (size: Size): ((request: Request) => number) => {
  if (size === "shortest") return shortestFirst
  if (size === "f1") return byF1()
  return ({ parts, scheduling }) =>
    size(Object.fromEntries(parts.map((part) => [part.pool.type, part.amount])), scheduling)
}

const nameOf = (parts: Readonly<Record<string, unknown>>): string => {
  const names = Object.keys(parts).filter((name) => parts[name] !== undefined)
  return names.length === 0 ? "first come, first served" : names.join(", ")
}

/** An order of the parts that are asked for; without any, first come, first served. */
export const make = (options: OrderOptions = {}): Policy => {
  const fairShare = defaultsOf(options.fairShare)
  const priority = defaultsOf(options.priority)
  const bypass = defaultsOf(options.bypass)
  const size = options.size === undefined ? undefined : sizeOf(options.size)
  const aging = priority?.aging === false ? undefined : priority && { ...priority.aging }
  const agingPlain = aging && { afterMicros: micros(aging.after, 60_000_000), oneIn: aging.oneIn ?? 10 }
  const bypassPlain = bypass && {
    max: bypass.max ?? (bypass.within === undefined ? 10 : Infinity),
    withinMicros: micros(bypass.within, Infinity),
    depth: bypass.depth ?? 1_000
  }
  const backfill = typeof options.backfill === "string" ? { kind: options.backfill } : options.backfill
  const classes = priority?.classes ?? {}
  const wrong = Object.entries(classes).find(([name, value]) => !isPriority(value) || !isClassName(name))
  const name = nameOf({ "fair share": fairShare, priority, size, bypass, backfill })
  return {
    name,
    classes,
    problem: problemOf([
      ["fairShare.by", fairShare?.by, ["held", "served", undefined].includes(fairShare?.by), '"held" or "served"'],
      [
        "fairShare.halfLife",
        fairShare?.halfLife,
        fairShare === undefined || isHalfLife(halfLifeOf(fairShare)),
        "a duration from 1 millisecond, not endless"
      ],
      [
        `priority.classes.${wrong?.[0]}`,
        wrong?.[1],
        wrong === undefined,
        "a name that is no number, with a whole number from -1000000000 to 1000000000"
      ],
      ["priority.aging.after", aging?.after, !Number.isNaN(agingPlain?.afterMicros ?? 0), "a duration"],
      ["priority.aging.oneIn", aging?.oneIn, isWhole(agingPlain?.oneIn ?? 1, 1), "a whole number from 1"],
      ["bypass.max", bypass?.max, isWhole(bypassPlain?.max ?? 0, 0), "a whole number from 0"],
      ["bypass.within", bypass?.within, (bypassPlain?.withinMicros ?? 0) >= 0, "a duration, not negative"],
      ["backfill.kind", backfill?.kind, backfill === undefined || kinds.includes(backfill.kind), kinds.join(", ")],
      ["backfill.depth", backfill?.depth, isWhole(backfill?.depth ?? 1, 1), "a whole number from 1"],
      ["bypass.depth", bypass?.depth, isWhole(bypassPlain?.depth ?? 1, 1), "a whole number from 1"]
    ]),
    order: new LedgerOrder({
      name,
      fairShare: fairShare && { by: fairShare.by ?? "held", halfLife: halfLifeOf(fairShare) },
      priority: priority && { inherits: priority.inherit ?? true, aging: agingPlain },
      size,
      committedHead: options.committedHead,
      bypass: bypassPlain
    }),
    backfill
  }
}

/** The order of managers built below. First come, first served unless provided. */
export const Order = Context.Reference<Policy | undefined>("@resource-manager/core/Order", {
  defaultValue: () => undefined
})

/** Managers built below go by this order. */
export const layer = (options: OrderOptions): Layer.Layer<never> => Layer.sync(Order, () => make(options))
