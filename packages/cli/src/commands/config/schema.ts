/** `config schema`: for editors. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { configJsonSchema } from "../../config/jsonSchema.ts"

export const schema = Effect.suspend(() => Console.log(JSON.stringify(configJsonSchema(), undefined, 2)))
