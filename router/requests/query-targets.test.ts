import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import { QueryVectors } from './query-context.ts'
import { FORMS, parseGroups, parseQueries, parseQuery, type QueryForm } from './query-requests.ts'

const config = { collection: 'films', vectors: { '': { size: 2, metric: 'L2' } } } as CollectionConfig
const outside = { query: {}, headers: {} }
const context = () => ({ config, outside, vectors: new QueryVectors(2, 1) })
const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const query = (body: unknown) => parseQuery(body, FORMS.query, context())
const search = (body: unknown) => parseQuery(body, FORMS.search, context())
const recommend = (body: unknown) => parseQuery(body, FORMS.recommend, context())
const discover = (body: unknown) => parseQuery(body, FORMS.discover, context())
const groups = (body: unknown) => parseGroups(body, FORMS.query, context())
const batch = (searches: unknown, form: QueryForm = FORMS.query, given = outside) =>
  inSlices(parseQueries({ searches }, form, { config, outside: given }))
const vectorTarget = (...values: number[]) => ({ vector: new Float32Array(values) })

describe('the target of a query', () => {
  it.each<[string, unknown, object]>([
    ['a vector', [3, 4], { vector: new Float32Array([3, 4]) }],
    ['a vector under the empty name', { '': [3, 4] }, { vector: new Float32Array([3, 4]) }],
    ['the nearest of a vector', { nearest: [3, 4] }, { vector: new Float32Array([3, 4]) }],
    ['the nearest of a vector under the empty name', { nearest: { '': [3, 4] } }, { vector: new Float32Array([3, 4]) }],
    ['the nearest of a vector, with an empty mmr', { nearest: [3, 4], mmr: {} }, { vector: new Float32Array([3, 4]) }],
    ['a number as id', 7, { key: 'i7' }],
    ['a text as id', 'film', { key: 'sfilm' }],
    ['the nearest of an id', { nearest: 7 }, { key: 'i7' }],
    ['absent, for a list of the points', undefined, { listed: true }],
    ['null, for a list of the points', null, { listed: true }],
  ])('may be %s', (_what, given, target) => {
    expect(query({ query: given }).target).toEqual(target)
  })

  it.each<[string, unknown, string, RegExp]>([
    ['a short vector', [1], 'BAD_REQUEST', /^query has 1 values, the collection has dimension 2$/],
    ['a long vector', [1, 2, 3], 'BAD_REQUEST', /^query has 3 values/],
    ['a vector with a text', [1, 'x'], 'BAD_REQUEST', /^query\[1\] must be a number$/],
    ['true', true, 'BAD_REQUEST', /^query: a point id is .*not boolean$/],
    ['a fraction', 1.5, 'BAD_REQUEST', /^query: a point id must be a whole number/],
    ['an empty text', '', 'BAD_REQUEST', /^query: a point id must not be empty$/],
    ['an empty object', {}, 'UNSUPPORTED', /^query: an empty object is not supported/],
    [
      'a fusion, with null',
      { nearest: null, fusion: 'rrf' },
      'UNSUPPORTED',
      /^query: "fusion" is not supported; use a/,
    ],
    ['of two kinds', { recommend: { positive: [1] }, sample: 'random' }, 'UNSUPPORTED', /^query: "sample" is not/],
    [
      'a recommendation of nothing',
      { recommend: {} },
      'BAD_REQUEST',
      /^query\.recommend\.positive must have an example/,
    ],
    ['a discovery without a target', { discover: { context: [] } }, 'BAD_REQUEST', /^query\.discover\.context must/],
    ['an empty context', { context: [] }, 'BAD_REQUEST', /^query\.context must have a pair/],
    ['half a pair', { context: { positive: 1 } }, 'BAD_REQUEST', /^query\.context\.negative is missing$/],
    ['an order of no path', { order_by: { direction: 'asc' } }, 'BAD_REQUEST', /^query\.order_by\.key is missing$/],
    ['another sample', { sample: 'first' }, 'BAD_REQUEST', /^query\.sample must be "random"$/],
    ['of a long name', { ['x'.repeat(1000)]: 1 }, 'UNSUPPORTED', /^query: "x{100}" is not supported/],
    ['with mmr of nothing', { mmr: { diversity: 1 } }, 'BAD_REQUEST', /^query: "nearest" is missing$/],
    [
      'with too much mmr',
      { nearest: [1, 2], mmr: { diversity: 2 } },
      'BAD_REQUEST',
      /^query\.mmr: "diversity" must be/,
    ],
    [
      'with an unknown part of mmr',
      { nearest: [1, 2], mmr: { x: 1 } },
      'UNSUPPORTED',
      /^query\.mmr: "x" is not supported$/,
    ],
    ['with an unknown field', { nearest: [1, 2], more: 1 }, 'UNSUPPORTED', /^query: "more" is not supported$/],
    ['under another name', { '': [1, 2], image: 1 }, 'UNSUPPORTED', /^query: "image" is not supported$/],
    ['nearest to true', { nearest: true }, 'BAD_REQUEST', /^query\.nearest: a point id is/],
    ['nearest to a short vector', { nearest: [1] }, 'BAD_REQUEST', /^query\.nearest has 1 values/],
    ['nearest to a named vector', { nearest: { image: [1, 2] } }, 'UNSUPPORTED', /^query\.nearest: "image" is not/],
  ])('that is %s is refused by name', (_what, given, code, message) => {
    expect(() => query({ query: given })).toThrowError(error(code, message))
  })
})

