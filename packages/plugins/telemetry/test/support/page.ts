/** Reads a Prometheus page: by a parser that others wrote, and by a strict reader of what that one lets pass. */
import { assert } from "@effect/vitest"
import parse, { type Family } from "parse-prometheus-text-format"

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/gy

const unescaped = (text: string): string =>
  text.replaceAll(/\\([\\"n])/g, (_, character: string) => (character === "n" ? "\n" : character))

const labelsOf = (text: string): ReadonlyMap<string, string> => {
  const labels = new Map<string, string>()
  let read = 0
  for (const match of text.matchAll(label)) {
    read += match[0].length
    assert.isFalse(labels.has(match[1]!), `two labels ${match[1]}`)
    labels.set(match[1]!, unescaped(match[2]!))
  }
  assert.strictEqual(read, text.length, `labels: ${text}`)
  return labels
}

/** A name with its labels in their order, as one key. */
export const key = (name: string, labels: Iterable<readonly [string, string]> = []): string =>
  JSON.stringify([name, [...labels].toSorted(([a], [b]) => (a < b ? -1 : 1))])

export interface Page {
  readonly families: ReadonlyArray<Family>
  /** Value by `key`. */
  readonly samples: ReadonlyMap<string, number>
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined
  /** All values of a label. */
  readonly labels: (label: string) => ReadonlySet<string>
}

export const read = (text: string): Page => {
  const families = parse(text)
  const samples = new Map<string, number>()
  const byLabel = new Map<string, Set<string>>()
  const typed = new Set<string>()
  assert.isTrue(text.endsWith("\n"))
  for (const line of text.slice(0, -1).split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (type !== null) {
      assert.isFalse(typed.has(type[1]!), `two families ${type[1]}`)
      typed.add(type[1]!)
      continue
    }
    if (/^# HELP \S+ \S/.test(line)) continue
    const [, name, labelText, value] = sampleLine.exec(line) ?? assert.fail(`not a sample: ${JSON.stringify(line)}`)
    const labels = labelsOf(labelText ?? "")
    assert.isTrue(typed.has(name!) || typed.has(name!.replace(/_(bucket|sum|count)$/, "")), `${name} has no type`)
    assert.isTrue(Number.isFinite(Number(value)), line)
    const sample = key(name!, labels)
    assert.isFalse(samples.has(sample), `twice: ${line}`)
    samples.set(sample, Number(value))
    for (const [one, content] of labels) byLabel.set(one, (byLabel.get(one) ?? new Set()).add(content))
  }
  assert.sameMembers(
    families.map(({ name }) => name),
    [...typed]
  )
  return {
    families,
    samples,
    value: (name, labels = {}) => samples.get(key(name, Object.entries(labels))),
    labels: (one) => byLabel.get(one) ?? new Set()
  }
}

/** The samples of families that may only grow: counters, and all parts of a histogram. */
export const growing = ({ families, samples }: Page): ReadonlyMap<string, number> => {
  const names = new Set(
    families.flatMap(({ name, type }) =>
      type === "COUNTER" ? [name] : type === "HISTOGRAM" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : []
    )
  )
  return new Map([...samples].filter(([sample]) => names.has(String(JSON.parse(sample)[0]))))
}
