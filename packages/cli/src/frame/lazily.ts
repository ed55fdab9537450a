/**
 * Handlers are loaded when they run, and not where the tree of commands is put
 * together: `--help` needs none of them, and no command needs those of the others.
 */
import * as Effect from "effect/Effect"

export const lazily = <Module, A, E, R>(
  load: () => Promise<Module>,
  run: (module: Module) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.flatMap(Effect.promise(load), run)