const pair = (positive: unknown, negative: unknown) => ({ positive, negative })

describe('a query of several examples', () => {
  it.each<[string, object, object]>([
    [
      'a recommendation: its average',
      { recommend: { positive: [7, [3, 4]], negative: ['b'], strategy: null } },
      { examples: [{ key: 'i7' }, vectorTarget(3, 4), { key: 'sb' }], by: { is: 'average', positives: 2 } },
    ],
    [
      'a recommendation by the best score, of negative examples alone',
      { recommend: { negative: [[3, 4]], strategy: 'best_score' } },
      { examples: [vectorTarget(3, 4)], by: { is: 'bestScore', positives: 0, examples: 1 } },
    ],
    [
      'a recommendation by the sum of scores',
      { recommend: { positive: [1], negative: [2], strategy: 'sum_scores' } },
      { examples: [{ key: 'i1' }, { key: 'i2' }], by: { is: 'sumScores', positives: 1, examples: 2 } },
    ],
    [
      'a discovery',
      { discover: { target: 1, context: [pair(2, [3, 4]), pair(5, 6)] } },
      {
        examples: [{ key: 'i1' }, { key: 'i2' }, vectorTarget(3, 4), { key: 'i5' }, { key: 'i6' }],
        by: { is: 'discover', examples: 5 },
      },
    ],
    [
      'a discovery without a context',
      { discover: { target: [3, 4], context: [] } },
      { examples: [vectorTarget(3, 4)], by: { is: 'discover', examples: 1 } },
    ],
    [
      'a context of one pair',
      { context: pair(1, 2) },
      { examples: [{ key: 'i1' }, { key: 'i2' }], by: { is: 'context', examples: 2 } },
    ],
  ])('may be %s', (_what, given, target) => {
    expect(query({ query: given }).target).toEqual(target)
  })

  it('has the same forms on the routes of their own', () => {
    const given = { positive: [1], negative: [2], strategy: 'best_score' }
    expect(recommend({ ...given, limit: 3, using: '' })).toEqual(query({ query: { recommend: given }, limit: 3 }))
    const both = { target: 1, context: [pair(2, 3)] }
    expect(discover(both).target).toEqual(query({ query: { discover: both } }).target)
    expect(discover({ context: [pair(2, 3)] }).target).toEqual(query({ query: { context: [pair(2, 3)] } }).target)
  })

  it.each<[string, () => unknown, RegExp]>([
    ['no positive example', () => recommend({ negative: [1] }), /^positive must have an example, for the strategy/],
    ['no example', () => recommend({ strategy: 'sum_scores' }), /^positive or "negative" must have an example$/],
    [
      'another strategy',
      () => recommend({ positive: [1], strategy: 'worst' }),
      /^strategy must be one of average_vector/,
    ],
    ['a wrong example', () => recommend({ positive: [1, [2]] }), /^positive\[1\] has 1 values/],
    ['no list', () => recommend({ positive: 1 }), /^positive must be a list of vectors and ids$/],
    ['nothing', () => discover({}), /^context must have a pair of examples$/],
    ['half a pair', () => discover({ context: [pair(1, 2), { positive: 1 }] }), /^context\[1\]\.negative is missing$/],
  ])('with %s is refused by its place', (_what, parse, message) => {
    expect(parse).toThrowError(error('BAD_REQUEST', message))
  })

  it('keeps the length of the vectors of an average under Cosine, and of no others', () => {
    const cosine = { ...config, vectors: { '': { size: 2, metric: 'Cosine' as const } } }
    const parse = (strategy: string) =>
      parseQuery({ positive: [[3, 4]], strategy }, FORMS.recommend, { ...context(), config: cosine }).target
    expect(parse('average_vector')).toMatchObject({ examples: [vectorTarget(3, 4)] })
    expect(parse('best_score')).toMatchObject({ examples: [vectorTarget(0.6, 0.8)] })
  })

  it('has as many as its limit in one query and in a batch, and not more', async () => {
    const { value } = LIMITS.EXAMPLES_MAX
    const of = (count: number) => ({ positive: Array.from({ length: count }, (_, id) => id) })
    expect(recommend(of(value)).target).toMatchObject({ by: { positives: value } })
    expect(() => recommend(of(value + 1))).toThrowError(error('PAYLOAD_TOO_LARGE', /\(EXAMPLES_MAX\)$/))
    await expect(batch([of(value), of(1)], FORMS.recommend)).rejects.toThrowError(
      error('PAYLOAD_TOO_LARGE', /^the examples of "searches": 1025 is more than/),
    )
  })
})

