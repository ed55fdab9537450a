/** `--limit TYPE.FIELD=VALUE`: what a group may have, as people write it. */
import type { GroupInput, GroupStatistics, LevelStatistics } from "@resource-manager/core/QuotaTree"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { readAmount, readRate, unitsAllowed } from "../../../config/units.ts"

type Limits = NonNullable<GroupInput["limits"]>
type OfType = Limits[string]

const amounts = ["nominal", "borrowingLimit", "lendingLimit", "max"] as const
const fields = [...amounts, "leases", "rate"] as const
type Field = (typeof fields)[number]

const isField = (field: string): field is Field => fields.some((one) => one === field)
const isAmountField = (field: Field): field is (typeof amounts)[number] => amounts.some((one) => one === field)

const limitAllowed = `TYPE.FIELD=VALUE, such as cpu.nominal=4, memory.max=2GiB, cpu.leases=10, cpu.rate=100/s or cpu.max=off; FIELD is one of ${fields.join(", ")}`

/** What a group has now, as it would be said. */
export const limitsOf = (group: GroupStatistics | undefined): Limits =>
  Object.fromEntries(
    Object.entries(group?.types ?? {}).flatMap(([type, level]) => {
      const said = saidOf(level)
      return Object.keys(said).length === 0 ? [] : [[type, said] as const]
    })
  )

const saidOf = ({ borrowingLimit, leasesMax, lendingLimit, max, nominal, rate }: LevelStatistics): OfType => ({
  ...(nominal === undefined ? {} : { nominal }),
  ...(borrowingLimit === undefined ? {} : { borrowingLimit }),
  ...(lendingLimit === undefined ? {} : { lendingLimit }),
  ...(max === undefined ? {} : { max }),
  ...(leasesMax === undefined ? {} : { leases: leasesMax }),
  ...(rate === undefined
    ? {}
    : { rate: { limit: rate.limit, interval: rate.intervalMillis, burst: rate.burst, per: rate.per } })
})

const without = (limits: OfType, field: Field): OfType => {
  const { [field]: _removed, ...rest } = limits
  return rest
}

const withField = (limits: OfType, field: Field, text: string): Result.Result<OfType, string> => {
  if (text === "off") return Result.succeed(without(limits, field))
  if (isAmountField(field)) return Result.map(readAmount(text), (value) => ({ ...limits, [field]: value }))
  if (field === "leases") {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    return Number.isSafeInteger(value) ? Result.succeed({ ...limits, leases: value }) : Result.fail(unitsAllowed)
  }
  return Result.map(readRate(text), ({ interval, ...rate }) => ({
    ...limits,
    rate: { ...rate, ...(interval === undefined ? {} : { interval: Duration.toMillis(interval) }) }
  }))
}

/** The limits with what was written over them, or what is wrong with that. */
export const withLimits = (limits: Limits, written: ReadonlyArray<string>): Result.Result<Limits, string> => {
  let result = limits
  for (const text of written) {
    const [, type = "", field = "", value = ""] = /^(.+)\.([A-Za-z]+)=(.*)$/.exec(text) ?? []
    const wrong = (allowed: string) => Result.fail(`--limit is ${JSON.stringify(text)}; allowed: ${allowed}`)
    if (type === "" || !isField(field)) return wrong(limitAllowed)
    const read = withField(result[type] ?? {}, field, value.trim())
    if (Result.isFailure(read)) return wrong(`off, or ${read.failure}`)
    result = { ...result, [type]: read.success }
  }
  return Result.succeed(Object.fromEntries(Object.entries(result).filter(([, of]) => Object.keys(of).length > 0)))
}
