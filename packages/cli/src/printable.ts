/**
 * Text from outside, safe for a terminal and honest to the eye: control characters
 * (those of C1 begin an escape sequence just as ESC does), marks that reverse the
 * direction of what follows, characters that nobody sees and halves of characters
 * are shown by their code. So no name moves the cursor, and no two names that
 * differ look the same for an invisible reason. Line ends stay.
 */
// A zero width joiner between two emoji is how families and flags are written; elsewhere it is invisible.
const unprintable =
  /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?!\u200D)\p{Cf}|(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D|\u200D(?!\p{Extended_Pictographic})/gu

/** Marks above and below letters, in a number that no language has: they would run over the lines around. */
const piled = /(?<=\p{M}{4})\p{M}/gu

const codeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`
}

const onlyPlain = /^[\n\u0020-\u007E]*$/

export const printable = (text: string): string =>
  onlyPlain.test(text) ? text : text.replaceAll(unprintable, codeOf).replaceAll(piled, codeOf)

/** The same for what has to stay on its line: line ends are shown by their code too. */
export const printableLine = (text: string): string => printable(text).replaceAll("\n", "\\n")
