/** What each command prints with --json, by its name. The published JSON Schema is made of these. */
import * as Schema from "effect/Schema"
import { ConfigCheckOutput, ConfigShowOutput } from "./config.ts"
import * as daemon from "./daemon.ts"
import { PluginsListOutput } from "./plugins.ts"
import { UpSummary } from "../up/summary.ts"
import { ServeOutput } from "./serve.ts"

export const outputs = {
  serve: ServeOutput,
  status: daemon.StatusOutput,
  stop: daemon.StopOutput,
  why: daemon.WhyOutput,
  up: UpSummary,
  top: daemon.TopOutput,
  deadlocks: daemon.DeadlocksOutput,
  events: daemon.EventOutput,
  "pools list": daemon.PoolsListOutput,
  "pools show": daemon.PoolsShowOutput,
  "pools set-capacity": daemon.PoolOutput,
  "pools set-rate": daemon.PoolOutput,
  "quota get": daemon.QuotasOutput,
  "quota set": daemon.QuotaOutput,
  "quota list": daemon.QuotasOutput,
  "quota tree": daemon.QuotaTreeOutput,
  "quota group set": daemon.QuotaTreeOutput,
  "quota group remove": daemon.QuotaTreeOutput,
  "quota group assign": daemon.QuotaTreeOutput,
  "reserve add": daemon.ReservationOutput,
  "reserve list": daemon.ReserveListOutput,
  "reserve cancel": daemon.ReserveCancelOutput,
  "agents list": daemon.AgentsListOutput,
  "agents show": daemon.AgentsShowOutput,
  "agents set-weight": daemon.AgentsSetOutput,
  "agents set-priority": daemon.AgentsSetOutput,
  "leases list": daemon.LeasesListOutput,
  "leases revoke": daemon.LeasesRevokeOutput,
  settle: daemon.SettleOutput,
  overload: daemon.LimitsOutput,
  "limits list": daemon.LimitsOutput,
  "waiters list": daemon.WaitersListOutput,
  "config check": ConfigCheckOutput,
  "config show": ConfigShowOutput,
  "plugins list": PluginsListOutput
} as const

/** A number of a Schema, in whose JSON what is not finite is text. */
const numberSchema = { anyOf: [{ type: "number" }, { type: "string", enum: ["Infinity", "-Infinity", "NaN"] }] }
const numberText = JSON.stringify(numberSchema)

/** The same with one definition of numbers for all. */
const sharingNumbers = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema).replaceAll(numberText, JSON.stringify({ $ref: "#/$defs/Number" })))

/** Fields may be added to them; none is taken away or changes what it means. */
export const outputJsonSchema = (): object => {
  const definitions: Record<string, unknown> = { Number: numberSchema }
  for (const [command, schema] of Object.entries<Schema.Constraint>(outputs)) {
    const { definitions: shared, schema: body } = Schema.toJsonSchemaDocument(Schema.toCodecJson(schema))
    Object.assign(definitions, sharingNumbers({ ...shared, [command]: body }))
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:resource-manager:output",
    title: "What the commands of resource-manager print with --json, by command",
    $defs: definitions
  }
}
