/** `plugins list`. */
import type { RateStatistics } from "@resource-manager/core/Statistics"
import { amount, rateText } from "./amounts.ts"
import { nameCell } from "./names.ts"
import { type Column, table } from "./table.ts"
import { span, type Text } from "./text.ts"
import type { Sheet } from "./views.ts"

export interface PluginPoolView {
  readonly resourceType: string
  readonly capacity: number
  readonly rate?: RateStatistics | undefined
  /** What is really in use, where the plugin measures it. */
  readonly measured?: number | undefined
  readonly note?: string | undefined
}

export interface PluginView {
  readonly name: string
  readonly pools: ReadonlyArray<PluginPoolView>
}

interface Row extends PluginPoolView {
  readonly plugin: string
}

const dash: Text = span("dim", "-")

export const noPlugins = "No plugins. Name them in the configuration under `plugins`, such as `host` for this machine."

export const pluginList = (plugins: ReadonlyArray<PluginView>, sheet: Sheet): ReadonlyArray<string> => {
  const rows = plugins.flatMap(({ name, pools }) => pools.map((pool): Row => ({ ...pool, plugin: name })))
  const columns: ReadonlyArray<Column<Row>> = [
    { header: "PLUGIN", cell: ({ plugin }) => nameCell(plugin), least: 10 },
    { header: "POOL", cell: ({ resourceType }) => resourceType, least: 8 },
    {
      header: "CAPACITY",
      cell: ({ capacity, resourceType }) => amount(sheet.types, resourceType, capacity),
      align: "right"
    },
    {
      header: "REALLY IN USE",
      cell: ({ measured, resourceType }) =>
        measured === undefined ? dash : amount(sheet.types, resourceType, measured),
      align: "right",
      hide: 2
    },
    ...(rows.some(({ rate }) => rate !== undefined)
      ? [
          {
            header: "RATE",
            cell: ({ rate }: Row) => (rate === undefined ? dash : rateText(rate)),
            align: "right" as const,
            hide: 3
          }
        ]
      : []),
    ...(rows.some(({ note }) => note !== undefined)
      ? [{ header: "NOTE", cell: ({ note }: Row) => note ?? "", least: 10, hide: 1 }]
      : [])
  ]
  return table(rows, columns, sheet, noPlugins)
}
