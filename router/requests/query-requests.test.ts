import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import { QueryVectors } from './query-context.ts'
import { FORMS, type ParsedQuery, parseQueries, parseQuery, type QueryForm } from './query-requests.ts'

const config = { collection: 'films', vectors: { '': { size: 2, metric: 'L2' } } } as CollectionConfig
const outside = { query: {}, headers: {} }
/** As open-webui sends it, for everything. */
const MANY = 999_999_999
const context = () => ({ config, outside, vectors: new QueryVectors(2, 1) })
const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const query = (body: unknown) => parseQuery(body, FORMS.query, context())
const search = (body: unknown) => parseQuery(body, FORMS.search, context())
const batch = (searches: unknown, form: QueryForm = FORMS.query, given = outside) =>
  inSlices(parseQueries({ searches }, form, { config, outside: given }))

const ROUTES: [string, (part: object) => ParsedQuery][] = [
  ['query', (part) => query({ query: [1, 2], ...part })],
  ['search', (part) => search({ vector: [1, 2], ...part })],
]

const NO_VECTOR = '{"must":[],"mustNot":[{"is":"hasVector","name":""}],"should":[]}'

describe.each(ROUTES)('a %s', (_route, read) => {
  const plain = { limit: 10, offset: 0, withPayload: false, withVector: false, exact: false, partial: false }

  it('has these options if it names none, or all as null', () => {
    expect(read({}).spec).toEqual(plain)
    const names = ['limit', 'offset', 'score_threshold', 'with_payload', 'with_vector', 'params', 'filter', 'shard_key']
    expect(read(Object.fromEntries(names.map((name) => [name, null]))).spec).toEqual(plain)
  })

  it.each<[string, unknown, object]>([
    ['limit', 1, { limit: 1 }],
    ['limit', MANY, { limit: MANY }],
    ['offset', 0, { offset: 0 }],
    ['offset', MANY, { offset: MANY }],
    ['score_threshold', -0.5, { scoreThreshold: -0.5 }],
    ['score_threshold', 0, { scoreThreshold: 0 }],
    ['score_threshold', Number.MAX_VALUE, { scoreThreshold: Number.MAX_VALUE }],
    ['with_payload', true, { withPayload: true }],
    ['with_payload', ['a'], { withPayload: true }],
    ['with_vector', true, { withVector: true }],
    ['params', { exact: true, probes: 3 }, { exact: true, probes: 3 }],
    ['params', { recall_target: 0.9, partial: true }, { recallTarget: 0.9, partial: true }],
    ['filter', { must: [], should: [] }, {}],
    ['filter', { must_not: [{ has_vector: '' }] }, { filter: NO_VECTOR }],
  ])('takes "%s" as %j', (name, value, part) => {
    expect(read({ [name]: value }).spec).toEqual({ ...plain, ...part })
  })

  it('takes the largest integer of a client as more than any collection has', () => {
    expect(read({ limit: 18446744073709551615n }).spec.limit).toBe(2 ** 48)
  })

  it.each<[string, unknown, string, RegExp]>([
    ['limit', 0, 'BAD_REQUEST', /^the body: "limit" must be at least 1, not 0$/],
    ['limit', 1.5, 'BAD_REQUEST', /^the body: "limit" must be a whole number$/],
    ['limit', '10', 'BAD_REQUEST', /^the body: "limit" must be a whole number$/],
    ['offset', -1, 'BAD_REQUEST', /^the body: "offset" must be at least 0, not -1$/],
    ['offset', true, 'BAD_REQUEST', /^the body: "offset" must be a whole number$/],
    ['score_threshold', 'high', 'BAD_REQUEST', /^the body: "score_threshold" must be a number$/],
    ['score_threshold', Number.POSITIVE_INFINITY, 'BAD_REQUEST', /^the body: "score_threshold" must be a number$/],
    ['with_payload', 1, 'BAD_REQUEST', /^with_payload must be/],
    ['with_vector', 'x', 'BAD_REQUEST', /^with_vector must be true or false$/],
    ['params', [], 'BAD_REQUEST', /^params must be a JSON object$/],
    ['params', { probes: 0 }, 'BAD_REQUEST', /^params: "probes" must be from 1/],
    ['filter', { must: [{ nothing: 1 }] }, 'UNSUPPORTED', /^filter\.must\[0\]: "nothing" is not supported$/],
    ['shard_key', 'a', 'UNSUPPORTED', /^the body: "shard_key" is not supported$/],
    ['more', 1, 'UNSUPPORTED', /^the body: "more" is not supported$/],
  ])('refuses "%s" as %j by name', (name, value, code, message) => {
    expect(() => read({ [name]: value })).toThrowError(error(code, message))
  })
})

it.each<[string, unknown, string, RegExp]>([
  ['using', 'image', 'BAD_REQUEST', /^using: there is no vector named "image"$/],
  ['using', 1, 'BAD_REQUEST', /^using: the name of a vector must be a text$/],
  ['prefetch', [{}], 'UNSUPPORTED', /^the body: "prefetch" is not supported$/],
  ['lookup_from', { collection: 'a' }, 'UNSUPPORTED', /^lookup_from: examples of another collection are not/],
  [
    'lookup_from',
    { collection: 'films', vector: 'x' },
    'BAD_REQUEST',
    /^lookup_from\.vector: there is no vector named/,
  ],
])('a query refuses "%s" as %j by name', (name, value, code, message) => {
  expect(() => query({ query: [1, 2], [name]: value })).toThrowError(error(code, message))
})

