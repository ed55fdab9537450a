/** What a person has chosen in `top`, and what a key changes of it. Pure. */

export const sections = ["pools", "agents", "waiters", "leases"] as const
export type Section = (typeof sections)[number]

/** What each section may be sorted by; the first is the default. */
export const sortKeys = {
  pools: ["configuration", "use", "waiting"],
  agents: ["share", "name", "waiting", "rate", "failures"],
  waiters: ["position", "agent", "size"],
  leases: ["age", "agent", "size"]
} as const satisfies Readonly<Record<Section, ReadonlyArray<string>>>

export type SortKey<S extends Section = Section> = (typeof sortKeys)[S][number]

export interface TopState {
  /** The section that keys are for. */
  readonly selected: Section
  /** Whether the selected section has the screen for itself. */
  readonly zoomed: boolean
  /** The first row that is shown of each section. */
  readonly scroll: Readonly<Record<Section, number>>
  readonly sort: { readonly [S in Section]: SortKey<S> }
  readonly paused: boolean
  readonly help: boolean
}

export const initialState: TopState = {
  selected: "waiters",
  zoomed: false,
  scroll: { pools: 0, agents: 0, waiters: 0, leases: 0 },
  sort: {
    pools: sortKeys.pools[0],
    agents: sortKeys.agents[0],
    waiters: sortKeys.waiters[0],
    leases: sortKeys.leases[0]
  },
  paused: false,
  help: false
}

/** A key as terminals tell it. */
export interface KeyPress {
  /** `q`, `up`, `pagedown`, `return`; empty where it has no name. */
  readonly name: string
  readonly ctrl: boolean
  readonly shift: boolean
  /** The character, where there is one. */
  readonly character: string | undefined
}

const next = <A>(all: ReadonlyArray<A>, current: A, by: 1 | -1): A =>
  all[(all.indexOf(current) + by + all.length) % all.length] ?? current

const nextSort = (state: TopState, by: 1 | -1): TopState["sort"] => {
  const { selected, sort } = state
  switch (selected) {
    case "pools":
      return { ...sort, pools: next(sortKeys.pools, sort.pools, by) }
    case "agents":
      return { ...sort, agents: next(sortKeys.agents, sort.agents, by) }
    case "waiters":
      return { ...sort, waiters: next(sortKeys.waiters, sort.waiters, by) }
    case "leases":
      return { ...sort, leases: next(sortKeys.leases, sort.leases, by) }
  }
}

const scrolled = (state: TopState, by: number): TopState => {
  const at = Math.max(0, state.scroll[state.selected] + by)
  return { ...state, scroll: { ...state.scroll, [state.selected]: at } }
}

/** Far beyond the end of anything; drawing brings it back to the last page. */
const end = Number.MAX_SAFE_INTEGER / 2

/**
 * What a key makes of the state; `quit` where it ends the screen. `page` is how
 * many rows of the selected section are shown. Scrolling beyond the end is brought
 * back when it is drawn.
 */
export const press = (state: TopState, key: KeyPress, page: number): TopState | "quit" => {
  if (key.ctrl) return key.name === "c" || key.name === "d" ? "quit" : state
  if (key.character === "?") return { ...state, help: !state.help }
  switch (key.name) {
    case "q":
      return "quit"
    case "escape":
      if (state.help) return { ...state, help: false }
      return state.zoomed ? { ...state, zoomed: false } : "quit"
    case "h":
      return { ...state, help: !state.help }
    case "p":
    case "space":
      return { ...state, paused: !state.paused }
    case "s":
      return { ...state, sort: nextSort(state, key.shift ? -1 : 1) }
    case "return":
    case "enter":
      return { ...state, zoomed: !state.zoomed }
    case "tab":
      return { ...state, selected: next(sections, state.selected, key.shift ? -1 : 1) }
    case "right":
      return { ...state, selected: next(sections, state.selected, 1) }
    case "left":
      return { ...state, selected: next(sections, state.selected, -1) }
    case "up":
    case "k":
      return scrolled(state, -1)
    case "down":
    case "j":
      return scrolled(state, 1)
    case "pageup":
      return scrolled(state, -Math.max(1, page))
    case "pagedown":
      return scrolled(state, Math.max(1, page))
    case "home":
      return scrolled(state, -end)
    case "end":
      return scrolled(state, end)
    default:
      return state
  }
}
