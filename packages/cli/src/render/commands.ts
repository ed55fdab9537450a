/** Commands as hints name them: ready to be pasted into a shell, whatever the names in them are. */
import { printableLine } from "../printable.ts"

export const program = "resource-manager"

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/

/** One word of a POSIX shell, as the value of a flag. What cannot be shown is written by its bytes, as bash, zsh and ksh read them. */
export const word = (text: string): string => {
  if (plainWord.test(text)) return text
  if (printableLine(text) === text) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  const bytes = Array.from(new TextEncoder().encode(text), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
      ? String.fromCodePoint(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`
  )
  return `$'${bytes.join("")}'`
}

/** `resource-manager quota set 'my agent' cpu 6`. A word that would be taken for a flag stands behind `--`. */
export const command = (verbs: string, ...args: ReadonlyArray<string | number>): string => {
  const words = args.map((arg) => word(String(arg)))
  const guard = words.some((each) => each.startsWith("-")) ? ["--"] : []
  return [program, verbs, ...guard, ...words].join(" ")
}
