/** Draws the picture in docs/simulate.md: `npx -y pnpm@12 exec node packages/cli/test/docsPicture.ts`. */
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { generatedJobs, runCli, swfText, temporaryFile } from "./support.ts"

const picture = join(import.meta.dirname, "../../../docs/images/simulate.svg")
const workload = temporaryFile("generated.swf", swfText(generatedJobs(2, 1200)))

mkdirSync(dirname(picture), { recursive: true })
// The picture is titled with the file as it was given: no directory of this machine belongs there.
process.chdir(dirname(workload))
const { code, stderr, stdout } = runCli("simulate", "generated.swf", "--capacity", "64", "--out", picture)
process.stdout.write(stdout + stderr)
process.exitCode = code ?? 1
