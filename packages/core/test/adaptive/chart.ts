/** Step lines over time, panel under panel, as one SVG that reads in light and dark. */

export interface Series {
  readonly name: string
  readonly kind: "capacity" | "limit" | "other" | "bad"
  /** The value from each instant on. */
  readonly points: ReadonlyArray<readonly [at: number, value: number]>
}

export interface Panel {
  readonly title: string
  readonly yMax: number
  readonly yTicks: ReadonlyArray<number>
  readonly height: number
  readonly series: ReadonlyArray<Series>
  /** Between two values from each instant on, behind the lines. */
  readonly band?: ReadonlyArray<readonly [at: number, low: number, high: number]>
}

export interface Chart {
  readonly title: string
  readonly description: string
  readonly xMax: number
  readonly xTicks: ReadonlyArray<number>
  readonly xTitle: string
  readonly panels: ReadonlyArray<Panel>
}

const width = 880
const left = 52
const right = 16
const plotWidth = width - left - right
const gap = 46

const style = `
  text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #596170; }
  .title { font-size: 14px; font-weight: 600; fill: #1f2430; }
  .surface { fill: #ffffff; }
  .grid { stroke: #e3e6ea; fill: none; }
  .band { fill: #2e8b57; fill-opacity: 0.16; stroke: none; }
  .capacity { stroke: #2e8b57; stroke-dasharray: 6 4; stroke-width: 1.5; fill: none; }
  .limit { stroke: #2a6fbb; stroke-width: 1.6; fill: none; }
  .other { stroke: #b1520d; stroke-width: 1.2; fill: none; }
  .bad { stroke: #c0392b; stroke-width: 1.4; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #a2a9b4; } .title { fill: #e6e8eb; } .surface { fill: #14171c; } .grid { stroke: #2c323b; }
    .band { fill: #5cc98c; } .capacity { stroke: #5cc98c; } .limit { stroke: #6aa8ee; } .other { stroke: #f0975a; }
    .bad { stroke: #ff7b6b; }
  }
`

const round = (value: number) => Number(value.toFixed(1))
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

interface Scales {
  readonly x: (at: number) => number
  readonly y: (value: number) => number
}

const stepPath = ({ points }: Series, { x, y }: Scales, until: number): string => {
  let path = ""
  let last: number | undefined
  for (const [at, value] of points) {
    const height = round(y(value))
    if (last === undefined) path += `M${round(x(at))} ${height}`
    else if (height !== last) path += `H${round(x(at))}V${height}`
    last = height
  }
  return `${path}H${round(x(until))}`
}

const bandPath = (band: NonNullable<Panel["band"]>, { x, y }: Scales, until: number): string =>
  band
    .map(([at, low, high], index) => {
      const to = band[index + 1]?.[0] ?? until
      return `M${round(x(at))} ${round(y(low))}H${round(x(to))}V${round(y(high))}H${round(x(at))}Z`
    })
    .join("")

const panelSvg = (panel: Panel, chart: Chart, top: number): string => {
  const scales: Scales = {
    x: (at) => left + (at / chart.xMax) * plotWidth,
    y: (value) => top + panel.height - (Math.min(value, panel.yMax) / panel.yMax) * panel.height
  }
  const grid = panel.yTicks
    .map((tick) => {
      const y = round(scales.y(tick))
      return `<path class="grid" d="M${left} ${y}H${width - right}"/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${tick}</text>`
    })
    .join("\n")
  let legendAt = left + 12 + 9 * panel.title.length
  const legend = panel.series
    .map(({ kind, name }) => {
      const at = legendAt
      legendAt += 44 + 7.2 * name.length
      return `<path class="${kind}" d="M${at} ${top - 18}h26"/><text x="${at + 32}" y="${top - 14}">${escaped(name)}</text>`
    })
    .join("")
  const band = panel.band === undefined ? "" : `<path class="band" d="${bandPath(panel.band, scales, chart.xMax)}"/>\n`
  const lines = panel.series
    .map((series) => `<path class="${series.kind}" d="${stepPath(series, scales, chart.xMax)}"/>`)
    .join("\n")
  return `<text class="title" x="${left}" y="${top - 14}">${escaped(panel.title)}</text>${legend}\n${grid}\n${band}${lines}`
}

export const svgOf = (chart: Chart): string => {
  let top = 40
  const panels = chart.panels.map((panel) => {
    const svg = panelSvg(panel, chart, top)
    top += panel.height + gap
    return svg
  })
  const height = top + 6
  const axis = chart.xTicks
    .map((tick) => {
      const x = round(left + (tick / chart.xMax) * plotWidth)
      return `<text x="${x}" y="${top - gap + 18}" text-anchor="middle">${tick}</text>`
    })
    .join("")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${escaped(chart.title)}</title><desc id="d">${escaped(chart.description)}</desc>
<style>${style}</style>
<rect class="surface" width="100%" height="100%"/>
${panels.join("\n")}
${axis}<text x="${left + plotWidth / 2}" y="${top - gap + 36}" text-anchor="middle">${escaped(chart.xTitle)}</text>
</svg>
`
}
