/** `resource-manager simulate`: parse, call the replay, render. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Json } from "../frame/flags.ts"
import { backfillNames, orderNames } from "../replay/policyNames.ts"

const wholeNumberFrom = (least: number) =>
  Flag.filter(
    (value: number) => Number.isSafeInteger(value) && value >= least,
    () => `a whole number from ${least} to ${Number.MAX_SAFE_INTEGER}`
  )

const flags = {
  file: Argument.String("file").pipe(
    Argument.withMetavar("FILE"),
    Argument.withDescription("A workload: Standard Workload Format (.swf) or CSV, also gzipped; - is standard input")
  ),
  capacity: Flag.Int("capacity").pipe(
    wholeNumberFrom(1),
    Flag.optional,
    Flag.withDescription("Processors to hand out; for SWF by default what the file's header says")
  ),
  from: Flag.Int("from").pipe(
    wholeNumberFrom(0),
    Flag.withDefault(0),
    Flag.withDescription("Zero-based row of the file that the window begins with (default 0)")
  ),
  jobs: Flag.Int("jobs").pipe(
    wholeNumberFrom(1),
    Flag.optional,
    Flag.withDescription("Rows in the window (default: to the end of the file)")
  ),
  order: Flag.Literals("order", orderNames).pipe(
    Flag.withDefault("fcfs" as const),
    Flag.withDescription(
      "Who is next: first come, first served (fcfs, the default); shortest estimate first (sjf); by the score F1 of " +
        "RLScheduler (f1); highest priority first (priority); whoever's agent has least (fair)"
    )
  ),
  overtake: Flag.Boolean("overtake").pipe(
    Flag.withDefault(false),
    Flag.withDescription("With sjf and f1: let a better newcomer go before who was chosen next and does not fit yet")
  ),
  halfLife: Flag.String("half-life").pipe(
    Flag.withMetavar("DURATION"),
    Flag.optional,
    Flag.withDescription("With fair: whoever's agent was granted least, which counts half after so long")
  ),
  backfill: Flag.Literals("backfill", backfillNames).pipe(
    Flag.withDefault("none" as const),
    Flag.withDescription(
      "Who may start before who is next, by the estimates: nobody (none, the default); who does not delay it " +
        "(easy); who ends before it can start (shadow); who delays nobody (conservative)"
    )
  ),
  depth: Flag.Int("depth").pipe(
    wholeNumberFrom(1),
    Flag.withDefault(1000),
    Flag.withDescription("How many of those who wait backfill looks at, oldest first (default 1000)")
  ),
  out: Flag.String("out").pipe(
    Flag.withMetavar("REPORT"),
    Flag.optional,
    Flag.withDescription("Write a self-contained page (.html) or picture (.svg) of use and queue over time")
  ),
  format: Flag.Literals("format", ["swf", "csv"]).pipe(
    Flag.optional,
    Flag.withDescription("Format of the file (default: by its name)")
  ),
  csvColumns: Flag.String("csv-columns").pipe(
    Flag.withMetavar("MAPPING"),
    Flag.optional,
    Flag.withDescription("What the columns mean, as submit=COLUMN,run=COLUMN,amount=COLUMN,agent=COLUMN")
  ),
  csvDelimiter: Flag.String("csv-delimiter").pipe(
    Flag.filter(
      (text) => text === "\\t" || text.length === 1,
      () => "one character, or \\t for a tab"
    ),
    Flag.withDefault(","),
    Flag.withDescription("What separates the columns (default a comma; \\t is a tab)")
  ),
  pool: Flag.String("pool").pipe(
    Flag.withMetavar("NAME=CAPACITY"),
    Flag.atLeast(0),
    Flag.withDescription("A pool, instead of --capacity; may be repeated; the capacity may be `unlimited`")
  ),
  rate: Flag.String("rate").pipe(
    Flag.withMetavar("NAME=LIMIT/INTERVAL[:BURST]"),
    Flag.atLeast(0),
    Flag.withDescription("A token bucket that each unit of a pool's amounts is paid from, as tokens=8000/s:20000")
  )
}

export const simulate = Command.make(
  "simulate",
  flags,
  Effect.fnUntraced(function* ({ csvDelimiter, ...options }) {
    // Loaded here and not above: `--help` needs none of it.
    const { replay } = yield* Effect.promise(() => import("../replay/replay.ts"))
    const replayed = yield* replay({
      ...options,
      capacity: Option.getOrUndefined(options.capacity),
      jobs: Option.getOrUndefined(options.jobs),
      halfLife: Option.getOrUndefined(options.halfLife),
      out: Option.getOrUndefined(options.out),
      format: Option.getOrUndefined(options.format),
      csvColumns: Option.getOrUndefined(options.csvColumns),
      csvDelimiter: csvDelimiter === "\\t" ? "\t" : csvDelimiter
    })
    for (const note of replayed.notes) yield* Console.error(note)
    yield* Console.log((yield* Json) ? JSON.stringify(replayed.summary, undefined, 2) : replayed.text)
    yield* replayed.verdict
  })
).pipe(
  Command.withDescription(
    "Replay a workload through the manager in virtual time, and say what it did. " +
      "Exit codes: 0 done, 2 wrong usage, 3 unreadable workload, 4 unwritable report or output, 5 a rule was broken, 6 too old a Node."
  ),
  Command.withShortDescription("Replay a workload through the manager"),
  Command.withExamples([
    {
      command: "resource-manager simulate lublin_256.swf --capacity 256 --from 1981 --jobs 1024",
      description: "1,024 jobs on a machine of 256 processors"
    },
    {
      command: "resource-manager simulate lublin_256.swf --order sjf --backfill easy",
      description: "The shortest first, and small ones past who is next where that does not delay it"
    },
    {
      command: "resource-manager simulate trace.swf.gz --capacity 128 --json --out report.html",
      description: "Figures for a program, plots for people"
    },
    {
      command:
        "resource-manager simulate requests.csv --pool slots=34 --pool tokens=unlimited --rate tokens=8000/s:20000 " +
        "--csv-columns 'submit=TIMESTAMP,run=0.25ms*In+25ms*Out,slots=1,tokens=In+Out'",
      description: "Requests that take a slot each, and tokens from a bucket"
    }
  ])
)
