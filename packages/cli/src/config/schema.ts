/**
 * The file of settings of a manager and its daemon, as Schemas: what is decoded by
 * them is all that the rest of the program sees of it. The descriptions are those
 * of the published JSON Schema.
 *
 * The parts are exported one by one: a file that holds more than this one (that of
 * `up`) is made of the same.
 */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Adaptive } from "./adaptive.ts"
import { AdaptiveRate } from "./adaptiveRate.ts"
import { AgentName, Amount, Count, Positive, Rate, ResourceName, TimeSpan } from "./fields.ts"
import { LlmLimits } from "./llm.ts"

/** A field that may be left out, with what an editor says of it. */
export const optional = <S extends Schema.Top>(field: S, description: string) =>
  Schema.optionalKey(field.pipe(Schema.annotateEncoded({ description })))

const off = Schema.Literal("off")

export const PoolFields = Schema.Struct({
  capacity: Amount.annotate({ description: "Units to hand out." }),
  min: optional(Amount, "The least that scaling and `pools set-capacity` may set. Default 0."),
  max: optional(Amount, "The most that scaling and `pools set-capacity` may set. Without it nothing scales the pool."),
  rate: optional(Rate, "How fast units may be taken. Unlimited unless given."),
  unit: optional(
    Schema.NonEmptyString,
    'What one unit is, in the plural: "devices". With "bytes", amounts read as sizes.'
  ),
  adaptive: optional(
    Adaptive,
    "Learns the capacity from how leases end, between `min` (1 unless given) and `max` (`capacity` unless given), beginning at `capacity`."
  ),
  adaptiveRate: optional(
    AdaptiveRate,
    "Lets `rate` back off where overloads are reported, and recover; never above what it says."
  )
}).annotate({ expected: "the fields of a pool: capacity, min, max, rate, unit, adaptive, adaptiveRate" })

export const Pools = Schema.Record(ResourceName, PoolFields)

export const Quotas = Schema.Record(AgentName, Schema.Record(ResourceName, Amount))

const GroupLimits = Schema.Struct({
  nominal: optional(Amount, "Units that it brings: its own where it wants them, its siblings' while they are idle."),
  borrowingLimit: optional(Amount, "The most beyond its quota. Unless given, all that is idle in its tree."),
  lendingLimit: optional(Amount, "The most of its quota that others may use. Unless given, all of it."),
  max: optional(Amount, "The most in use at once, borrowed or not."),
  leases: optional(Count, "The most leases at once."),
  rate: optional(Rate, "How fast its agents together may be granted.")
}).annotate({ expected: "the fields nominal, borrowingLimit, lendingLimit, max, leases, rate" })

const GroupName = Schema.String.check(
  Schema.isPattern(/^[^/]{1,128}$/u, { expected: "a name of 1 to 128 characters without /" })
)

const weightAllowed = "a number from 0.000001 to 1000000"

const Weight = Schema.Finite.check(
  Schema.isBetween({ minimum: 0.000_001, maximum: 1_000_000 }, { expected: weightAllowed })
)

/** Groups of agents, by name. */
export const Groups = Schema.Record(
  GroupName,
  Schema.Struct({
    parent: optional(GroupName, "The group that it is in. A root unless given."),
    agents: optional(Schema.Array(AgentName), "Who is in it."),
    onQuota: optional(
      Schema.Literals(["fail", "wait"]),
      "What claims over a quota do: fail at once, or wait for it. As its parent says unless given; roots fail."
    ),
    weight: optional(Weight, "What it may have beside its siblings, where shares are fair. Default 1."),
    limits: optional(Schema.Record(ResourceName, GroupLimits), "What it may have: type to limits.")
  }).annotate({ expected: "the fields of a group: parent, agents, onQuota, weight, limits" })
)

const Fraction = Schema.Finite.check(
  Schema.isGreaterThan(0, { expected: "a fraction over 0 up to 1" }),
  Schema.isLessThanOrEqualTo(1, { expected: "a fraction over 0 up to 1" })
)

