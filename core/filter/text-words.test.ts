import { describe, expect, it } from 'vitest'
import { TEXT_DEFAULTS, type TextOptions, wordsOf, wordTest } from './text-words.ts'

const options = (some: Partial<TextOptions>): TextOptions => ({ ...TEXT_DEFAULTS, ...some })

describe('the words of a text', () => {
  it.each<[string, Partial<TextOptions>, string, string[]]>([
    ['are letters and digits', {}, "It's 2 O'Clock, Zürich!", ['it', 's', '2', 'o', 'clock', 'zürich']],
    ['are what stands between blanks', { tokenizer: 'whitespace' }, " It's\t2,\n3 ", ["it's", '2,', '3']],
    ['keep their case', { lowercase: false }, 'Red CAR', ['Red', 'CAR']],
    ['lose their marks', { asciiFolding: true }, 'Crème Brûlée', ['creme', 'brulee']],
    ['are of a least and a greatest length', { charsMin: 2, charsMax: 3 }, 'a bc def ghij', ['bc', 'def']],
    ['are cut if they are found by beginnings', { tokenizer: 'prefix', charsMax: 3 }, 'ab abcd', ['ab', 'abc']],
    ['are counted in characters', { charsMax: 2 }, '𝒳𝒴 𝒳𝒴𝒵', ['𝒳𝒴']],
    ['are none of the stopwords', { stopwords: new Set(['the']) }, 'The cat the dog', ['cat', 'dog']],
    ['are found in languages without blanks', { tokenizer: 'multilingual' }, '今天天气很好', ['今天', '天气', '很好']],
  ])('%s', (_what, some, text, words) => {
    expect(wordsOf(text, options(some))).toEqual(words)
  })
})

describe('a full-text condition', () => {
  it.each<[string, Parameters<typeof wordTest>[0], string, Partial<TextOptions>, boolean]>([
    ['all words in any order', 'text', 'fox BROWN', {}, true],
    ['not all words', 'text', 'fox red', {}, false],
    ['a part of a word', 'text', 'bro', {}, false],
    ['the beginning of a word', 'text', 'bro', { tokenizer: 'prefix' }, true],
    ['the end of a word', 'text', 'rown', { tokenizer: 'prefix' }, false],
    ['one of the words', 'textAny', 'red fox', {}, true],
    ['none of the words', 'textAny', 'red wolf', {}, false],
    ['words in their order', 'phrase', 'quick brown', {}, true],
    ['words in another order', 'phrase', 'brown quick', {}, false],
    ['words with another between', 'phrase', 'quick fox', {}, false],
    ['more than the text has at its end', 'phrase', 'fox jumps', {}, false],
    ['no word', 'text', ' !', {}, false],
  ])('that asks for %s', (_what, find, query, some, holds) => {
    expect(wordTest(find, query, options(some))('The quick-brown Fox')).toBe(holds)
  })
})
