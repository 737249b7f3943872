/**
 * The schema of a payload index: the type of the values of a field, with Qdrant's options
 * (https://qdrant.tech/documentation/concepts/indexing/#payload-index). A text index also says what the words of its field are, so
 * that full-text conditions on it compare words, whether or not the index is complete.
 */
import { badRequest, MaksError } from '../errors.ts'
import { exactParse } from '../json/exact-json.ts'
import { type JsonPath, parseJsonPath } from '../json/json-path.ts'
import { checkLimit } from '../limits.ts'
import { flagAt, listAt, membersOf, numberAt, textAt } from './filter-fields.ts'
import { TEXT_DEFAULTS, type TextOptions, TOKENIZERS } from './text-words.ts'

export const INDEX_TYPES = ['keyword', 'integer', 'float', 'bool', 'geo', 'datetime', 'text', 'uuid'] as const
export type IndexType = (typeof INDEX_TYPES)[number]

export interface IndexSchema {
  type: IndexType
  /** Of the type `text` alone. */
  text?: TextOptions
}

export interface IndexDefinition {
  /** The field as its client wrote it. */
  name: string
  path: JsonPath
  schema: IndexSchema
}

/**
 * @param schema as JSON, as the settings of a collection keep it
 * Throws BAD_REQUEST or UNSUPPORTED for one that this version does not know.
 */
export function indexDefinition(name: string, schema: string): IndexDefinition {
  return { name, path: parseJsonPath(name, 'field_name'), schema: parseIndexSchema(exactParse(schema), 'field_schema') }
}

/**
 * The definitions of schemas by their fields.
 * @param onUnknown called with the field and the error of a schema of a version that knows other options: it is left out, for a
 * filter on the field is exact without an index, too
 */
export function indexDefinitions(
  schemas: readonly (readonly [field: string, schema: string])[],
  onUnknown: (field: string, thrown: unknown) => void = () => undefined,
): IndexDefinition[] {
  return schemas.flatMap(([field, schema]) => {
    try {
      return [indexDefinition(field, schema)]
    } catch (thrown) {
      onUnknown(field, thrown)
      return []
    }
  })
}

/** Options that are flags; what they tune in Qdrant has no counterpart here, but for `lowercase` and `ascii_folding`. */
const FLAGS: Record<IndexType, readonly string[]> = {
  keyword: ['is_tenant', 'on_disk', 'enable_hnsw'],
  integer: ['lookup', 'range', 'is_principal', 'on_disk', 'enable_hnsw'],
  float: ['is_principal', 'on_disk', 'enable_hnsw'],
  bool: ['on_disk', 'enable_hnsw'],
  geo: ['on_disk', 'enable_hnsw'],
  datetime: ['is_principal', 'on_disk', 'enable_hnsw'],
  text: ['lowercase', 'ascii_folding', 'phrase_matching', 'on_disk', 'enable_hnsw'],
  uuid: ['is_tenant', 'on_disk', 'enable_hnsw'],
}
const TEXT = ['tokenizer', 'min_token_len', 'max_token_len', 'stopwords', 'stemmer']

/**
 * @param value the name of a type, or an object with the type and its options
 * @param at the place of it in the request, for errors
 * Throws BAD_REQUEST or UNSUPPORTED, which name the place of what is wrong.
 */
export function parseIndexSchema(value: unknown, at: string): IndexSchema {
  const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { type: value }
  const { type } = given as { type?: unknown }
  if (!INDEX_TYPES.includes(type as IndexType))
    throw badRequest(`the type of ${at} must be one of ${INDEX_TYPES.join(', ')}`)
  const known = type as IndexType
  const options = membersOf<string>(given, at, ['type', ...FLAGS[known], ...(known === 'text' ? TEXT : [])])
  for (const [name, option] of options) if (FLAGS[known].includes(name)) flagAt(option, `${at}.${name}`)
  return known === 'text' ? { type: known, text: textOptions(options, at) } : { type: known }
}

function textOptions(options: ReadonlyMap<string, unknown>, at: string): TextOptions {
  const { tokenizer, lowercase, asciiFolding, charsMin, charsMax } = TEXT_DEFAULTS
  const named = options.get('tokenizer') ?? tokenizer
  if (!TOKENIZERS.includes(named as TextOptions['tokenizer']))
    throw badRequest(`${at}.tokenizer must be one of ${TOKENIZERS.join(', ')}`)
  if (options.has('stemmer')) throw new MaksError('UNSUPPORTED', `${at}: "stemmer" is not supported`)
  const length = (name: string, otherwise: number) => {
    const chars = options.get(name)
    return chars === undefined ? otherwise : Number(numberAt(chars, `${at}.${name}`, 0))
  }
  const read: Omit<TextOptions, 'stopwords'> = {
    tokenizer: named as TextOptions['tokenizer'],
    lowercase: (options.get('lowercase') as boolean | undefined) ?? lowercase,
    asciiFolding: (options.get('ascii_folding') as boolean | undefined) ?? asciiFolding,
    charsMin: length('min_token_len', charsMin),
    charsMax: length('max_token_len', charsMax),
  }
  return { ...read, stopwords: stopwordsOf(options.get('stopwords'), `${at}.stopwords`, read) }
}

/** Words of one's own; the lists that Qdrant has for languages are not here. */
function stopwordsOf(value: unknown, at: string, { lowercase }: Pick<TextOptions, 'lowercase'>): Set<string> {
  if (value === undefined) return new Set()
  const refused = () =>
    new MaksError('UNSUPPORTED', `${at}: the lists of languages are not supported; use {"custom": [...]}`)
  if (typeof value === 'string') throw refused()
  const members = membersOf(value, at, ['languages', 'custom'])
  if (listAt(members.get('languages') ?? [], `${at}.languages`).length > 0) throw refused()
  const words = listAt(members.get('custom') ?? [], `${at}.custom`)
  checkLimit('FILTER_VALUES_MAX', `${at}.custom`, words.length)
  return new Set(
    words.map((word, i) => {
      const text = textAt(word, `${at}.custom[${i}]`)
      return lowercase ? text.toLowerCase() : text
    }),
  )
}

/** The same text for the same path, however it was written. */
export function pathText(path: JsonPath): string {
  return path
    .map((step) =>
      step.kind === 'key' ? `.${JSON.stringify(step.key)}` : step.kind === 'every' ? '[]' : `[${step.index}]`,
    )
    .join('')
}
