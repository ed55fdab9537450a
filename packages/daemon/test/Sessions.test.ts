/** The rules of sessions (S, R) on the pure part: time tables, and random operations against a naive model. */
import { assert, describe, it } from "@effect/vitest"
import { random } from "./support/random.ts"
import { returnedMax, type Session, Sessions } from "../src/Sessions.ts"

const options = { timeoutMillis: 9_000, sessionsMax: 3, commandsMax: 4, leasesMax: 2 }

const made = (more: Partial<typeof options> = {}) => new Sessions<string>({ ...options, ...more })

const opened = (sessions: Sessions<string>, id: string, now: number): Session<string> => {
  const session = sessions.open(id, {}, now)
  if ("_tag" in session) return assert.fail(`${id} was refused`)
  return session
}

const begun = (sessions: Sessions<string>, session: Session<string>, id: number, ack: number) => {
  const command = sessions.begin(session, id, ack)
  if ("_tag" in command) return assert.fail(`command ${id} was refused: ${command._tag}`)
  return command
}

describe("S1: a session ends when nothing was heard of it for the timeout", () => {
  it("by a table of times", () => {
    const sessions = made()
    const first = opened(sessions, "first", 0)
    const second = opened(sessions, "second", 1_000)
    const dueAt = (now: number) => sessions.due(now).map(({ id }) => id)
    assert.deepStrictEqual(dueAt(8_999), [])
    sessions.hear(first, 5_000)
    assert.strictEqual(sessions.nextDeadline(), 10_000)
    assert.deepStrictEqual(dueAt(9_999), [])
    assert.deepStrictEqual(dueAt(10_000), ["second"])
    sessions.close(second)
    assert.strictEqual(sessions.nextDeadline(), 14_000)
    // A clock that goes back makes nobody older.
    sessions.hear(first, 1)
    assert.deepStrictEqual(dueAt(13_999), [])
    assert.deepStrictEqual(dueAt(14_001), ["first"])
    sessions.close(first)
    assert.strictEqual(sessions.nextDeadline(), undefined)
    assert.deepStrictEqual(dueAt(Infinity), [])
  })

  it("tells all that are due at once, the longest unheard first", () => {
    const sessions = made()
    for (const [at, id] of ["a", "b", "c"].entries()) opened(sessions, id, at * 10)
    const [a] = sessions.values()
    if (a !== undefined) sessions.hear(a, 30)
    assert.deepStrictEqual(
      sessions.due(9_030).map(({ id }) => id),
      ["b", "c", "a"]
    )
  })

  it("returns its tickets once", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    sessions.bind(session, begun(sessions, session, 1, 1), 7)
    sessions.bind(session, begun(sessions, session, 2, 1), 8)
    assert.strictEqual(sessions.ownerOf(7), session)
    assert.deepStrictEqual(sessions.close(session), [7, 8])
    assert.deepStrictEqual(sessions.close(session), [])
    assert.strictEqual(sessions.ownerOf(7), undefined)
    assert.strictEqual(sessions.tickets, 0)
    sessions.hear(session, 5)
    assert.strictEqual(sessions.get("a"), undefined)
  })
})

describe("S2: a stall of the daemon counts for nobody", () => {
  it("moves all deadlines by the lateness and a little", () => {
    const sessions = made()
    const heard = opened(sessions, "heard", 0)
    opened(sessions, "silent", 0)
    // It stood still for a minute: what was sent meanwhile is not read yet.
    assert.deepStrictEqual(sessions.due(60_000), [])
    assert.strictEqual(sessions.nextDeadline(), 63_000)
    sessions.hear(heard, 60_001)
    assert.deepStrictEqual(
      sessions.due(63_000).map(({ id }) => id),
      ["silent"]
    )
    const deadline = sessions.nextDeadline()
    assert.strictEqual(deadline, 63_000)
  })

  it("is not mistaken for an ordinary delay of a timer", () => {
    const sessions = made()
    opened(sessions, "a", 0)
    assert.strictEqual(sessions.due(9_000 + sessions.stallMillis).length, 1)
  })
})

