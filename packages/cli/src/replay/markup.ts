/** Text that came from a file or a flag, made safe for HTML and SVG alike. */
export const escapeMarkup = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // XML allows no control characters at all, not even escaped.
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, "\uFFFD")

/** Colours of both modes: text and lines keep a contrast of 4.5 to 1 with the surface (WCAG AA), fills 3 to 1. */
export const palette = `
  --surface: #ffffff; --text: #1f2430; --muted: #596170; --grid: #e3e6ea;
  --use: #2a6fbb; --queue: #b1520d; --wait: #5b4fb3; --limit: #596170;`

export const darkPalette = `
  --surface: #14171c; --text: #e6e8eb; --muted: #a2a9b4; --grid: #2c323b;
  --use: #6aa8ee; --queue: #f0975a; --wait: #a99cf2; --limit: #a2a9b4;`

/** The style of the plots, within a page or a picture of its own. */
export const chartStyle = `
  .chart text { font: 12px system-ui, sans-serif; fill: var(--muted); }
  .chart text.title { font-size: 14px; font-weight: 600; fill: var(--text); }
  .chart .grid { stroke: var(--grid); fill: none; }
  .chart .limit { stroke: var(--limit); stroke-dasharray: 5 4; fill: none; }
  .chart .use { --ink: var(--use); } .chart .queue { --ink: var(--queue); } .chart .wait { --ink: var(--wait); }
  .chart .area { fill: var(--ink); fill-opacity: 0.3; stroke: none; }
  .chart .line { stroke: var(--ink); stroke-width: 1.5; fill: none; stroke-linejoin: round; }
  .chart .peak { stroke: var(--ink); stroke-opacity: 0.55; stroke-width: 1; fill: none; }`
