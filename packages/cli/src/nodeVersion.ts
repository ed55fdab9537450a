/** The oldest Node that this program runs on, as in the package's `engines`. */
const least = [22, 19] as const

/** What is wrong with a version of Node; `undefined` where nothing is. */
export const nodeVersionProblem = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  const isRecent = major > least[0] || (major === least[0] && minor >= least[1])
  return isRecent ? undefined : `needs Node ${least.join(".")} or later, and this is Node ${version}`
}