const HostPool = Schema.Struct({
  share: optional(Fraction, "The fraction of what there is that is handed out. Default 1."),
  reserve: optional(Amount, "Kept back for the rest of the machine, after the share. Default 0."),
  min: optional(Amount, "The least capacity. Default 1 core, else 0."),
  max: optional(Amount, "The most capacity. No bound unless given."),
  rate: optional(Rate, "How fast units may be taken. Unlimited unless given.")
}).annotate({ expected: "the fields share, reserve, min, max, rate" })

const Below1 = Schema.Finite.check(
  Schema.isGreaterThan(0, { expected: "a fraction over 0 and below 1" }),
  Schema.isLessThan(1, { expected: "a fraction over 0 and below 1" })
)

const Thresholds = Schema.Union([
  Schema.Literal(false),
  Schema.Struct({
    some: optional(Below1, "The share of time in which at least one task was stalled."),
    full: optional(Below1, "The share of time in which all tasks that were not idle were stalled.")
  }).annotate({ expected: "{ some: FRACTION, full: FRACTION }" })
])

const PressureKinds = Schema.Array(Schema.Literals(["cpu", "memory", "io"]))

const Pressure = Schema.Struct({
  interval: optional(TimeSpan, "Time between readings. Default 1 second."),
  required: optional(Schema.Boolean, "Whether the daemon fails where the kernel reports no pressure. Default true."),
  cpu: optional(Thresholds, "Default { some: 0.5 }. false: does not count."),
  memory: optional(Thresholds, "Default { some: 0.1, full: 0.02 }. false: does not count."),
  io: optional(Thresholds, "Default false: does not count."),
  pools: optional(
    Schema.Struct({
      cpu: optional(PressureKinds, "Default cpu, memory and io."),
      memory: optional(PressureKinds, "Default memory.")
    }),
    "What shrinks which pool."
  ),
  calm: optional(Below1, "A reading is calm up to this fraction of its threshold. Default 0.5."),
  shrinkBy: optional(Below1, "What one reading over a threshold leaves of the capacity. Default 0.7."),
  floor: optional(Fraction, "The fraction of the capacity that is always handed out. Default 0.25."),
  coolDown: optional(TimeSpan, "How long no reading must be over before it grows again. Default 10 seconds."),
  recovery: optional(TimeSpan, "How long growing from nothing to all takes. Default 1 minute.")
}).annotate({ expected: "the options of pressure" })

/** The options of the built-in plugin `host`, as in its own package. */
export const HostOptions = Schema.Struct({
  pools: optional(
    Schema.Struct({
      cpu: optional(HostPool, "Whole processors."),
      memory: optional(HostPool, "Bytes of memory."),
      fileHandles: optional(HostPool, "Files that the daemon's own process may open.")
    }),
    "The pools to offer. All three unless given."
  ),
  interval: optional(TimeSpan, "Time between readings of the machine. Default 5 seconds."),
  pressure: optional(
    Schema.Union([Schema.Boolean, Schema.Literal("auto"), Pressure]),
    "Whether cpu and memory shrink while the kernel reports pressure. auto: where it reports any. Default false."
  ),
  root: optional(Schema.NonEmptyString, "The folder that holds `proc` and `sys`. Default /.")
}).annotate({ expected: "the options of the host: pools, interval, pressure" })

const PluginOptions = Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)).annotate({
  expected: "the options of the plugin, or nothing"
})

/** By name: `host`, `llm`, or a package or file that is imported. */
export const Plugins = Schema.StructWithRest(
  Schema.Struct({
    host: optional(Schema.NullOr(HostOptions), "This machine: its processors and memory as pools."),
    llm: optional(LlmLimits, "The limits of language models: name to what the provider allows.")
  }),
  [Schema.Record(Schema.String, PluginOptions)]
)

const Scaling = Schema.Struct({
  scaleUpAt: optional(Fraction, "Grows over this load. Default 0.8."),
  scaleDownAt: optional(Fraction, "Shrinks under this load. Default 0.2."),
  growBy: optional(Schema.Finite.check(Schema.isGreaterThan(1, { expected: "a factor over 1" })), "Default 1.5."),
  shrinkBy: optional(
    Schema.Finite.check(
      Schema.isGreaterThan(0, { expected: "a factor over 0 and under 1" }),
      Schema.isLessThan(1, { expected: "a factor over 0 and under 1" })
    ),
    "Default 0.8."
  ),
  cooldown: optional(TimeSpan, "The least time between two changes of one pool. Default none."),
  hysteresis: optional(Fraction, "A shrink must leave the load this far under scaleUpAt. Default 0.1.")
}).annotate({ expected: "the fields of a scaling policy" })

