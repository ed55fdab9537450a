/** `deadlocks` as a Mermaid flowchart, for issues, pull requests and Markdown pages. */
import type { Deadlocks } from "@resource-manager/core/WaitGraph"
import { printableLine } from "../../printable.ts"
import type { Sheet } from "../views.ts"
import { type DrawnEdge, type DrawnNode, groupsOf, type NodeKind } from "./drawing.ts"

/** Within quotes: whatever Mermaid or HTML would read is written by its code. */
const escaped = (text: string): string =>
  printableLine(text).replaceAll(/[&<>"#;`\\|{}[\]()]/g, (character) => `#${character.codePointAt(0)};`)

const shapes: Readonly<Record<NodeKind, readonly [open: string, close: string]>> = {
  wait: ["([", "])"],
  lease: ["[", "]"],
  pool: ["{{", "}}"],
  more: ["(", ")"]
}

const nodeLine = ({ key, kind, lines }: DrawnNode): string => {
  const [open, close] = shapes[kind]
  return `    ${key}${open}"${lines.map(escaped).join("<br>")}"${close}`
}

const words: Readonly<Record<DrawnEdge["kind"], string>> = {
  waitsFor: "waits for",
  heldBy: "held by",
  comesBackAfter: "comes back after"
}

const edgeLine = ({ from, kind, label, to }: DrawnEdge): string =>
  `    ${from} ${kind === "comesBackAfter" ? "-.->" : "-->"}|"${escaped([words[kind], label].join(" ").trim())}"| ${to}`

export const deadlocksMermaid = (deadlocks: Deadlocks, sheet: Sheet): string => {
  const groups = groupsOf(deadlocks, sheet)
  const stuck = groups.flatMap(({ nodes }) => nodes.filter((node) => node.stuck).map(({ key }) => key))
  const body = groups.flatMap(({ edges, nodes, title }, index) => [
    `  subgraph g${index}["${escaped(title)}"]`,
    ...nodes.map(nodeLine),
    ...edges.map(edgeLine),
    "  end"
  ])
  return [
    "flowchart LR",
    ...(groups.length === 0 ? ['  nobody["Nobody waits, and no deadlock was detected."]'] : body),
    ...(stuck.length === 0
      ? []
      : ["  classDef stuck stroke:#c62828,stroke-width:3px", `  class ${stuck.join(",")} stuck`])
  ].join("\n")
}
