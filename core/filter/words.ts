/**
 * The words of a text, as fields without a text index are matched: runs of letters and digits, in lower case. That is Qdrant's
 * default tokenizer, which it uses for such fields since 1.19.1
 * (https://qdrant.tech/documentation/search/text-search/text-filtering/, qdrant/qdrant#10341, #10526).
 */
const WORD = /[\p{Alphabetic}\p{Number}]+/gu

export function wordsOf(text: string): string[] {
  return (text.match(WORD) ?? []).map((word) => word.toLowerCase())
}

/** Does a text have all of the words, in any order? No text has all of none. */
export function hasAllWords(words: readonly string[], text: string): boolean {
  if (words.length === 0) return false
  const held = new Set(wordsOf(text))
  return words.every((word) => held.has(word))
}

export function hasAnyWord(words: ReadonlySet<string>, text: string): boolean {
  return words.size > 0 && wordsOf(text).some((word) => words.has(word))
}

/** Does a text have the words one after the other? */
export function hasPhrase(words: readonly string[], text: string): boolean {
  if (words.length === 0) return false
  const held = wordsOf(text)
  for (let at = 0; at + words.length <= held.length; at++)
    if (words.every((word, i) => held[at + i] === word)) return true
  return false
}