const priorityAllowed = "a whole number from -1000000000 to 1000000000"

const PriorityNumber = Schema.Finite.check(
  Schema.isInt({ expected: priorityAllowed }),
  Schema.isBetween({ minimum: -1_000_000_000, maximum: 1_000_000_000 }, { expected: priorityAllowed })
)

const backfillKind = Schema.Literals(["easy", "shadow", "conservative"])

/** Who goes first: the parts of an order, as `Order` of the library has them. */
const Order = Schema.Struct({
  fairShare: optional(
    Schema.Union([
      Schema.Boolean,
      Schema.Struct({
        by: optional(Schema.Literals(["held", "served"]), "Default held."),
        halfLife: optional(
          TimeSpan,
          "How long until what was served counts half, so that who was away goes first for a while. Without, nobody saves anything up."
        )
      })
    ]),
    "The lowest share first, of groups and then of agents: of what is held now, or of what was served over time."
  ),
  priority: optional(
    Schema.Union([
      Schema.Boolean,
      Schema.Struct({
        classes: optional(Schema.Record(Schema.NonEmptyString, PriorityNumber), "Names for priorities."),
        aging: optional(
          Schema.Union([
            Schema.Literal(false),
            Schema.Struct({
              after: optional(TimeSpan, "How long a claim has waited before it may be rescued. Default 1 minute."),
              oneIn: optional(Positive, "One grant in so many is for the oldest waiter. Default 10.")
            })
          ]),
          "The rescue of those that wait for too long; false: none."
        ),
        inherit: optional(
          Schema.Boolean,
          "Whether waits inside a lease run at the priority of those that wait for it. Default true."
        )
      })
    ]),
    "The highest priority first."
  ),
  size: optional(Schema.Literals(["shortest", "f1"]), "The smallest first, by the declared duration."),
  committedHead: optional(Schema.Boolean, "Whether who is next and does not fit stays next. Default false."),
  bypass: optional(
    Schema.Union([
      Schema.Boolean,
      Schema.Struct({
        max: optional(Count, "How often the first that does not fit may be passed. Default 10."),
        within: optional(TimeSpan, "How long it may be passed."),
        depth: optional(Positive, "How many behind it are looked at. Default 1,000.")
      })
    ]),
    "Small claims may pass a blocked one, so many times."
  ),
  backfill: optional(
    Schema.Union([
      backfillKind,
      Schema.Struct({
        kind: backfillKind.annotate({ description: "Which: easy, shadow or conservative." }),
        depth: optional(Positive, "How many of those that wait for a pool are looked at. Default 1,000.")
      })
    ]),
    "Claims may start before a blocked one where declared durations show that it is not delayed."
  )
}).annotate({ expected: "arrival, or the fields fairShare, priority, size, committedHead, bypass, backfill" })

const Preemption = Schema.Struct({
  priority: optional(Schema.Boolean, "Whether claims of higher priority take leases of lower priority. Default true."),
  reclaim: optional(
    Schema.Boolean,
    "Whether claims for what is their group's own take leases of those who borrowed it. Default true."
  ),
  windows: optional(
    Schema.Boolean,
    "Whether preemptible leases are let into the windows of reservations, and told to end before they begin. Default true."
  ),
  grace: optional(TimeSpan, "How long a holder has from the announcement on. Default 10 seconds."),
  overrun: optional(TimeSpan, "How long its finalizers may take after that. Default 5 seconds.")
}).annotate({ expected: "off, or the fields priority, reclaim, windows, grace, overrun" })

/** A priority: a number, or the name of a class of the order (see `checks`). */
export const Priority = Schema.Union([PriorityNumber, Schema.NonEmptyString]).annotate({
  expected: `${priorityAllowed}, or the name of a class of manager.order.priority.classes`
})

