/** The graphics processors of a machine: as its driver tells them, or simulated ones. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"

export interface Gpu {
  readonly name: string
  readonly memoryBytes: number
  readonly memoryUsedBytes: number
}

/** The driver did not answer, or not with what it documents. */
export class GpuDriverError extends Schema.TaggedError<GpuDriverError>()("GpuDriverError", {
  message: Schema.String
}) {}

export class Gpus extends Context.Service<
  Gpus,
  {
    /** Every device that works, as of now. */
    readonly list: Effect.Effect<ReadonlyArray<Gpu>, GpuDriverError>
  }
>()("@acme/gpu/Gpus") {
  /** Asks `nvidia-smi`. */
  static readonly layerNvidia = Layer.succeed(Gpus, {
    list: Effect.callback<string, GpuDriverError>((resume, signal) => {
      const fields = "--query-gpu=name,memory.total,memory.used"
      execFile("nvidia-smi", [fields, "--format=csv,noheader,nounits"], { signal }, (error, stdout) =>
        resume(
          error === null
            ? Effect.succeed(stdout)
            : Effect.fail(new GpuDriverError({ message: `nvidia-smi: ${error.message}` }))
        )
      )
    }).pipe(Effect.flatMap((text) => Effect.fromResult(parse(text))))
  })

  /** Devices that a program keeps itself: it may add and remove some while it runs. */
  static readonly layerSimulated = (devices: ReadonlyArray<Gpu>) =>
    Layer.succeed(Gpus, { list: Effect.sync(() => [...devices]) })
}

const mebibyte = 1024 ** 2

/** One device a line, `NVIDIA H100, 81559, 1024`: its memory and what is used of it in MiB. */
export const parse = (text: string): Result.Result<ReadonlyArray<Gpu>, GpuDriverError> => {
  const gpus: Array<Gpu> = []
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue
    const [, name, total, used] = /^(.+), (\d+), (\d+)\s*$/.exec(line) ?? []
    if (name === undefined) return Result.fail(new GpuDriverError({ message: `nvidia-smi: cannot read "${line}"` }))
    gpus.push({ name, memoryBytes: Number(total) * mebibyte, memoryUsedBytes: Number(used) * mebibyte })
  }
  return Result.succeed(gpus)
}
