/**
 * `deadlocks` as a picture of its own: no script, no request to anywhere, light and
 * dark. Loaded when asked for: it brings the layout (dagre) with it.
 */
import { Graph, layout, type Point } from "@dagrejs/dagre"
import type { Deadlocks } from "@resource-manager/core/WaitGraph"
import stringWidth from "string-width"
import { printableLine } from "../../printable.ts"
import { escapeMarkup } from "../../replay/markup.ts"
import { textStyle } from "../style.ts"
import { fit, textOf } from "../text.ts"
import type { Sheet } from "../views.ts"
import { type DrawnEdge, type DrawnNode, type Group, groupsOf } from "./drawing.ts"

const fontSize = 12
/** Columns of a monospaced font are this wide, whichever it is. */
const columnWidth = 0.602 * fontSize
const lineHeight = 17
const padding = 10
/** From the middle of a line down to the feet of its letters. */
const baseline = 4
const margin = 24
const titleHeight = 34
const pageWidth = 1_100
/** A name as long as a page would make all else unreadable. */
const columnsMax = 44

interface Placed {
  readonly width: number
  readonly height: number
  readonly markup: string
}

const short = (text: string): string => textOf(fit(text, columnsMax, textStyle))

const round = (value: number): string => String(Math.round(value * 10) / 10)

const label = (text: string): string => escapeMarkup(printableLine(text))

const sizeOf = ({ lines }: DrawnNode) => ({
  width: Math.max(...lines.map((text) => stringWidth(short(text)))) * columnWidth + 2 * padding + 8,
  height: lines.length * lineHeight + 2 * padding - 4
})

const cornersOf = ({ kind }: DrawnNode, width: number, height: number): string => {
  const at = `x="${round(-width / 2)}" y="${round(-height / 2)}" width="${round(width)}" height="${round(height)}"`
  if (kind !== "pool") return `<rect ${at} rx="${kind === "wait" ? round(height / 2.6) : kind === "more" ? 8 : 2}"/>`
  const [x, y, bevel] = [width / 2, height / 2, 10]
  const points = [
    [-x + bevel, -y],
    [x - bevel, -y],
    [x, 0],
    [x - bevel, y],
    [-x + bevel, y],
    [-x, 0]
  ]
  return `<polygon points="${points.map((point) => point.map(round).join(",")).join(" ")}"/>`
}

const drawNode = (node: DrawnNode, x: number, y: number): string => {
  const { height, width } = sizeOf(node)
  const top = (-(node.lines.length - 1) * lineHeight) / 2
  const lines = node.lines.map((text, index) => {
    const role = index === 0 ? ' class="name"' : ""
    return `<text${role} y="${round(top + index * lineHeight + baseline)}">${label(short(text))}</text>`
  })
  const stuck = node.stuck ? " stuck" : ""
  return `<g class="node ${node.kind}${stuck}" transform="translate(${round(x)} ${round(y)})">${cornersOf(node, width, height)}${lines.join("")}</g>`
}

/** A smooth line through the points: straight to the middle of each piece, curved around the points between. */
const pathOf = (points: ReadonlyArray<Point>): string => {
  const [first, ...rest] = points
  const last = rest.at(-1)
  if (first === undefined || last === undefined) return ""
  let path = `M${round(first.x)} ${round(first.y)}`
  for (let index = 0; index < rest.length - 1; index++) {
    const [at, next] = [rest[index]!, rest[index + 1]!]
    path += `Q${round(at.x)} ${round(at.y)} ${round((at.x + next.x) / 2)} ${round((at.y + next.y) / 2)}`
  }
  return `${path}L${round(last.x)} ${round(last.y)}`
}

const drawEdge = ({ kind, stuck }: DrawnEdge, points: ReadonlyArray<Point>): string =>
  `<path class="edge ${kind}${stuck ? " stuck" : ""}" d="${pathOf(points)}" marker-end="url(#${stuck ? "stuck" : "arrow"})"/>`

const drawLabel = (text: string, x: number | undefined, y: number | undefined): string =>
  text === "" || x === undefined || y === undefined
    ? ""
    : `<text class="label" x="${round(x)}" y="${round(y + baseline)}">${label(short(text))}</text>`

const placeIn = ({ edges, nodes }: Group, direction: "LR" | "TB"): Placed => {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: direction, nodesep: 22, ranksep: 56, edgesep: 14, marginx: 4, marginy: 4 })
  for (const node of nodes) graph.setNode(node.key, sizeOf(node))
  edges.forEach((edge, index) => {
    const text = short(edge.label)
    const size = {
      width: stringWidth(text) * columnWidth * 0.92 + 6,
      height: text === "" ? 0 : lineHeight,
      labelpos: "c"
    }
    graph.setEdge(edge.from, edge.to, { ...size, text }, String(index))
  })
  layout(graph)
  const lines = edges.map((edge, index) => {
    const placed: {
      readonly points?: ReadonlyArray<Point>
      readonly x?: number
      readonly y?: number
      readonly text?: string
    } = graph.edge(edge.from, edge.to, String(index))
    return { line: drawEdge(edge, placed.points ?? []), text: drawLabel(placed.text ?? "", placed.x, placed.y) }
  })
  const boxes = nodes.map((node) => {
    const placed: { readonly x: number; readonly y: number } = graph.node(node.key)
    return drawNode(node, placed.x, placed.y)
  })
  const { height, width }: { readonly height?: number; readonly width?: number } = graph.graph()
  const markup = [...lines.map((each) => each.line), ...boxes, ...lines.map((each) => each.text)].filter(
    (text) => text !== ""
  )
  return { width: width ?? 0, height: height ?? 0, markup: markup.join("\n") }
}