/** What agents are to the order: name to weight, and name to priority or class. */
export const Weights = Schema.Record(AgentName, Weight)
export const Priorities = Schema.Record(AgentName, Priority)

const holderAllowed = "one of agent, group and priority, with claim and note"

/** What is kept at all times. */
export const Reservations = Schema.Array(
  Schema.Struct({
    agent: optional(AgentName, "For this agent."),
    group: optional(Schema.NonEmptyString, "For all agents of this group and of those below it."),
    priority: optional(Priority, "For every claim of at least this priority, or that of this class."),
    claim: Schema.Record(ResourceName, Amount).annotate({ description: "What is kept: resource to amount." }),
    note: optional(Schema.NonEmptyString, "What it is for.")
  }).check(
    Schema.makeFilter(
      ({ agent, group, priority }) => [agent, group, priority].filter((each) => each !== undefined).length === 1,
      { expected: holderAllowed }
    )
  )
)

export const Manager = Schema.Struct({
  timeout: optional(
    Schema.Union([TimeSpan, off]),
    'The longest wait of claims that name none. "off": for ever (default).'
  ),
  waitersMax: optional(Positive, "The most claims that may wait at once. Default 100,000."),
  waitersPerAgentMax: optional(Positive, "The most claims of one agent that may wait at once. Default 10,000."),
  loadInterval: optional(TimeSpan, "Time between samples of the load. Default 5 seconds."),
  gracePeriod: optional(TimeSpan, "How long leases may last after the manager was told to stop. Default 5 seconds."),
  deadlock: optional(
    Schema.Literals(["fail", "revoke", "wound-wait", "wait-die", "banker", "off"]),
    "fail: the claim that closes a cycle fails (default). revoke: a preemptible lease of it is taken. wound-wait, wait-die: by age. banker: avoided on declared maxima. off: nothing is looked for."
  ),
  order: optional(Schema.Union([Schema.Literal("arrival"), Order]), "Who goes first. Default arrival."),
  preemption: optional(
    Schema.Union([off, Preemption]),
    "Whether claims take preemptible leases: of lower priority, or that borrowed what is their group's own. Default off."
  ),
  scaling: optional(
    Schema.Union([off, Scaling]),
    "Grows and shrinks pools that have a `max`, by their load. Default off."
  )
})

const secretAllowed = "{ env: NAME } or { file: PATH }"

/** A word that is not written down here, because it is a secret. */
export const Secret = Schema.Struct({
  env: optional(Schema.NonEmptyString, "The name of an environment variable."),
  file: optional(Schema.NonEmptyString, "A file, relative to this one.")
})
  .check(Schema.isMinProperties(1, { expected: secretAllowed }), Schema.isMaxProperties(1, { expected: secretAllowed }))
  .annotate({ expected: secretAllowed })
export type Secret = typeof Secret.Type

const Journal = Schema.Struct({
  path: optional(Schema.NonEmptyString, "Default: journal.db in the state folder."),
  snapshotEvery: optional(Positive, "Events between two snapshots. Default 50,000."),
  synchronous: optional(
    Schema.Literals(["full", "normal"]),
    "full: survives a loss of power (default). normal: survives a crash of the daemon, and is faster."
  )
}).annotate({ expected: "the fields path, snapshotEvery, synchronous" })

const Limits = Schema.Struct({
  messageBytes: optional(Amount, "The longest message of a client. Default 1 MiB."),
  connections: optional(Positive, "Open connections. Default 1,024."),
  sessions: optional(Positive, "Clients that hold or may hold something. Default 4,096."),
  commandsPerSession: optional(Positive, "Unacknowledged commands of one client. Default 16,384."),
  leasesPerSession: optional(Positive, "Leases that one client holds or waits for. Default 65,536."),
  streamsPerConnection: optional(Positive, "Streams that one connection follows. Default 16."),
  callsPerConnection: optional(Positive, "Calls of one connection under way. Default 32,768."),
  outgoingBytes: optional(Amount, "Kept of answers that a client does not read. Default 8 MiB."),
  helloTimeout: optional(TimeSpan, "How long a connection may take to say who it is. Default 10 seconds."),
  registrations: optional(Positive, "Pools that clients may register. Default 1,000.")
}).annotate({ expected: "the fields of the limits" })