it('a query without "query" refuses a score threshold, which nothing could pass', () => {
  expect(() => query({ score_threshold: 0.5 })).toThrowError(error('BAD_REQUEST', /^score_threshold needs a "query"/))
  expect(query({ limit: 3, offset: 1 }).spec).toMatchObject({ limit: 3, offset: 1 })
})

it.each([
  ['using', ''],
  ['using', null],
  ['prefetch', []],
  ['lookup_from', {}],
  ['lookup_from', { collection: 'films' }],
])('a query takes "%s" as %j', (name, value) => {
  expect(query({ query: [1, 2], [name]: value }).spec.limit).toBe(10)
})

describe('in a collection whose vector has a name', () => {
  const target = { vector: new Float32Array([3, 4]) }
  const named = () => ({ ...context(), config: { ...config, vectorName: 'text' } })

  it.each<[string, object]>([
    ['its name', { query: [3, 4], using: 'text' }],
    ['the empty name', { query: [3, 4], using: '' }],
    ['no name', { query: [3, 4] }],
    ['the nearest under its name', { query: { nearest: { text: [3, 4] } }, using: 'text' }],
  ])('a query may use %s', (_what, body) => {
    expect(parseQuery(body, FORMS.query, named()).target).toEqual(target)
  })

  it('a search may name it', () => {
    expect(parseQuery({ vector: { name: 'text', vector: [3, 4] } }, FORMS.search, named()).target).toEqual(target)
  })

  it('another name is refused', () => {
    const body = { query: [3, 4], using: 'image' }
    expect(() => parseQuery(body, FORMS.query, named())).toThrowError(
      error('BAD_REQUEST', /^using: there is no vector named/),
    )
  })
})

describe('a batch of queries', () => {
  it('has the vectors of all in one memory, each its own', async () => {
    const queries = await batch([{ query: [1, 2] }, { query: 7 }, { query: [3, 4] }])
    const vectors = queries.flatMap(({ target }) => ('vector' in target ? [target.vector] : []))
    expect(vectors.map((vector) => [...vector])).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(new Set(vectors.map(({ buffer }) => buffer)).size).toBe(1)
    expect(queries[1]?.target).toEqual({ key: 'i7' })
  })

  it('may be of searches', async () => {
    const [first] = await batch([{ vector: [1, 2], limit: 3 }], FORMS.search)
    expect(first?.spec.limit).toBe(3)
  })

  it('has options outside of the body for each query that has none of its own', async () => {
    const given = { query: { 'maksdb-probes': '2', consistency: 'strong' }, headers: {} }
    const queries = await batch(
      [{ query: [1, 2] }, { query: [1, 2], params: { probes: 5, consistency: 'eventual' } }],
      FORMS.query,
      given,
    )
    expect(queries.map(({ spec, read }) => [spec.probes, read.consistency])).toEqual([
      [2, 'strong'],
      [5, 'eventual'],
    ])
  })

  it.each([undefined, null, [], {}, 'x', 1])('is not "searches" of %j', async (searches) => {
    await expect(batch(searches)).rejects.toThrowError(error('BAD_REQUEST', /^"searches" must be a list of queries$/))
  })

  it('refuses an unknown field by name', async () => {
    const body = { searches: [{ query: [1, 2] }], more: 1 }
    const parsing = inSlices(parseQueries(body, FORMS.query, { config, outside }))
    await expect(parsing).rejects.toThrowError(error('UNSUPPORTED', /^the body: "more" is not supported$/))
  })

  it.each<[string, unknown, RegExp]>([
    ['no object', null, /^searches\[1\] must be a JSON object$/],
    ['a wrong limit', { query: [1, 2], limit: 0 }, /^searches\[1\]: "limit" must be at least 1/],
    ['a short vector', { query: [1] }, /^searches\[1\]\.query has 1 values/],
    ['a wrong id', { query: true }, /^searches\[1\]\.query: a point id/],
    ['a wrong id to be near', { query: { nearest: '' } }, /^searches\[1\]\.query\.nearest: a point id/],
    ['wrong params', { query: [1, 2], params: { probes: 0 } }, /^searches\[1\]\.params: "probes"/],
    ['a wrong name', { query: [1, 2], using: 'image' }, /^searches\[1\]\.using: there is no vector/],
  ])('names the query that is wrong: %s', async (_what, wrong, message) => {
    await expect(batch([{ query: [1, 2] }, wrong])).rejects.toThrowError(error('BAD_REQUEST', message))
  })

  it('is as long as its limit, and not longer', async () => {
    const searches = Array.from({ length: LIMITS.SEARCHES_MAX.value + 1 }, () => ({ query: 1 }))
    expect(await batch(searches.slice(1))).toHaveLength(LIMITS.SEARCHES_MAX.value)
    await expect(batch(searches)).rejects.toThrowError(error('BAD_REQUEST', /^"searches": 1025 .*\(SEARCHES_MAX\)$/))
  })
})
