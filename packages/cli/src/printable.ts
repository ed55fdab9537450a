/**
 * Text for people, safe for a terminal: control characters (those of C1 begin an
 * escape sequence just as ESC does) and marks that reverse the direction of what
 * follows are shown by their code. Line ends stay.
 */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

export const printable = (text: string): string =>
  text.replaceAll(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