const Address = Schema.NonEmptyString.annotate({ expected: "a path, unix:PATH or tcp:HOST:PORT" })

const Addresses = Schema.Array(Address).check(Schema.isMinLength(1, { expected: "at least one address" }))

const hostPort = "HOST:PORT, such as 127.0.0.1:9464"

const Metrics = Schema.Struct({
  listen: Schema.String.check(
    Schema.isPattern(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/u, { expected: hostPort })
  ).annotate({ description: "HOST:PORT" }),
  agentsMax: optional(
    Schema.Number.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 10_000 })).annotate({
      expected: "a whole number from 0 to 10000"
    }),
    "The most agents with series of their own. Default 50."
  )
}).annotate({ expected: "{ listen: HOST:PORT }" })

export const Daemon = Schema.Struct({
  listen: optional(
    Schema.Union([Address, Addresses]),
    "Where it listens: PATH, unix:PATH or tcp:HOST:PORT, one or several. Default: the user's socket."
  ),
  sessionTimeout: optional(TimeSpan, "How long a client that is not heard of keeps its leases. Default 10 seconds."),
  idleTimeout: optional(
    Schema.Union([TimeSpan, off]),
    "Ends the daemon once it has had nothing to keep for this long. Default 10 minutes for one that `run` started, else off."
  ),
  journal: optional(
    Schema.Union([off, Journal]),
    "What outlives the daemon. off: nothing does. Default: a file in the state folder."
  ),
  limits: optional(Limits, "What one daemon keeps for its clients, at most."),
  tokens: optional(
    Schema.Struct({
      admin: optional(Secret, "May do everything."),
      agents: optional(Schema.Record(AgentName, Secret), "Each may act as that agent only."),
      required: optional(Schema.Boolean, "Whether the Unix socket asks for a token too. Default false.")
    }),
    "Who may connect. Required for an address beyond this machine."
  ),
  metrics: optional(
    Schema.Union([off, Metrics]),
    'Where /metrics is served over HTTP, as { listen: "127.0.0.1:9464" }. Default off.'
  ),
  otlp: optional(
    Schema.Struct({
      endpoint: Schema.NonEmptyString.annotate({ description: "The base URL of a collector." }),
      headers: optional(Schema.Record(Schema.String, Secret), "Sent with every request."),
      interval: optional(TimeSpan, "Time between exports. Default 10 seconds.")
    }),
    "Metrics and spans to a collector, by OTLP over HTTP."
  )
})

const everyField = Struct.map(Schema.requiredKey)

/** The same with nothing left out that has a default. */
export const Complete = Schema.Struct({
  manager: Manager.mapFields(everyField),
  daemon: Schema.Struct({
    ...Daemon.fields,
    listen: Addresses,
    sessionTimeout: TimeSpan,
    idleTimeout: Schema.Union([TimeSpan, off]),
    journal: Schema.Union([off, Journal.mapFields(everyField)]),
    limits: Limits.mapFields(everyField),
    metrics: Schema.Union([off, Metrics])
  }),
  pools: Pools,
  quotas: Quotas,
  groups: Groups,
  weights: Weights,
  priorities: Priorities,
  reservations: Reservations,
  plugins: Plugins
})
export type Complete = typeof Complete.Type

/** The whole file. */
export const Config = Schema.Struct({
  $schema: optional(Schema.String, "For editors; ignored."),
  pools: optional(Pools, "Resource type to pool."),
  quotas: optional(Quotas, "What an agent may hold and wait for: agent to type to amount."),
  groups: optional(Groups, "Groups of agents, and what they may have together."),
  weights: optional(
    Weights,
    "What agents may have beside each other where shares are fair: agent to weight. Default 1."
  ),
  priorities: optional(Priorities, "The priority of claims that say none: agent to number or class. Default 0."),
  reservations: optional(Reservations, "What is kept for somebody at all times."),
  plugins: optional(
    Plugins,
    "Plugin to its options: `host` (this machine), `llm` (limits of language models), or the name of a package that is imported."
  ),
  manager: optional(Manager, "How claims are decided."),
  daemon: optional(Daemon, "How the manager is served.")
})
export type Config = typeof Config.Type
