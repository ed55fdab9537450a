/** The published JSON Schema of the file of `up`. */
import { jsonSchemaOf } from "../config/jsonSchema.ts"
import { UpFile } from "./schema.ts"

export const upJsonSchema = (): object =>
  jsonSchemaOf(UpFile, { title: "File of resource-manager up", id: "urn:resource-manager:up" })
