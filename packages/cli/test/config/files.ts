/** Files of settings for the tests: right ones, and wrong ones with what is told of them. */

export const minimal = "pools:\n  cpu: { capacity: 8 }\n"

export const everything = `# yaml-language-server: $schema=./config.schema.json
pools:
  cpu: { capacity: 8, min: 2, max: 16, rate: 100/s }
  memory:
    capacity: 4GiB
    max: 8 GiB
    rate: { limit: 60, interval: 1 minute, burst: 10, per: request }
  licences: { capacity: 3, unit: licences }
  calls: { capacity: 8, max: 50, adaptive: { limit: gradient2, tolerance: 1.5, drop: [75], window: 1s } }
  pages: { capacity: 4, adaptive: vegas }
  queries: { capacity: 100, rate: 20/s, adaptiveRate: { backoff: 0.7, step: 0.1, every: 2s, retryAfterMax: 1h, drop: [75, 29] } }
  search: { capacity: 100, rate: 20/s, adaptiveRate: true }
quotas:
  "agent 1": { cpu: 4, memory: 512MiB }
  42: { licences: 1 }
plugins:
  host:
    pools: { fileHandles: { share: 0.5, reserve: 100 } }
    interval: 10s
    pressure: { interval: 500ms, cpu: { some: 0.4 }, io: false, pools: { memory: [memory, io] } }
  llm:
    acme:
      requestsPerMinute: 6000
      inputTokensPerMinute: 400000
      outputTokensPerMinute: 80000
      concurrent: { initial: 8, min: 2, max: 50 }
      price: { input: 3, output: 15 }
      budget: { total: 20, perAgent: 2.5, agents: { boss: 10 } }
      agentsMax: 100
      adaptiveRate: { cooldown: 2s, min: 0.05 }
      failed: keep
    local: { requestsPerMinute: 60, concurrent: 2 }
  "@acme/gpu": { interval: 5s, nested: { anything: [1, 2] } }
  ./local.js:
manager:
  timeout: 10 minutes
  waitersMax: 1000
  waitersPerAgentMax: 100
  loadInterval: 2s
  gracePeriod: 30s
  deadlock: off
  scaling: off
daemon:
  listen: [unix:/run/rm.sock, tcp:10.0.0.1:7070]
  sessionTimeout: 15s
  idleTimeout: off
  journal: { path: state/journal.db, snapshotEvery: 5000, synchronous: normal }
  limits: { messageBytes: 2MiB, connections: 10, sessions: 10, helloTimeout: 3s }
  tokens: { admin: { file: admin.token }, agents: { ci: { env: CI_TOKEN } }, required: true }
  metrics: { listen: "127.0.0.1:9464", agentsMax: 10 }
  otlp: { endpoint: "http://localhost:4318", headers: { authorization: { env: OTLP } }, interval: 30s }
`

