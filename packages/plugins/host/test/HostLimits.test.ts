import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { HostLimits } from "../src/index.ts"

/** The number, or the reason as a string. */
const show = <A>(parsed: HostLimits.Parsed<A>) => Result.merge(parsed)

describe("HostLimits", () => {
  const limit: ReadonlyArray<readonly [string, number]> = [
    ["max\n", Infinity],
    ["0\n", 0],
    ["536870912\n", 536_870_912],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740993", Infinity],
    ["9223372036854771712\n", Infinity]
  ]
  it.each(limit)("reads the limit %j", (text, expected) => {
    assert.strictEqual(show(HostLimits.parseLimit(text)), expected)
  })

  it.each(["", "\n", "-1", "1.5", "0x10", "1e9", "maximum", "1 2", "512M"])("refuses the limit %j", (text) => {
    assert.include(show(HostLimits.parseLimit(text)), "expected")
    assert.isTrue(Result.isFailure(HostLimits.parseCurrent(text)))
  })

  it("takes no limit for no use", () => {
    assert.strictEqual(show(HostLimits.parseCurrent("4096\n")), 4_096)
    assert.isTrue(Result.isFailure(HostLimits.parseCurrent("max\n")))
    assert.isTrue(Result.isFailure(HostLimits.parseCurrent("9223372036854771712\n")))
  })

  const quotas: ReadonlyArray<readonly [string, number, number]> = [
    ["max 100000\n", Infinity, Infinity],
    ["100000 100000\n", 1, 1],
    ["250000 100000\n", 2.5, 2],
    ["300000 100000\n", 3, 3],
    ["50000 100000\n", 0.5, 1],
    ["1000 1000000\n", 0.001, 1],
    ["18446744073709551615 100000\n", Infinity, Infinity]
  ]
  it.each(quotas)("reads the quota %j", (text, processors, cores) => {
    const parsed = HostLimits.parseCpuMax(text)
    assert.strictEqual(show(parsed), processors)
    assert.strictEqual(HostLimits.wholeCores(processors), cores)
  })

  it.each(["", "max", "100000", "1.5 100000", "100000 0", "100000 100000 1", "max max", "-1 100000", "100000 -1"])(
    "refuses the quota %j",
    (text) => {
      assert.isTrue(Result.isFailure(HostLimits.parseCpuMax(text)))
    }
  )

  it("reads the use of processors", () => {
    assert.strictEqual(show(HostLimits.parseCpuUsage("usage_usec 12\nuser_usec 5\n")), 12)
    assert.strictEqual(show(HostLimits.parseCpuUsage("user_usec 5\nusage_usec 12")), 12)
    for (const text of ["", "user_usec 5\n", "usage_usec\n", "usage_usec x\n", "usage_usec -3\n"]) {
      assert.isTrue(Result.isFailure(HostLimits.parseCpuUsage(text)), text)
    }
  })

  it("reads the limit of open files", () => {
    const table = (soft: string) =>
      `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 1048576              files     \n`
    assert.strictEqual(show(HostLimits.parseOpenFiles(table("1024"))), 1_024)
    assert.strictEqual(show(HostLimits.parseOpenFiles(table("unlimited"))), Infinity)
    for (const text of ["", "Max open files\n", table("many"), table("-1")]) {
      assert.isTrue(Result.isFailure(HostLimits.parseOpenFiles(text)), text)
    }
  })

  const groups: ReadonlyArray<readonly [string, string | undefined]> = [
    ["0::/\n", "/"],
    ["0::/user.slice/a b.scope\n", "/user.slice/a b.scope"],
    ["4:memory:/old\n1:name=systemd:/x\n0::/new\n", "/new"],
    ["4:memory:/old\n1:name=systemd:/x\n", undefined],
    ["0::/gone (deleted)\n", "/gone"],
    ["0::/../other\n", "/../other"],
    ["", undefined]
  ]
  it.each(groups)("finds the group of %j", (text, expected) => {
    assert.strictEqual(show(HostLimits.parseCgroup(text)), expected)
  })

  it.each(["nonsense", "0::relative", "x::/", "0:/"])("refuses the group %j", (text) => {
    assert.isTrue(Result.isFailure(HostLimits.parseCgroup(text)))
  })

  it("finds where the hierarchy is mounted", () => {
    const hybrid = [
      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu",
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:1 master:2 - cgroup2 cgroup2 rw",
      ""
    ].join("\n")
    assert.deepStrictEqual(show(HostLimits.parseMounts(hybrid)), { root: "/", mountPoint: "/sys/fs/cgroup/unified" })
    const container = "41 31 0:38 /docker/ab\\040c /sys/fs/my\\040group ro - cgroup2 cgroup rw\n"
    assert.deepStrictEqual(show(HostLimits.parseMounts(container)), {
      root: "/docker/ab c",
      mountPoint: "/sys/fs/my group"
    })
    assert.strictEqual(show(HostLimits.parseMounts("32 31 0:29 / /x rw - cgroup cgroup rw,cpu\n")), undefined)
    assert.isTrue(Result.isFailure(HostLimits.parseMounts("1 2 - cgroup2 cgroup rw\n")))
  })

  const mountPoint = "/sys/fs/cgroup"
  const nested: ReadonlyArray<readonly [string, HostLimits.CgroupMount, ReadonlyArray<string>]> = [
    ["/", HostLimits.defaultMount, [mountPoint]],
    ["/a/b", HostLimits.defaultMount, [`${mountPoint}/a/b`, `${mountPoint}/a`, mountPoint]],
    // In a container, seen from a namespace of its own or from the machine's.
    ["/docker/x", { root: "/docker/x", mountPoint }, [mountPoint]],
    ["/docker/x/job", { root: "/docker/x", mountPoint }, [`${mountPoint}/job`, mountPoint]],
    ["/docker/xy", { root: "/docker/x", mountPoint }, [mountPoint]],
    ["/../other", HostLimits.defaultMount, [mountPoint]],
    ["/a", { root: "/", mountPoint: "/" }, ["/a", ""]]
  ]
  it.each(nested)("looks for limits of %s in %j", (group, mount, expected) => {
    assert.deepStrictEqual(HostLimits.cgroupDirectories(group, mount), expected)
  })

  const portions: ReadonlyArray<readonly [number, Partial<HostLimits.Portion>, number]> = [
    [8, {}, 8],
    [8, { share: 0.5 }, 4],
    [7, { share: 0.5 }, 3],
    [8, { reserve: 3 }, 5],
    [10, { share: 0.5, reserve: 2 }, 3],
    [2, { reserve: 5 }, 0],
    [2, { reserve: 5, min: 1 }, 1],
    [64, { max: 16 }, 16],
    [Number.MAX_SAFE_INTEGER, {}, Number.MAX_SAFE_INTEGER]
  ]
  it.each(portions)("of %d hands out %j", (available, portion, expected) => {
    const whole = { share: 1, reserve: 0, min: 0, max: Number.MAX_SAFE_INTEGER }
    assert.strictEqual(HostLimits.capacityOf(available, { ...whole, ...portion }), expected)
  })
})
