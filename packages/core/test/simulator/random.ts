/** A seeded generator (sfc32): the same seed gives the same run on every machine. */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number) {
    this.a = seed | 0
    this.b = (seed / 0x1_0000_0000) | 0
    this.c = 0x9e3779b9 | 0
    // Near seeds give near states at first.
    for (let i = 0; i < 12; i++) this.next()
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    const result = (this.a + this.b + this.counter++) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** 0 to `below` - 1. */
  int(below: number): number {
    return below <= 0x1_0000_0000
      ? Math.floor((this.next() / 0x1_0000_0000) * below)
      : Math.floor(((this.next() * 0x20_0000 + (this.next() >>> 11)) / 0x20_0000_0000_0000) * below)
  }

  between(low: number, high: number): number {
    return low + this.int(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000
  }

  /** `undefined` exactly where there is nothing to pick from. */
  pick<A>(items: ReadonlyArray<A>): A | undefined {
    return items[this.int(items.length)]
  }

  weighted<A extends string>(weights: Readonly<Partial<Record<A, number>>>, names: ReadonlyArray<A>): A {
    let total = 0
    for (const name of names) total += weights[name] ?? 0
    let at = this.int(total)
    for (const name of names) {
      at -= weights[name] ?? 0
      if (at < 0) return name
    }
    throw new Error("no weight is positive")
  }
}