/** [what, file, the place and the beginning of each problem]; JSON Schema refuses those that are marked. */
export const wrong: ReadonlyArray<{
  readonly what: string
  readonly text: string
  readonly told: ReadonlyArray<string>
  readonly schemaRefuses: boolean
}> = [
  {
    what: "an unknown field with a near one",
    text: "pool: {}\n",
    told: [":1:1: pool: no such field, did you mean pools?"],
    schemaRefuses: true
  },
  {
    what: "an unknown field with no near one",
    text: "manager:\n  colour: red\n",
    told: [":2:3: manager.colour: no such field; known: timeout, waitersMax"],
    schemaRefuses: true
  },
  {
    what: "an amount that is none",
    text: "pools:\n  memory:\n    capacity: 4 Gib\n",
    told: [':3:15: pools.memory.capacity: "4 Gib" is not allowed here; allowed: a whole number from 0'],
    schemaRefuses: true
  },
  {
    what: "a negative amount, a fraction and a missing capacity, at once",
    text: "pools:\n  a: { capacity: -1 }\n  b: { capacity: 0.5 }\n  c: {}\n",
    told: [":2:18: pools.a.capacity: -1 is", ":3:18: pools.b.capacity: 0.5 is", ":4:6: pools.c.capacity: is missing"],
    schemaRefuses: true
  },
  {
    what: "a name that is none",
    text: "pools:\n  9x: { capacity: 1 }\n  __proto__: { capacity: 1 }\n",
    told: [':2:3: pools["9x"]: "9x" is not allowed here; allowed: a name of', ":3:3: pools.__proto__: "],
    schemaRefuses: true
  },
  {
    what: "a rate that is none, as text and by fields",
    text: "pools:\n  a: { capacity: 1, rate: 60 per minute }\n  b: { capacity: 1, rate: { limit: 0 } }\n",
    told: [
      ':2:27: pools.a.rate: "60 per minute" is not allowed here; allowed: LIMIT/INTERVAL',
      ":3:36: pools.b.rate.limit: 0 is not allowed here; allowed: a whole number from 1"
    ],
    schemaRefuses: true
  },
  {
    what: "durations without a unit",
    text: "manager: { timeout: 10, gracePeriod: 5 }\n",
    told: [
      ":1:21: manager.timeout: 10 is not allowed here; allowed: a duration such as",
      ":1:38: manager.gracePeriod: 5 is not allowed here; allowed: a duration such as"
    ],
    schemaRefuses: true
  },
  {
    what: "conservative backfill beside what would void its promises",
    text: "manager:\n  deadlock: banker\n  order:\n    backfill: conservative\n",
    told: [":4:15: manager.order.backfill: allowed: easy or shadow where deadlocks are avoided (banker)"],
    schemaRefuses: false
  },
  {
    what: "conservative backfill beside bypass and a share that is halved too often",
    text: "manager:\n  order:\n    fairShare: { halfLife: 0s }\n    bypass: true\n    backfill: { kind: conservative }\n",
    told: [
      ":3:28: manager.order.fairShare.halfLife: allowed: a duration from 1 millisecond",
      ":5:15: manager.order.backfill: allowed: easy or shadow beside bypass"
    ],
    schemaRefuses: false
  },
  {
    what: "conservative backfill beside preemption",
    text: "manager:\n  preemption: { reclaim: false }\n  order: { backfill: conservative }\n",
    told: [":3:22: manager.order.backfill: allowed: easy or shadow where claims take leases from others"],
    schemaRefuses: false
  },
  {
    what: "a secret in the file",
    text: "daemon:\n  tokens:\n    admin: hunter2\n    agents: { a: { env: A, file: b } }\n",
    told: [
      ':3:12: daemon.tokens.admin: "hunter2" is not allowed here; allowed: { env: NAME } or { file: PATH }',
      ":4:18: daemon.tokens.agents.a: a mapping is not allowed here; allowed: { env: NAME } or { file: PATH }"
    ],
    schemaRefuses: true
  },
  {
    what: "words where others are known",
    text: "manager: { deadlock: maybe }\ndaemon: { journal: yes, metrics: { listen: 9464 } }\n",
    told: [
      ':1:22: manager.deadlock: "maybe" is not allowed here; allowed: "fail" or "revoke" or "wound-wait" or "wait-die" or "banker" or "off"',
      ':2:20: daemon.journal: "yes" is not allowed here; allowed: "off" or the fields path, snapshotEvery, synchronous',
      ":2:44: daemon.metrics.listen: 9464 is not allowed here; allowed: HOST:PORT"
    ],
    schemaRefuses: true
  },
  {
    what: "classes of priority that the order does not have, or that read as numbers",
    text: "manager: { order: { priority: { classes: { batch: -1, 1e3: 2 } } } }\npriorities: { a: bach, b: batch, c: 5 }\nreservations: [{ priority: urgent, claim: { cpu: 1 } }]\n",
    told: [
      ':1:55: manager.order.priority.classes["1e3"]: reads as a number; allowed: another name',
      ":2:18: priorities.a: no such class of priority, did you mean batch?",
      ":3:28: reservations[0].priority: no such class of priority; known: batch, 1e3"
    ],
    schemaRefuses: false
  },
  {
    what: "limits that adapt and make no sense",
    text: "pools:\n  a: { capacity: 1, adaptive: cubic }\n  b: { capacity: 1, adaptive: { limit: aimd, tolerance: 2 } }\n  c: { capacity: 1, adaptive: { limit: vegas, drop: [0] } }\n",
    told: [
      ':2:31: pools.a.adaptive: "cubic" is not allowed here; allowed: aimd, vegas, gradient2, or { limit: one of these',
      ":3:46: pools.b.adaptive.tolerance: no such field; known: limit, increase, timeout",
      ":4:54: pools.c.adaptive.drop[0]: 0 is not allowed here; allowed: an exit code from 1 to 255"
    ],
    schemaRefuses: true
  },
  {
    what: "limits that adapt where something else sets the capacity",
    text: "pools:\n  a: { capacity: 4, max: 8, adaptive: { limit: aimd, samplesMin: 9, samplesMax: 3 } }\nmanager: { scaling: {} }\n",
    told: [
      ":2:29: pools.a.adaptive: manager.scaling sets the capacity of this pool too; allowed: one of them",
      ":2:81: pools.a.adaptive.samplesMax: 3 is less than samplesMin, 9"
    ],
    schemaRefuses: false
  },
  {
    what: "rates that adapt and make no sense",
    text: "pools:\n  a: { capacity: 1, rate: 1/s, adaptiveRate: { backoff: 2 } }\n  b: { capacity: 1, rate: 1/s, adaptiveRate: false }\n  c: { capacity: 1, rate: 1/s, adaptiveRate: { limit: aimd } }\n",
    told: [
      ":2:57: pools.a.adaptiveRate.backoff: 2 is not allowed here; allowed: a number over 0 and below 1",
      ":3:46: pools.b.adaptiveRate: false is not allowed here; allowed: true, or the fields backoff",
      ":4:48: pools.c.adaptiveRate.limit: no such field; known: backoff, cooldown"
    ],
    schemaRefuses: true
  },
  {
    what: "rates that adapt without a rate, or where something else sets the capacity",
    text: "pools:\n  a: { capacity: 4, min: 1, adaptiveRate: true }\n  b: { capacity: 4, rate: 1/s, adaptive: aimd, adaptiveRate: true }\n",
    told: [
      ":2:26: pools.a.min: 1 keeps the pool from being paused; allowed: 0",
      ":2:29: pools.a.adaptiveRate: needs a rate",
      ":3:48: pools.b.adaptiveRate: the capacity of this pool is learnt; allowed: a pool of its own, in the same claim"
    ],
    schemaRefuses: false
  },
  {
    what: "limits of language models that are none",
    text: 'plugins:\n  llm:\n    acme: { requestsPerMinute: 0, concurrent: [1], budget: { perAgents: 1 } }\n    "a b": { requestsPerMinute: 1 }\n    c: { requestsPerMinute: 1, price: { input: -1 }, failed: never }\n',
    told: [
      ":3:32: plugins.llm.acme.requestsPerMinute: 0 is not allowed here; allowed: a whole number from 1",
      ":3:47: plugins.llm.acme.concurrent: ",
      ":3:62: plugins.llm.acme.budget.perAgents: no such field, did you mean perAgent?",
      ':4:5: plugins.llm["a b"]',
      ":5:39: plugins.llm.c.price.output: is missing",
      ":5:48: plugins.llm.c.price.input: -1 is not allowed here; allowed: an amount of dollars",
      ':5:62: plugins.llm.c.failed: "never" is not allowed here'
    ],
    schemaRefuses: true
  },
  {
    what: "limits of language models that contradict each other",
    text: "pools: { a.calls: { capacity: 1 } }\nplugins:\n  llm:\n    a: { requestsPerMinute: 1, budget: { total: 1 } }\n    b: { requestsPerMinute: 1, concurrent: { initial: 9, max: 8 } }\n    c: { requestsPerMinute: 1, concurrent: { min: 9, max: 8 } }\n",
    told: [
      ":4:5: plugins.llm.a: a.calls is in `pools` too; allowed: one of them",
      ":4:32: plugins.llm.a.budget: needs a price",
      ":5:55: plugins.llm.b.concurrent.initial: 9 is not from 1 to 8",
      ":6:59: plugins.llm.c.concurrent.max: 8 is less than min, 9"
    ],
    schemaRefuses: false
  },
  {
    what: "options of the host that are none",
    text: "plugins:\n  host: { pools: { cpu: { shar: 1 } }, pressure: often }\n",
    told: [":2:27: plugins.host.pools.cpu.shar: no such field, did you mean share?", ":2:50: plugins.host.pressure: "],
    schemaRefuses: true
  },
  {
    what: "a list for a mapping",
    text: "pools: [cpu]\n",
    told: [":1:8: pools: a list is not allowed here; allowed: a mapping"],
    schemaRefuses: true
  },
  {
    what: "a list for the whole file",
    text: "- 1\n",
    told: [":1:1: a list is not allowed here; allowed: a mapping"],
    schemaRefuses: true
  },
  {
    what: "bounds that contradict each other",
    text: "pools:\n  a: { capacity: 1, min: 2 }\n  b: { capacity: 3, max: 2 }\n  c: { capacity: 1, min: 3, max: 2 }\n",
    told: [
      ":2:18: pools.a.capacity: 1 is less than min, 2",
      ":3:18: pools.b.capacity: 3 is more than max, 2",
      ":4:34: pools.c.max: 2 is less than min, 3"
    ],
    schemaRefuses: false
  },
  {
    what: "bytes of what is counted in something else",
    text: "pools:\n  cpu: { capacity: 4GiB }\n  gpu: { capacity: 1, unit: devices }\nquotas: { a: { gpu: 1GiB } }\n",
    told: [
      ":2:20: pools.cpu.capacity: is a size in bytes, but this counts cores",
      ":4:21: quotas.a.gpu: is a size in bytes, but this counts devices"
    ],
    schemaRefuses: false
  },
  {
    what: "a quota of nothing that there is",
    text: "pools: { cpu: { capacity: 1 } }\nquotas:\n  a: { cpus: 1 }\n",
    told: [":3:8: quotas.a.cpus: no such pool, did you mean cpu? Known: cpu"],
    schemaRefuses: false
  },
  {
    what: "a pool that the host offers too",
    text: "pools: { cpu: { capacity: 1 } }\nplugins: { host: { pools: { cpu: {} } } }\n",
    told: [":2:29: plugins.host.pools.cpu: is in `pools` too"],
    schemaRefuses: false
  },
  {
    what: "an open door",
    text: "daemon: { listen: ['tcp:0.0.0.0:7070'] }\n",
    told: [":1:19: daemon.listen: tcp:0.0.0.0:7070 can be reached by other machines: daemon.tokens.admin is required"],
    schemaRefuses: false
  },
  {
    what: "times that no client keeps",
    text: "daemon: { sessionTimeout: 0s, limits: { helloTimeout: 5ms } }\n",
    told: [
      ":1:27: daemon.sessionTimeout: 0 ms is shorter than any client answers; allowed: from 100 ms",
      ":1:55: daemon.limits.helloTimeout: 5 ms is shorter than any client answers; allowed: from 100 ms"
    ],
    schemaRefuses: false
  }
]

