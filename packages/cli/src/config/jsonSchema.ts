/** The published JSON Schemas, generated from the Schemas that decode. */
import * as Schema from "effect/Schema"
import { Config } from "./schema.ts"

/** For editors and other checkers: draft 2020-12. */
export const jsonSchemaOf = (
  schema: Schema.Constraint,
  about: { readonly title: string; readonly id: string }
): object => {
  const { definitions, schema: body } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: about.id,
    title: about.title,
    ...body,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}

export const configJsonSchema = (): object =>
  jsonSchemaOf(Config, { title: "Settings of resource-manager", id: "urn:resource-manager:config" })