/** From the left to the right, as one reads; downwards where that is too wide for a page and helps. */
const place = (group: Group): Placed => {
  if (group.nodes.length === 0) return { width: 0, height: 0, markup: "" }
  const across = placeIn(group, "LR")
  if (across.width <= pageWidth) return across
  const down = placeIn(group, "TB")
  return down.width < across.width ? down : across
}

interface Palette {
  readonly surface: string
  readonly text: string
  readonly muted: string
  readonly pool: string
  readonly wait: string
  readonly lease: string
  readonly stuck: string
}

/** As in the plots of `simulate`: text and lines keep a contrast of 4.5 to 1 with the surface (WCAG AA). */
const light: Palette = {
  surface: "#ffffff",
  text: "#1f2430",
  muted: "#596170",
  pool: "#2a6fbb",
  wait: "#b1520d",
  lease: "#5b4fb3",
  stuck: "#b3261e"
}

const dark: Palette = {
  surface: "#14171c",
  text: "#e6e8eb",
  muted: "#a2a9b4",
  pool: "#6aa8ee",
  wait: "#f0975a",
  lease: "#a99cf2",
  stuck: "#ff8a80"
}

/** Plain colours, not variables: viewers other than browsers know none. */
const colors = ({ lease, muted, pool, stuck, surface, text, wait }: Palette): string => `
  text { fill: ${text}; } .label, .key { fill: ${muted}; } .label { stroke: ${surface}; } .sheet { fill: ${surface}; }
  .node rect, .node polygon { fill: ${surface}; stroke: ${muted}; }
  .node.pool polygon { stroke: ${pool}; } .node.wait rect { stroke: ${wait}; } .node.lease rect { stroke: ${lease}; }
  .edge { stroke: ${muted}; } .tip { fill: ${muted}; } .tip.stuck { fill: ${stuck}; }
  .node.stuck rect, .node.stuck polygon, .edge.stuck { stroke: ${stuck}; }`

const style = `
  svg { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: ${fontSize}px; }
  .node text, .label { text-anchor: middle; } .node .name, .title { font-weight: 700; } .title { font-size: 14px; }
  .label { font-size: 11px; paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }
  .node rect, .node polygon { stroke-width: 1.4; } .node.more rect { stroke-dasharray: 4 3; }
  .edge { fill: none; stroke-width: 1.3; } .edge.comesBackAfter { stroke-dasharray: 6 4; }
  .node.stuck rect, .node.stuck polygon { stroke-width: 2.6; } .edge.stuck { stroke-width: 2; }${colors(light)}
  @media (prefers-color-scheme: dark) {${colors(dark)} }`

const marker = (id: string, role: string): string =>
  `<marker id="${id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip${role}" d="M0 0 10 5 0 10z"/></marker>`

const legend = "Solid: waits for, or is held by. Dashed: comes back after. Thick: deadlocked, or behind a deadlock."

export const deadlocksSvg = (deadlocks: Deadlocks, sheet: Sheet): string => {
  const groups = groupsOf(deadlocks, sheet).map((group) => ({
    title: printableLine(group.title),
    placed: place(group)
  }))
  const nothing = "Nobody waits, and no deadlock was detected."
  const titles = groups.length === 0 ? [nothing] : [...groups.map(({ title }) => title), legend]
  const titlesWidth = Math.max(...titles.map((title) => stringWidth(title))) * columnWidth * (14 / fontSize)
  const width = Math.ceil(Math.max(titlesWidth, ...groups.map(({ placed }) => placed.width)) + 2 * margin)
  const parts: Array<string> = []
  let y = margin
  for (const { placed, title } of groups) {
    parts.push(`<text class="title" x="${margin}" y="${round(y + 12)}">${label(title)}</text>`)
    parts.push(`<g transform="translate(${margin} ${round(y + titleHeight)})">\n${placed.markup}\n</g>`)
    y += titleHeight + placed.height + margin
  }
  parts.push(
    groups.length === 0
      ? `<text class="title" x="${margin}" y="${y + 12}">${nothing}</text>`
      : `<text class="key" x="${margin}" y="${round(y + 8)}">${legend}</text>`
  )
  const height = Math.ceil(y + 16 + margin)
  const description = groups.map(({ title }) => title).join(" ") || nothing
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">Who waits for whom</title><desc id="d">${escapeMarkup(description)}</desc>
<style>${style}
</style>
<defs>${marker("arrow", "")}${marker("stuck", " stuck")}</defs>
<rect class="sheet" width="100%" height="100%"/>
${parts.join("\n")}
</svg>
`
}
