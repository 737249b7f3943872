/**
 * The words of a text, by the options of a text index: what full-text conditions compare. Tokenizers and options are Qdrant's
 * (https://qdrant.tech/documentation/concepts/indexing/#full-text-index); a field without a text index has the words of one without
 * options, as in Qdrant since 1.19.1 (https://qdrant.tech/documentation/search/text-search/text-filtering/, qdrant/qdrant#10341, #10526).
 */
export const TOKENIZERS = ['word', 'whitespace', 'prefix', 'multilingual'] as const

export interface TextOptions {
  tokenizer: (typeof TOKENIZERS)[number]
  lowercase: boolean
  /** Are letters with marks the letters without them? */
  asciiFolding: boolean
  /** Shorter words are left out. */
  charsMin: number
  /** Longer words are left out; of the tokenizer `prefix` they are cut. */
  charsMax: number
  /** Words that are left out, as a text has them after the other options. */
  stopwords: ReadonlySet<string>
}

/** A text index without options: runs of letters and digits, in lower case. */
export const TEXT_DEFAULTS: TextOptions = {
  tokenizer: 'word',
  lowercase: true,
  asciiFolding: false,
  charsMin: 1,
  charsMax: Number.POSITIVE_INFINITY,
  stopwords: new Set(),
}

const WORD = /[\p{Alphabetic}\p{N}]+/gu
const NOT_SPACE = /\P{White_Space}+/gu
const MARKS = /\p{M}+/gu
/** Splits texts of languages without spaces, too, by the dictionaries of ICU: 10 ms and 2.6 MiB, made when first needed. */
let segmenter: Intl.Segmenter | undefined

/** In their order, repeated ones included. */
export function wordsOf(text: string, options: TextOptions): string[] {
  const { tokenizer, lowercase, asciiFolding, charsMin, charsMax, stopwords } = options
  const words: string[] = []
  for (const part of split(text, tokenizer)) {
    const folded = asciiFolding ? part.normalize('NFD').replace(MARKS, '') : part
    const word = lowercase ? folded.toLowerCase() : folded
    if (stopwords.has(word)) continue
    const chars = charsMin > 1 || charsMax < word.length ? Array.from(word) : undefined
    if (chars === undefined) words.push(word)
    else if (chars.length >= charsMin && (chars.length <= charsMax || tokenizer === 'prefix'))
      words.push(chars.length <= charsMax ? word : chars.slice(0, charsMax).join(''))
  }
  return words
}

function split(text: string, tokenizer: TextOptions['tokenizer']): string[] {
  switch (tokenizer) {
    case 'whitespace':
      return text.match(NOT_SPACE) ?? []
    case 'multilingual':
      segmenter ??= new Intl.Segmenter('und', { granularity: 'word' })
      return Array.from(segmenter.segment(text))
        .filter(({ isWordLike }) => isWordLike)
        .map(({ segment }) => segment)
    default:
      return text.match(WORD) ?? []
  }
}

type Find = 'text' | 'textAny' | 'phrase'

/**
 * Does a text have all words of a query, one of them, or all of them one after the other? With the tokenizer `prefix` a word is
 * found by its beginning. No text has the words of a query without words.
 */
export function wordTest(find: Find, query: string, options: TextOptions): (text: string) => boolean {
  const wanted = wordsOf(query, options)
  const fits =
    options.tokenizer === 'prefix'
      ? (word: string | undefined, start: string) => word?.startsWith(start) === true
      : (word: string | undefined, same: string) => word === same
  if (wanted.length === 0) return () => false
  return (text) => {
    const words = wordsOf(text, options)
    const held = new Set(words)
    const has = (one: string) =>
      held.has(one) || (options.tokenizer === 'prefix' && words.some((word) => fits(word, one)))
    if (find === 'text') return wanted.every(has)
    if (find === 'textAny') return wanted.some(has)
    return words.some((_word, at) => wanted.every((one, n) => fits(words[at + n], one)))
  }
}
