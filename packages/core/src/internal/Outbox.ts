/**
 * What is decided and not yet told: it is committed where there is a journal, and
 * then told, in a turn of the event loop of its own.
 *
 * 1. Without a journal, waiters are resumed as soon as the turn comes. With one,
 *    nobody is told of anything that is not in it: what was decided in one turn is
 *    one batch, and what resumed fibers decide belongs to the next.
 * 2. A journal that fails ends it all: whoever waits is told that the manager has
 *    stopped, and nobody is told anything else any more.
 * 3. Telling runs in a loop of its own, never inside a decision: a chain of
 *    hand-offs neither grows a stack nor keeps who releases, and the event loop has
 *    its turn.
 */
import * as Fiber from "effect/Fiber"
import type { SchedulerDispatcher } from "effect/Scheduler"
import { failed, JournalFailed } from "../Journal.ts"
import type { LedgerEvent } from "../ledger/Event.ts"
import type { Ledger } from "../ledger/Ledger.ts"
import type { JournalWriter } from "./journal/JournalWriter.ts"

/** Is told events in order, outside of any decision. */
export type EventListener = (events: ReadonlyArray<LedgerEvent>) => void

/** How many waiters one turn of the event loop resumes. */
const wakesPerTurn = 512

export class Outbox {
  readonly journal: JournalWriter | undefined
  /** Why nothing is told any more. */
  failure: JournalFailed | undefined = undefined
  /** Called when that is so. */
  readonly failureListeners = new Set<(failure: JournalFailed) => void>()
  private readonly ledger: Ledger
  private readonly dispatcher: SchedulerDispatcher
  private readonly afterTurn: () => void
  private readonly listeners = new Set<EventListener>()
  /** Events that no listener was told yet. */
  private untold: Array<LedgerEvent> = []
  /** What is to be told besides. */
  private unsaid: Array<() => void> = []
  /** Who goes on after the next commit. */
  private waiting = new Set<() => void>()
  /** The journal has ended, or failed. */
  private closed = false
  private scheduled = false
  private turning = false
  /** Of `ledger.settled`: how many were resumed, and how many may be. */
  private drained = 0
  private committed = 0

  constructor(
    ledger: Ledger,
    dispatcher: SchedulerDispatcher,
    journal: JournalWriter | undefined,
    afterTurn: () => void
  ) {
    this.ledger = ledger
    this.dispatcher = dispatcher
    this.journal = journal
    this.afterTurn = afterTurn
    if (journal !== undefined) ledger.books.sink = this.hear
  }

  /** Sees to it that what was decided is told. */
  flush(): void {
    if (this.scheduled || this.turning || !this.hasWork()) return
    this.scheduled = true
    // With a journal a turn of its own, so that what all fibers decide in this one is together.
    const own = this.journal === undefined ? Fiber.getCurrent()?.currentDispatcher : undefined
    const dispatcher = own ?? this.dispatcher
    dispatcher.scheduleTask(this.turn, 0)
  }

  /** Tells every event from now on, until the answer is called. Where nobody listens, none is built. */
  listen(listener: EventListener): () => void {
    this.listeners.add(listener)
    if (!this.closed) this.ledger.books.sink = this.hear
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size > 0) return
      if (this.journal === undefined) this.ledger.books.sink = undefined
      this.untold = []
    }
  }

  /** Tells something that was decided, once it is committed, outside of any decision. */
  later(tell: () => void): void {
    if (!this.closed) this.unsaid.push(tell)
  }

  /** Whether everything decided so far may be told. */
  get clean(): boolean {
    return this.journal === undefined || (this.failure === undefined && (this.closed || !this.journal.pending))
  }

  /** Goes on once everything decided so far is committed, or never will be: see `failure`. */
  whenCommitted(go: () => void): void {
    if (this.clean || this.failure !== undefined) return go()
    this.waiting.add(go)
    this.flush()
  }

  /** Takes back what `whenCommitted` was given. */
  forget(go: () => void): void {
    this.waiting.delete(go)
  }

  /** Commits what is pending, now. */
  commit(): void {
    const { journal, ledger } = this
    if (journal === undefined) return
    if (this.closed) {
      // Nothing is written any more: what happens now is told as it is.
      this.committed = ledger.settled.length
      return
    }
    try {
      if (journal.pending) journal.commit(ledger.books)
      this.committed = ledger.settled.length
    } catch (cause) {
      this.fail(cause)
    }
  }

  /** Puts a note into the batch of this turn. */
  note(note: unknown): void {
    if (this.journal === undefined || this.closed) return
    this.journal.note(note)
    this.flush()
  }

  /** The last commit of all: what is decided from here on is in no journal. */
  finish(): void {
    if (this.journal === undefined || this.closed) return
    try {
      this.journal.finish(this.ledger.books)
      this.tell()
      this.detach()
    } catch (cause) {
      this.fail(cause)
    }
  }

  /** A manager that was never built writes nothing: its journal is closed with it. */
  abandon(): void {
    if (this.journal !== undefined && !this.closed) this.detach()
  }

  /** From here on the Ledger is nothing but what answers that the manager has stopped. */
  private detach(): void {
    this.closed = true
    this.ledger.books.sink = undefined
    this.untold = []
    this.unsaid = []
    this.ledger.stop(this.ledger.now)
    this.committed = this.ledger.settled.length
  }

  private fail(cause: unknown): void {
    const failure = cause instanceof JournalFailed ? cause : failed(this.journal!.where, "written", cause)
    this.failure = failure
    this.detach()
    for (const listener of this.failureListeners) listener(failure)
  }

  private hasWork(): boolean {
    if (this.journal === undefined) {
      return this.ledger.settled.length > 0 || this.untold.length > 0 || this.unsaid.length > 0
    }
    if (this.closed) return this.ledger.settled.length > 0 || this.waiting.size > 0
    return this.journal.pending || this.drained < this.committed || this.waiting.size > 0
  }

  private readonly hear = (event: LedgerEvent): void => {
    this.journal?.add(event)
    if (this.listeners.size > 0) this.untold.push(event)
  }

  private readonly turn = (): void => {
    this.scheduled = false
    this.turning = true
    this.commit()
    this.tell()
    if (this.waiting.size > 0) this.resumeWaiting()
    this.drain()
    this.turning = false
    this.afterTurn()
  }

  private tell(): void {
    if (this.untold.length > 0) {
      const events = this.untold
      this.untold = []
      for (const listener of this.listeners) listener(events)
    }
    if (this.unsaid.length > 0) {
      const unsaid = this.unsaid
      this.unsaid = []
      for (const tell of unsaid) tell()
    }
  }

  private resumeWaiting(): void {
    const waiting = this.waiting
    this.waiting = new Set()
    for (const go of waiting) go()
  }

  private drain(): void {
    const settled = this.ledger.settled
    const stopAt = this.drained + wakesPerTurn
    // A resumed fiber runs right here until it suspends, and what it releases is appended:
    // without a journal it is told in this turn, with one it has to be committed first.
    while (this.drained < (this.journal === undefined ? settled.length : this.committed) && this.drained < stopAt) {
      const request = settled[this.drained++]!
      const onSettled = request.onSettled
      request.onSettled = undefined
      onSettled?.()
    }
    if (this.drained === settled.length) settled.length = 0
    else settled.splice(0, this.drained)
    this.committed -= Math.min(this.committed, this.drained)
    this.drained = 0
  }
}