describe('a query that lists points', () => {
  it.each<[string, object, object]>([
    [
      'in the order of a key',
      { order_by: 'year' },
      { ordered: { path: [{ kind: 'key', key: 'year' }], direction: 'asc' } },
    ],
    [
      'from a value down',
      { order_by: { key: 'year', direction: 'desc', start_from: 1999.5 } },
      { ordered: { path: [{ kind: 'key', key: 'year' }], direction: 'desc', startFrom: '1999.5' } },
    ],
    [
      'from a time on',
      { order_by: { key: 'day', start_from: '1970-01-01T00:00:01Z' } },
      { ordered: { path: [{ kind: 'key', key: 'day' }], direction: 'asc', startFrom: '1000000' } },
    ],
    ['by chance', { sample: 'random' }, { drawn: true }],
  ])('may be %s', (_what, given, target) => {
    expect(query({ query: given }).target).toEqual(target)
  })

  it.each<[object, RegExp]>([
    [{ key: 'a', direction: 'up' }, /^query\.order_by\.direction must be asc or desc$/],
    [{ key: 'a', start_from: 'soon' }, /^query\.order_by\.start_from must be a number or a time/],
    [{ key: 'a..b' }, /^query\.order_by\.key: "a\.\.b" is not a path/],
  ])('refuses the order %j by its place', (given, message) => {
    expect(() => query({ query: { order_by: given } })).toThrowError(error('BAD_REQUEST', message))
  })
})

describe('mmr', () => {
  it.each<[object, object]>([
    [{}, { diversity: 0.5 }],
    [{ diversity: null }, { diversity: 0.5 }],
    [
      { diversity: 0, candidates_limit: 100 },
      { diversity: 0, candidates: 100 },
    ],
  ])('may be %j', (given, mmr) => {
    expect(query({ query: { nearest: 7, mmr: given } })).toMatchObject({ target: { key: 'i7' }, mmr })
  })
})

describe('a query in groups', () => {
  const path = [{ kind: 'key', key: 'kind' }]

  it('has groups of three points if it names no other number', () => {
    expect(groups({ query: [1, 2], group_by: 'kind' })).toMatchObject({ group: { path, size: 3 }, spec: { limit: 10 } })
    expect(groups({ query: 7, group_by: 'kind', group_size: 1, limit: 2 })).toMatchObject({
      group: { path, size: 1 },
      spec: { limit: 2 },
      target: { key: 'i7' },
    })
  })

  it.each<[object, string, RegExp]>([
    [{}, 'BAD_REQUEST', /^group_by is missing$/],
    [{ group_by: 'a.' }, 'BAD_REQUEST', /^group_by: "a\." is not a path/],
    [{ group_by: 'a', group_size: 0 }, 'BAD_REQUEST', /"group_size" must be at least 1/],
    [{ group_by: 'a', with_lookup: 'films' }, 'UNSUPPORTED', /"with_lookup" is not supported/],
    [{ group_by: 'a', offset: 1 }, 'UNSUPPORTED', /"offset" is not supported/],
    [{ group_by: 'a', query: { sample: 'random' } }, 'UNSUPPORTED', /"sample" are not supported with "group_by"/],
    [{ group_by: 'a', query: { nearest: 1, mmr: {} } }, 'UNSUPPORTED', /"mmr", .* not supported with "group_by"/],
  ])('refuses %j by name', (body, code, message) => {
    expect(() => groups({ query: [1, 2], ...body })).toThrowError(error(code, message))
  })
})

describe('the vector of a search', () => {
  it.each<[string, unknown]>([
    ['a list', [3, 4]],
    ['under the empty name', { '': [3, 4] }],
    ['with the empty name', { name: '', vector: [3, 4] }],
    ['with no name', { name: null, vector: [3, 4] }],
  ])('may be %s', (_what, vector) => {
    expect(search({ vector }).target).toEqual({ vector: new Float32Array([3, 4]) })
  })

  it.each<[string, unknown, string, RegExp]>([
    ['absent', undefined, 'BAD_REQUEST', /^vector must be a list of 2 numbers$/],
    ['null', null, 'BAD_REQUEST', /^vector must be a list of 2 numbers$/],
    ['an id', 7, 'BAD_REQUEST', /^vector must be a list of 2 numbers$/],
    ['an empty object', {}, 'BAD_REQUEST', /^vector must be a list of 2 numbers$/],
    ['short', [1], 'BAD_REQUEST', /^vector has 1 values/],
    ['short, with a name', { name: '', vector: [1] }, 'BAD_REQUEST', /^vector has 1 values/],
    ['of another name', { name: 'image', vector: [1, 2] }, 'BAD_REQUEST', /^vector: there is no vector named "image"$/],
    ['of a name that is no text', { name: 1, vector: [1, 2] }, 'BAD_REQUEST', /^vector: the name of a vector must be/],
    ['with more', { name: '', vector: [1, 2], more: 1 }, 'UNSUPPORTED', /^vector: "more" is not supported$/],
  ])('that is %s is refused by name', (_what, vector, code, message) => {
    expect(() => search({ vector })).toThrowError(error(code, message))
  })
})
