// Removes what the compiler wrote. `tsc -b --clean` forgets the output of sources that are gone, which would be packed.
import { globSync, rmSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
for (const path of globSync(["packages/*/dist", "packages/plugins/*/dist", "apps/*/dist"], { cwd: root })) {
  rmSync(join(root, path), { recursive: true, force: true })
}
