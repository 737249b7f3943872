import { describe, expect, it } from 'vitest'
import { idKey } from '../ids.ts'
import { parseJsonPath } from '../json/json-path.ts'
import { compileFilter, StoredRow } from './compile-filter.ts'
import { INDEX_TYPES, parseIndexSchema, pathText } from './index-schema.ts'
import { parseFilter } from './parse-filter.ts'
import { TEXT_DEFAULTS } from './text-words.ts'

describe('the schema of a payload index', () => {
  it('is the name of a type, or an object with it', () => {
    for (const type of INDEX_TYPES) {
      expect(parseIndexSchema(type, 'field_schema').type).toBe(type)
      expect(parseIndexSchema({ type, on_disk: true }, 'field_schema').type).toBe(type)
    }
  })

  it('of texts says what their words are', () => {
    expect(parseIndexSchema('text', 'field_schema').text).toEqual(TEXT_DEFAULTS)
    const given = { tokenizer: 'prefix', min_token_len: 2, max_token_len: 9, lowercase: false, ascii_folding: true }
    const read = parseIndexSchema({ type: 'text', ...given, stopwords: { custom: ['The'] } }, 'field_schema').text
    const wanted = { tokenizer: 'prefix', charsMin: 2, charsMax: 9, lowercase: false, asciiFolding: true }
    expect(read).toEqual({ ...wanted, stopwords: new Set(['The']) })
  })

  it.each<[unknown, string, RegExp]>([
    [undefined, 'BAD_REQUEST', /^the type of field_schema must be one of keyword, integer/],
    [['text'], 'BAD_REQUEST', /^the type of field_schema/],
    [{ type: 'keyword', tokenizer: 'word' }, 'UNSUPPORTED', /^field_schema: "tokenizer" is not supported$/],
    [{ type: 'integer', lookup: 1 }, 'BAD_REQUEST', /^field_schema\.lookup must be true or false$/],
    [{ type: 'text', tokenizer: 'letter' }, 'BAD_REQUEST', /^field_schema\.tokenizer must be one of word, whitespace/],
    [{ type: 'text', min_token_len: -1 }, 'BAD_REQUEST', /^field_schema\.min_token_len must be a number from 0$/],
    [{ type: 'text', stemmer: { type: 'snowball' } }, 'UNSUPPORTED', /^field_schema: "stemmer" is not supported$/],
    [{ type: 'text', stopwords: 'english' }, 'UNSUPPORTED', /^field_schema\.stopwords: the lists of languages/],
  ])('of %j is refused by name', (value, code, message) => {
    const refused = expect.objectContaining({ code, message: expect.stringMatching(message) as string })
    expect(() => parseIndexSchema(value, 'field_schema')).toThrowError(refused)
  })
})

it('a path is the same however it is written', () => {
  const text = (path: string) => pathText(parseJsonPath(path, 'key'))
  expect(text('a."b"[].c')).toBe(text('"a".b[].c'))
  expect(new Set(['a.b', '"a.b"', 'a[].b', 'a[0].b', 'a'].map(text)).size).toBe(5)
})

it('full-text conditions compare the words that the text index of a field has, within nested objects too', () => {
  const texts = new Map([
    [pathText(parseJsonPath('a[].note', 'key')), { ...TEXT_DEFAULTS, tokenizer: 'prefix' as const }],
  ])
  const payload = JSON.stringify({ a: [{ note: 'Red cars' }], note: 'Red cars' })
  const matches = (filter: object) =>
    compileFilter(parseFilter(filter, 'filter'), texts)(new StoredRow(idKey(1), () => payload))
  const words = { key: 'note', match: { text: 'CAR re' } }
  expect(matches({ must: [words] })).toBe(false)
  expect(matches({ must: [{ ...words, key: 'a[].note' }] })).toBe(true)
  expect(matches({ must: [{ nested: { key: 'a', filter: { must: [words] } } }] })).toBe(true)
  expect(matches({ must: [{ key: 'note', match: { text: 'cars red' } }] })).toBe(true)
})