describe("R: commands run once", () => {
  it("R1: a retry is the same command", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    const command = begun(sessions, session, 1, 1)
    const heard: Array<string> = []
    command.listeners = [(answer) => heard.push(answer)]
    assert.strictEqual(begun(sessions, session, 1, 1), command)
    sessions.answer(command, "first")
    sessions.answer(command, "second")
    assert.strictEqual(begun(sessions, session, 1, 1).answer, "first")
    assert.deepStrictEqual(heard, ["first"])
  })

  it("R2: what was acknowledged is refused, in whatever order it arrives", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    begun(sessions, session, 2, 1)
    begun(sessions, session, 1, 1)
    assert.deepStrictEqual(sessions.begin(session, 1, 2), { _tag: "Forgotten", command: 1, acknowledged: 2 })
    // An older acknowledgement takes nothing back.
    assert.deepStrictEqual(sessions.begin(session, 1, 0), { _tag: "Forgotten", command: 1, acknowledged: 2 })
    begun(sessions, session, 2, 1)
    sessions.acknowledge(session, 3)
    assert.strictEqual(session.commands.size, 0)
  })

  it("R3: at most so many are not acknowledged", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    for (const id of [1, 2, 3, 4]) begun(sessions, session, id, 1)
    assert.deepStrictEqual(sessions.begin(session, 5, 1), { _tag: "Limit", limit: "commands", value: 4, max: 4 })
    begun(sessions, session, 4, 1)
    begun(sessions, session, 5, 2)
    // What cancels unknown commands is bounded like these.
    assert.deepStrictEqual(sessions.cancel(session, 9, 2), { _tag: "Limit", limit: "commands", value: 4, max: 4 })
  })

  it("R4: a command that was cancelled before it arrived is refused", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    assert.isFalse("_tag" in (sessions.cancel(session, 1, 1) ?? {}))
    assert.deepStrictEqual(sessions.begin(session, 1, 1), { _tag: "Cancelled", command: 1 })
    assert.strictEqual(sessions.cancel(session, 1, 1), undefined)
    assert.strictEqual(sessions.cancel(session, 0, 1), undefined)
  })
})

describe("limits and what was taken", () => {
  it("bounds sessions and leases", () => {
    const sessions = made()
    const session = opened(sessions, "a", 0)
    opened(sessions, "b", 0)
    opened(sessions, "c", 0)
    assert.deepStrictEqual(sessions.open("d", {}, 0), { _tag: "Limit", limit: "sessions", value: 3, max: 3 })
    sessions.bind(session, undefined, 1)
    assert.strictEqual(sessions.roomForLease(session), undefined)
    sessions.bind(session, undefined, 2)
    assert.deepStrictEqual(sessions.roomForLease(session), { _tag: "Limit", limit: "leases", value: 2, max: 2 })
    sessions.drop(1)
    assert.strictEqual(sessions.roomForLease(session), undefined)
    assert.strictEqual(made({ sessionsMax: Infinity }).open("x", {}, 0) instanceof Object, true)
    assert.deepInclude({ ...made({ sessionsMax: 0 }).open("x", {}, 0) }, { _tag: "Limit", max: 0 })
  })

  it("remembers the last leases that were taken", () => {
    const sessions = made({ leasesMax: Infinity })
    const session = opened(sessions, "a", 0)
    for (let lease = 0; lease <= returnedMax; lease++) {
      sessions.bind(session, undefined, lease)
      assert.strictEqual(sessions.take({ lease, reason: "expired" }), session)
    }
    assert.strictEqual(sessions.take({ lease: 0, reason: "expired" }), undefined)
    assert.strictEqual(session.returned.length, returnedMax)
    assert.strictEqual(session.returned[0]?.lease, 1)
  })
})

