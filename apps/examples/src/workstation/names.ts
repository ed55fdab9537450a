/**
 * Names of files and directories, and messages with them, safe for a terminal:
 * whoever names a file must not get to write escape sequences or lines of their own.
 * Control characters (those of C1 begin a sequence as ESC does) and marks that
 * reverse the direction of what follows are shown by their code.
 */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

const code = (character: string): string => {
  if (character === "\n") return "\\n"
  const hex = character.charCodeAt(0).toString(16)
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex}`
}

export const shown = (name: string): string => name.replaceAll(unprintable, code)
