import { describe, expect, it } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import type { Collection } from '../cluster/collection.ts'
import { averageOf, keysOf, queryOf } from './examples.ts'
import type { SearchRequest } from './query-request.ts'

const collection = { config: { collection: 'films', vectors: { '': { size: 2, metric: 'L2' } } } } as Collection
const spec = { limit: 1, offset: 0, withPayload: false, withVector: false, exact: false, partial: false }
const vector = (...values: number[]) => Float32Array.from(values)
const request = (target: SearchRequest['target']) => ({ spec, target }) as SearchRequest
const known = new Map<IdKey, Float32Array>([
  [idKey(1), vector(1, 2)],
  [idKey(2), vector(3, 4)],
])

describe('the examples of a query', () => {
  it('by id are the vectors of their points, which are excluded, each once', () => {
    const examples = [{ key: idKey(1) }, { vector: vector(7, 8) }, { key: idKey(2) }, { key: idKey(1) }]
    const by = { is: 'sumScores' as const, positives: 2, examples: 4 }
    expect(keysOf([request({ examples, by }), request({ key: idKey(2) })])).toEqual(['i1', 'i2'])
    expect(queryOf(collection, request({ examples, by }), known)).toEqual({
      spec: { ...spec, exclude: ['i1', 'i2'], scoring: by },
      vector: vector(1, 2, 7, 8, 3, 4, 1, 2),
    })
  })

  it('of an average are one vector', () => {
    const examples = [{ key: idKey(1) }, { vector: vector(7, 8) }, { key: idKey(2) }]
    expect(queryOf(collection, request({ examples, by: { is: 'average', positives: 2 } }), known)).toEqual({
      spec: { ...spec, exclude: ['i1', 'i2'] },
      vector: vector(5, 6),
    })
  })

  it('exclude nothing if they are vectors', () => {
    expect(queryOf(collection, request({ vector: vector(1, 2) }), known)).toEqual({ spec, vector: vector(1, 2) })
  })

  it('must exist', () => {
    expect(() => queryOf(collection, request({ key: idKey(3) }), known)).toThrowError(
      expect.objectContaining({ code: 'NOT_FOUND', message: 'Not found: point 3 does not exist in films' }),
    )
  })
})

describe('an average', () => {
  it('is as far beyond that of the positive examples as this is from that of the negative ones', () => {
    const all = [vector(1, 0), vector(3, 2), vector(0, 0), vector(0, 4)]
    expect(averageOf(all, 2, 2, 'L2')).toEqual(vector(4, 0))
    expect(averageOf(all.slice(0, 2), 2, 2, 'L2')).toEqual(vector(2, 1))
  })

  it('has length 1 under Cosine', () => {
    expect(averageOf([vector(3, 4)], 1, 2, 'Cosine')).toEqual(vector(0.6, 0.8))
  })

  it('beyond float32 is refused', () => {
    expect(() => averageOf([vector(3e38, 0), vector(-3e38, 0)], 1, 2, 'L2')).toThrowError(
      expect.objectContaining({ code: 'BAD_REQUEST', message: 'the average of the examples is beyond float32' }),
    )
  })
})
