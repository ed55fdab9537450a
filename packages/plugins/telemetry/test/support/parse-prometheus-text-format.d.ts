declare module "parse-prometheus-text-format" {
  export interface Family {
    readonly name: string
    readonly help: string
    readonly type: "COUNTER" | "GAUGE" | "HISTOGRAM" | "SUMMARY" | "UNTYPED"
    readonly metrics: ReadonlyArray<{
      readonly labels?: Readonly<Record<string, string>>
      readonly value?: string
      readonly buckets?: Readonly<Record<string, string>>
    }>
  }
  /** Throws for a line that it cannot read. */
  export default function parse(page: string): ReadonlyArray<Family>
}
