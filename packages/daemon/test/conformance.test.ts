import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceManagerTest from "@resource-manager/core/ResourceManagerTest"
import * as SqliteJournal from "@resource-manager/plugin-sqlite/SqliteJournal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { daemonOf, folder } from "./support/daemon.ts"

ResourceManagerTest.suite("as a client of a daemon", daemonOf(ResourceManager.layerHome), { time: "live" })

ResourceManagerTest.suite(
  "as a client of a durable daemon",
  daemonOf((options) =>
    Layer.unwrap(
      Effect.map(folder, (path) =>
        ResourceManager.layerHome(options).pipe(
          Layer.provide(SqliteJournal.layer({ path: join(path, "journal.db"), snapshotEvery: 50 }))
        )
      )
    )
  ),
  { time: "live" }
)
