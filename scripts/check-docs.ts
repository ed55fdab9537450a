// Checks the documentation: README.md, docs/**/*.md and the README of every package and app.
//
// - Every block fenced as `ts` is either an excerpt, whose first line says `// file: PATH` or `// file: PATH#REGION` and
//   which must then equal that file, or that region of it (between `// #region REGION` and `// #endregion`), or it
//   stands alone: then it is type-checked as a module of its own, by the settings of the examples.
// - Every link to a file, and every link to a heading, must lead somewhere.
//
// It fails where it finds no snippet or no link: then it checked nothing. `--write` brings the excerpts up to date.
import { execFileSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

const root = join(import.meta.dirname, "..")
const write = process.argv.includes("--write")

const pages = globSync(
  ["README.md", "docs/**/*.md", "packages/*/README.md", "packages/plugins/*/README.md", "apps/*/README.md"],
  { cwd: root, exclude: ["**/node_modules/**"] }
).toSorted()

const problems: Array<string> = []

interface Block {
  readonly page: string
  /** Of the fence, counted from 1. */
  readonly line: number
  readonly language: string
  readonly lines: ReadonlyArray<string>
}

const textOf = new Map(pages.map((page) => [page, readFileSync(join(root, page), "utf8")]))

const blocksOf = (page: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { readonly fence: string; readonly line: number; readonly language: string } | undefined
  let lines: Array<string> = []
  for (const [index, line] of textOf.get(page)!.split("\n").entries()) {
    const fence = /^\s*(`{3,}|~{3,})\s*(\w*)/.exec(line)
    if (open === undefined) {
      if (fence === null) continue
      open = { fence: fence[1]!, line: index + 1, language: fence[2]! }
      lines = []
    } else if (line.trim() === open.fence) {
      blocks.push({ page, line: open.line, language: open.language, lines })
      open = undefined
    } else lines.push(line)
  }
  if (open !== undefined) problems.push(`${page}:${open.line}: the block is never closed`)
  return blocks
}

const isSnippet = ({ language }: Block) => language === "ts" || language === "typescript"

/** The lines without the blank ones around them, and without the indentation that all share. */
const trimmed = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isBlank = (line: string) => line.trim() === ""
  const from = lines.findIndex((line) => !isBlank(line))
  const kept = from < 0 ? [] : lines.slice(from, lines.findLastIndex((line) => !isBlank(line)) + 1)
  const indents = kept.filter((line) => !isBlank(line)).map((line) => line.length - line.trimStart().length)
  const shared = Math.min(...indents)
  return kept.map((line) => line.slice(shared).trimEnd())
}

const regionOf = (lines: ReadonlyArray<string>, region: string): ReadonlyArray<string> | undefined => {
  const begin = lines.findIndex((line) => line.trim() === `// #region ${region}`)
  if (begin < 0) return undefined
  const length = lines.slice(begin + 1).findIndex((line) => line.trim().startsWith("// #endregion"))
  return length < 0 ? undefined : lines.slice(begin + 1, begin + 1 + length)
}

/** What an excerpt must say, or why there is nothing to say. */
const excerptOf = (reference: string): ReadonlyArray<string> | string => {
  const [path = "", region] = reference.split("#")
  const file = join(root, path)
  if (!existsSync(file)) return `there is no file ${path}`
  const lines = readFileSync(file, "utf8").split("\n")
  if (region === undefined) return trimmed(lines)
  const found = regionOf(lines, region)
  return found === undefined ? `${path} has no region ${region}` : trimmed(found)
}

let excerpts = 0
let standing = 0
let links = 0

const checkExcerpt = (block: Block, reference: string) => {
  excerpts++
  const expected = excerptOf(reference)
  if (typeof expected === "string") {
    problems.push(`${block.page}:${block.line}: ${expected}`)
    return
  }
  const actual = trimmed(block.lines.slice(1))
  if (actual.join("\n") === expected.join("\n")) return
  if (write) {
    const lines = textOf.get(block.page)!.split("\n")
    lines.splice(block.line + 1, block.lines.length - 1, ...expected)
    textOf.set(block.page, lines.join("\n"))
    writeFileSync(join(root, block.page), lines.join("\n"))
    process.stdout.write(`${block.page}:${block.line}: brought up to date with ${reference}\n`)
    return
  }
  const at = expected.findIndex((line, index) => line !== actual[index])
  const where = at < 0 ? expected.length : at
  problems.push(
    `${block.page}:${block.line}: differs from ${reference} in line ${where + 1}\n` +
      `    file: ${expected[where] ?? "(ends)"}\n    page: ${actual[where] ?? "(ends)"}`
  )
}

/** Type-checks blocks that stand alone: each is a module in a project that sees what the examples see. */
const checkStanding = (blocks: ReadonlyArray<Block>) => {
  standing = blocks.length
  if (blocks.length === 0) return
  // Inside of the examples, so that packages are found as a user of theirs would find them.
  const project = join(root, "apps/examples/node_modules/.cache/docs")
  rmSync(project, { recursive: true, force: true })
  mkdirSync(project, { recursive: true })
  const names = blocks.map((block, index) => {
    const name = `${block.page.replaceAll(/[^A-Za-z0-9]+/g, "-")}-${block.line}-${index}.ts`
    writeFileSync(join(project, name), [...block.lines, "export {}", ""].join("\n"))
    return name
  })
  const config = {
    extends: "../../../../../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      noEmit: true,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
      noUnusedLocals: false
    },
    files: names
  }
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config))
  try {
    execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", project, "--pretty", "false"], { encoding: "utf8" })
  } catch (error) {
    const output = error instanceof Error && "stdout" in error ? String(error.stdout) : String(error)
    const located = output
      .trim()
      .split("\n")
      .map((line) => {
        const found = /([^/\s(]+\.ts)\((\d+),\d+\): (.*)/.exec(line)
        const block = found === null ? undefined : blocks[names.indexOf(found[1]!)]
        return block === undefined ? line : `${block.page}:${block.line + Number(found![2])}: ${found![3]!}`
      })
    problems.push(...located)
  }
}

/** A heading as GitHub makes an anchor of it. */
const anchorsOf = (text: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  let fenced = false
  for (const line of text.split("\n")) {
    if (/^\s*(`{3,}|~{3,})/.test(line)) fenced = !fenced
    const heading = fenced ? null : /^#{1,6}\s+(.*?)\s*#*$/.exec(line)
    if (heading === null) continue
    const words = heading[1]!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll("`", "")
      .toLowerCase()
    const slug = words.replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "").replaceAll(" ", "-")
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    anchors.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return anchors
}

const checkLinks = (page: string) => {
  let fenced = false
  for (const [index, line] of textOf.get(page)!.split("\n").entries()) {
    if (/^\s*(`{3,}|~{3,})/.test(line)) fenced = !fenced
    if (fenced) continue
    for (const [, target = ""] of line.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue
      links++
      const [path = "", anchor] = target.split("#")
      const linked = path === "" ? page : normalize(join(dirname(page), decodeURIComponent(path)))
      const file = join(root, linked)
      if (!existsSync(file)) problems.push(`${page}:${index + 1}: the link to ${target} leads nowhere`)
      else if (anchor !== undefined && statSync(file).isFile() && linked.endsWith(".md")) {
        if (anchorsOf(readFileSync(file, "utf8")).has(anchor)) continue
        problems.push(`${page}:${index + 1}: ${linked} has no heading #${anchor}`)
      }
    }
  }
}

const alone: Array<Block> = []
for (const page of pages) {
  // From the last to the first: what is brought up to date moves only what is behind it.
  for (const block of blocksOf(page).filter(isSnippet).toReversed()) {
    const reference = /^\s*\/\/ file: (\S+)\s*$/.exec(block.lines[0] ?? "")?.[1]
    if (reference === undefined) alone.push(block)
    else checkExcerpt(block, reference)
  }
}
checkStanding(alone)
for (const page of pages) checkLinks(page)

if (excerpts + standing === 0) problems.push("no snippet was found")
if (links === 0) problems.push("no link was found")
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(
  `${pages.length} pages, ${excerpts} excerpts, ${standing} snippets type-checked, ${links} links: ` +
    `${problems.length === 0 ? "all right" : `${problems.length} problems`}\n`
)
process.exitCode = problems.length === 0 ? 0 : 1
