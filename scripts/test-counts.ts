// Prints `N passed, N failed` (and `, N skipped`) from a report of vitest's json reporter: its path is the argument.
// Exits with 1 where anything failed, or where the report is missing or counts nothing: that is a failure as well.
import { readFileSync } from "node:fs"

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string }>
  }>
}

const read = (path: string): Report | undefined => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return undefined
  }
}

const report = read(process.argv[2] ?? "")
const passed = report?.numPassedTests ?? 0
// A file that fails to load has no failed test in it, and a run can fail with no test to blame.
const brokenFiles =
  report?.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
  ).length ?? 0
const counted = (report?.numFailedTests ?? 0) + brokenFiles
const failed = counted === 0 && (report?.success !== true || passed === 0) ? 1 : counted
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)

process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`)
process.exitCode = failed > 0 ? 1 : 0