/** Files that are no YAML, or say one thing twice. */
export const broken: ReadonlyArray<readonly [what: string, name: string, text: string, told: string]> = [
  ["a key twice", "a.yaml", "pools: {}\npools: {}\n", ":2:1: pools stands here for the second time; allowed: once"],
  ["an unclosed mapping", "b.yaml", "pools: {\n", ":2:1: "],
  ["two documents", "c.yaml", "{}\n---\n{}\n", ":2:1: "],
  ["a tag of a program", "d.yaml", "pools: !!js/function x\n", ":1:8: Unresolved tag"],
  ["a tab for indentation", "e.yaml", "pools:\n\tcpu: 1\n", ":2:1: "],
  ["two documents", "two.yaml", "pools: {}\n---\npools: {}\n", ":2:1: another document begins here; allowed: one"],
  ["a JSON file that ends too soon", "h.json", '{"pools": {', ":1:12: is not JSON: "],
  ["YAML in a JSON file", "f.json", "pools: {}\n", ": is not JSON: Unexpected token 'p'"],
  ["a comma too much", "g.json", '{\n "pools": {},\n}\n', ":3:1: is not JSON: "],
  ["a laugh", "h.yaml", laugh(), ": Excessive alias count"]
]

/** A few lines that would be a billion. */
function laugh(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
  for (let level = 1; level < 9; level++) {
    const before = Array.from({ length: 10 }, () => `*a${level - 1}`).join(", ")
    lines.push(`a${level}: &a${level} [${before}]`)
  }
  return `${lines.join("\n")}\n`
}
