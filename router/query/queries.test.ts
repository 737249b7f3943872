import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import type { QuerySpec } from '../../protocol/shard-rpc.ts'
import type { ReadRequest } from './consistency.ts'
import { groupsOf } from './queries.ts'
import type { QueryRequest } from './query-request.ts'

const request = (spec: Partial<QuerySpec> = {}, read: Partial<ReadRequest> = {}): QueryRequest => ({
  spec: { limit: 10, offset: 0, withPayload: false, withVector: false, exact: false, partial: false, ...spec },
  read: { consistency: 'default', token: undefined, maxStalenessMs: 5000, ...read },
  target: { vector: new Float32Array([1, 2]) },
})
const numbers = (requests: readonly QueryRequest[]) => groupsOf(requests).map((group) => group.map(({ at }) => at))
const token = (version: number) => ({ generation: 0, version })

describe('queries of a batch', () => {
  it('of no query make no group', () => {
    expect(groupsOf([])).toEqual([])
  })

  it('keep their places, and each is in one group', () => {
    const [a, b] = [request(), request({ exact: true })]
    const requests = [a, b, request(), request({ exact: true }), request()]
    expect(numbers(requests)).toEqual([
      [0, 2, 4],
      [1, 3],
    ])
    expect(groupsOf(requests)[1]?.[0].request).toBe(b)
  })

  it.each<[string, QueryRequest]>([
    ['limits', request({ limit: 7 })],
    ['offsets', request({ offset: 7 })],
    ['score thresholds', request({ scoreThreshold: 0.5 })],
    ['selections', request({ withPayload: true, withVector: true })],
    ['targets', { ...request(), target: { key: idKey(1) } }],
  ])('with other %s are answered together', (_what, other) => {
    expect(numbers([request(), other])).toEqual([[0, 1]])
  })

  it('that list points are in no group: they search for nothing', () => {
    expect(numbers([request(), { ...request(), target: { listed: true } }, request()])).toEqual([[0, 2]])
  })

  it.each<[string, QueryRequest, QueryRequest]>([
    ['exactness', request(), request({ exact: true })],
    ['probes', request(), request({ probes: 2 })],
    ['numbers of probes', request({ probes: 3 }), request({ probes: 2 })],
    ['recall targets', request({ recallTarget: 0.5 }), request({ recallTarget: 0.9 })],
    ['demands for all cells', request(), request({ partial: true })],
    ['consistencies', request(), request({}, { consistency: 'strong' })],
    ['sessions', request({}, { consistency: 'session' }), request({}, { consistency: 'session', token: token(1) })],
    ['states of sessions', request({}, { token: token(2) }), request({}, { token: token(1) })],
    ['bounds', request({}, { maxStalenessMs: 1 }), request()],
  ])('with other %s are answered apart', (_what, one, other) => {
    expect(numbers([one, other])).toEqual([[0], [1]])
  })

  it('with equal probes and recall targets of different kinds are answered apart', () => {
    expect(numbers([request({ probes: 1 }), request({ recallTarget: 1 })])).toEqual([[0], [1]])
  })
})
