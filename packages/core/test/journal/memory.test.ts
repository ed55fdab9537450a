import { Journal } from "../../src/index.ts"
import * as JournalTest from "../../src/JournalTest.ts"

const stores = new Map<string, Journal.MemoryStore>()

const storeOf = (place: string): Journal.MemoryStore => {
  const store = stores.get(place) ?? Journal.makeStore()
  stores.set(place, store)
  return store
}

// One process, and a store that is handed around: there is nobody to lock out.
JournalTest.suite("in memory", (place) => Journal.layerMemory(storeOf(place)), { locks: false })
