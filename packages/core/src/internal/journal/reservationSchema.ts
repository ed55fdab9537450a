/** A promise of capacity, as a journal keeps it: all but its id and what is promised. */
import * as Schema from "effect/Schema"

export const reservation = {
  holder: Schema.Union([
    Schema.Struct({ _tag: Schema.tag("Agent"), agent: Schema.String }),
    Schema.Struct({ _tag: Schema.tag("Group"), group: Schema.String }),
    Schema.Struct({ _tag: Schema.tag("Priority"), atLeast: Schema.Int })
  ]),
  from: Schema.Finite,
  until: Schema.optionalKey(Schema.Finite),
  note: Schema.optionalKey(Schema.String)
}
