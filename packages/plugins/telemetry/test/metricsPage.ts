/** The table in docs/metrics.md, written by `npx -y pnpm@12 exec node packages/plugins/telemetry/test/metricsPage.ts`. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Metrics from "../src/Metrics.ts"

export const file = join(import.meta.dirname, "../../../../docs/metrics.md")

const begin = "<!-- from packages/plugins/telemetry/src/Metrics.ts: -->"
const end = "<!-- until here -->"

const kinds = { counter: "counter", upDownCounter: "up-down counter", gauge: "gauge", histogram: "histogram" }
const pageKinds = { counter: "counter", upDownCounter: "gauge", gauge: "gauge", histogram: "histogram" }

const row = (metric: Metrics.Metric): string => {
  const { attributes, description, kind, name, unit } = metric
  const labels = attributes.map((one) => `\`${Metrics.prometheusLabel(one)}\``).join(", ")
  const type = kinds[kind] === pageKinds[kind] ? kinds[kind] : `${kinds[kind]}; on the page a ${pageKinds[kind]}`
  return `| \`${name}\`<br>\`${Metrics.prometheusName(metric)}\` | ${type} | \`${unit}\` | ${labels} | ${description} |`
}

export const table = [
  "| name, and on the page | type | unit | labels | what it is |",
  "| --- | --- | --- | --- | --- |",
  ...Metrics.all.map(row)
].join("\n")

/** The part of the page between the marks, and the page with the table there. */
export const readPage = (): { readonly told: string; readonly renewed: string } => {
  const text = readFileSync(file, "utf8")
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${file} has no place for the table`)
  const told = text.slice(from + begin.length, to).trim()
  return { told, renewed: `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}` }
}

if (import.meta.main) writeFileSync(file, readPage().renewed)
