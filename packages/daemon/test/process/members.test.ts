import { assert, describe, it } from "@effect/vitest"
import { type CommandTarget, keyOf } from "../../src/process/Identity.ts"
import { membersOf, type ProcessInfo, type ProcessState } from "../../src/process/members.ts"

const place = "here"
const self = 50

interface Row {
  readonly parent?: number
  readonly group?: number
  readonly session?: number
  readonly start?: number
  readonly state?: ProcessState
  readonly marked?: true
}

const reading = (rows: Readonly<Record<number, Row>>, numbersReused = false) => {
  const processes = Object.entries(rows).map(([pid, row]): ProcessInfo => {
    const { group = 1, parent = 1, session = 1, start = 200, state = "sleeping" } = row
    return { identity: { pid: Number(pid), start, place }, name: "x", parent, group, session, state }
  })
  return { processes, isMarked: ({ identity }: ProcessInfo) => rows[identity.pid]?.marked === true, numbersReused }
}

const root = { pid: 100, start: 100, place }
const own: CommandTarget = { root, group: 100, marker: "m" }
const shared: CommandTarget = { root, marker: "m" }

const find = (
  rows: Readonly<Record<number, Row>>,
  target: CommandTarget,
  options: { readonly reused?: boolean; readonly known?: ReadonlySet<string> } = {}
) =>
  membersOf(reading(rows, options.reused), target, options.known ?? new Set(), self).map(({ identity }) => identity.pid)

const leader: Row = { start: 100, group: 100, session: 100, parent: self }

describe("the processes of a command", () => {
  it("are its root and what is in its group", () => {
    assert.deepStrictEqual(find({ 99: {}, 100: leader, 101: { group: 100 }, 102: { group: 99 } }, own), [100, 101])
  })

  it("are not others of a group that it shares", () => {
    const rows = { 90: { group: 90 }, 100: { start: 100, group: 90, parent: 90 }, 101: { group: 90, parent: 90 } }
    assert.deepStrictEqual(find(rows, shared), [100])
  })

  it("are children's children, in whatever order they are read", () => {
    const rows = { 60: { parent: 70 }, 70: { parent: 300 }, 100: leader, 300: { parent: 100 } }
    assert.deepStrictEqual(find(rows, shared), [60, 70, 100, 300])
  })

  it("are what a member made a group or session of", () => {
    const rows = {
      100: { start: 100, group: 90 },
      200: { parent: 100, group: 200, session: 200 },
      // Their parents are gone.
      201: { group: 200, session: 200 },
      202: { group: 202, session: 200 },
      203: { group: 203, session: 203 }
    }
    assert.deepStrictEqual(find(rows, shared), [100, 200, 201, 202])
  })

  it("are not who has the number of the root now", () => {
    const rows = { 100: { ...leader, start: 150 }, 101: { group: 100, parent: 100 } }
    assert.deepStrictEqual(find(rows, own), [])
  })

  it("are a group whose leader is gone, unless its number can have been given again", () => {
    const rows = { 101: { group: 100, session: 100 } }
    assert.deepStrictEqual(find(rows, own), [101])
    assert.deepStrictEqual(find(rows, own, { reused: true }), [])
    assert.deepStrictEqual(find({ ...rows, 102: { group: 100, marked: true } }, own, { reused: true }), [102])
  })

  it("are a group whose leader is a zombie, which keeps the number", () => {
    const rows = { 100: { ...leader, state: "ended" }, 101: { group: 100 } } as const
    assert.deepStrictEqual(find(rows, own, { reused: true }), [101])
  })

  it("are found by the marker wherever they went, with what they started", () => {
    const rows = { 300: { marked: true, group: 300, session: 300 }, 301: { parent: 300, group: 301 } } as const
    assert.deepStrictEqual(find(rows, own), [300, 301])
  })

  it("are not what carried the marker before the command began", () => {
    assert.deepStrictEqual(find({ 300: { marked: true, start: 99 }, 301: { marked: true, start: 100 } }, own), [301])
  })

  it("are looked for by the marker only where there is one", () => {
    assert.deepStrictEqual(find({ 300: { marked: true } }, { root }), [])
  })

  it("are who was known before, by identity", () => {
    const known = new Set([keyOf({ pid: 300, start: 200, place })])
    assert.deepStrictEqual(find({ 300: {} }, own, { known }), [300])
    assert.deepStrictEqual(find({ 300: { start: 201 } }, own, { known }), [])
  })

  it("are never who asks, nor the first process, nor the dead", () => {
    const rows = {
      1: { group: 100, marked: true },
      50: { group: 100, marked: true },
      101: { group: 100, state: "ended" }
    } as const
    assert.deepStrictEqual(find({ ...rows, 100: leader }, own), [100])
  })

  it("are nobody where all are gone", () => {
    assert.deepStrictEqual(find({ 1: {}, 50: {}, 2: { group: 0, session: 0, parent: 0 } }, own), [])
  })
})