/** A session the slow way: everything that ever happened is kept, and looked through. */
interface NaiveSession {
  heardAt: number
  acknowledged: number
  readonly seen: Map<number, "run" | "cancelled">
  readonly tickets: Set<number>
}

describe("against a naive model", () => {
  const seeds = [Number(process.env["SESSIONS_SEED"] ?? Date.now() % 1_000_000), 1, 2, 3]
  for (const seed of seeds) {
    it(`agrees after 5,000 random operations (SESSIONS_SEED=${seed})`, () => {
      const next = random(seed)
      const sessions = made({ sessionsMax: 5, commandsMax: 6, leasesMax: 8 })
      const naive = new Map<string, NaiveSession>()
      let now = 0
      let ids = 0
      let tickets = 0
      const pick = () => [...sessions.values()][next(Math.max(1, sessions.size))]
      const unacknowledged = (model: NaiveSession) =>
        [...model.seen.keys()].filter((id) => id >= model.acknowledged).length
      for (let step = 0; step < 5_000; step++) {
        now += next(900)
        // Stepping slower than the stall limit is not what is tested here.
        const due = sessions.due(now).map(({ id }) => id)
        const expected = [...naive].filter(([, model]) => model.heardAt + options.timeoutMillis <= now)
        assert.deepStrictEqual(due.toSorted(), expected.map(([id]) => id).toSorted(), `step ${step}`)
        for (const id of due) {
          const session = sessions.get(id)
          const model = naive.get(id)
          if (session === undefined || model === undefined) return assert.fail("due, and not there")
          assert.deepStrictEqual(sessions.close(session), [...model.tickets])
          naive.delete(id)
        }
        const session = pick()
        const model = session === undefined ? undefined : naive.get(session.id)
        if (session === undefined || model === undefined || next(10) === 0) {
          const id = `s${ids++}`
          const answer = sessions.open(id, {}, now)
          assert.strictEqual("_tag" in answer, naive.size >= 5)
          if (!("_tag" in answer)) naive.set(id, { heardAt: now, acknowledged: 0, seen: new Map(), tickets: new Set() })
          continue
        }
        sessions.hear(session, now)
        model.heardAt = now
        const ack = next(3) === 0 ? Math.max(0, model.acknowledged + next(4) - 1) : 0
        const id = Math.max(0, model.acknowledged - 2 + next(10))
        const isCancel = next(4) === 0
        const answer = isCancel ? sessions.cancel(session, id, ack) : sessions.begin(session, id, ack)
        if (ack > model.acknowledged) model.acknowledged = ack
        const tag = answer !== undefined && "_tag" in answer ? answer._tag : undefined
        const known = model.seen.get(id)
        if (id < model.acknowledged) {
          assert.strictEqual(tag, isCancel ? undefined : "Forgotten")
        } else if (known === "cancelled") {
          assert.strictEqual(tag, isCancel ? undefined : "Cancelled")
        } else if (known === undefined && unacknowledged(model) >= 6) {
          // Of one that came late some may be kept behind a later one: never fewer are refused than should be.
          assert.strictEqual(tag, "Limit")
        } else if (tag === "Limit") {
          assert.isAtLeast(session.commands.size, 6)
        } else {
          assert.strictEqual(tag, undefined)
          if (isCancel) model.seen.set(id, "cancelled")
          else if (known === undefined) {
            model.seen.set(id, "run")
            if (model.tickets.size < 8) {
              sessions.bind(session, undefined, ++tickets)
              model.tickets.add(tickets)
            } else assert.isDefined(sessions.roomForLease(session))
          }
        }
        if (next(3) === 0 && model.tickets.size > 0) {
          const ticket = [...model.tickets][next(model.tickets.size)]
          if (ticket === undefined) continue
          model.tickets.delete(ticket)
          assert.strictEqual(sessions.drop(ticket), session)
          assert.strictEqual(sessions.drop(ticket), undefined)
        }
      }
      assert.isAbove(ids, 20)
      assert.isAbove(tickets, 100)
    })
  }
})
