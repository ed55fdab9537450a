import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceManagerTest from "@resource-manager/core/ResourceManagerTest"
import { daemonOf } from "./support/daemon.ts"

ResourceManagerTest.suite("as a client of a daemon", daemonOf(ResourceManager.layerHome), { time: "live" })
