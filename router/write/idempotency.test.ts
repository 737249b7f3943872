import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { encodeRow } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import { parseUpsert, wholeBody } from '../requests/write-requests.ts'
import { askedByWrites, IDEMPOTENCY_POINTS_MAX, idempotencyOf } from './idempotency.ts'
import type { Write } from './writes.ts'

const upsert = (id: number, values: readonly number[] = [1, 2], payload = ''): Write => {
  const vector = new Float32Array(values)
  return { key: idKey(id), row: { vector, bytes: encodeRow({ vector, payload }) } }
}
const remove = (id: number): Write => ({ key: idKey(id) })
const under = (key: string, writes: readonly Write[]) => idempotencyOf(key, writes.length, askedByWrites(writes))
const digestOf = (...writes: Write[]) => under('key', writes).digest

describe('a request under an idempotency key', () => {
  it('is remembered by digests, of which neither shows its text', () => {
    const { key, digest } = under('order-17', [upsert(1)])
    expect([key, digest]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)])
  })

  it('has a key that depends on the text alone', () => {
    const { key } = under('order-17', [upsert(1)])
    expect(under('order-17', [remove(2)]).key).toBe(key)
    expect(under('order-18', [upsert(1)]).key).not.toBe(key)
  })

  it('is the same if it is sent again, however it is written', async () => {
    const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
    const ways = [
      { points: [{ id: 1, vector: [1, 2], payload: { a: 1 } }] },
      { points: [{ payload: { a: 1 }, vector: { '': [1, 2] }, id: 1 }] },
      { batch: { vectors: [[1, 2]], ids: [1], payloads: [{ a: 1 }] } },
    ]
    const digests = await Promise.all(
      ways.map(async (body) => {
        const operation = await inSlices(parseUpsert(body, wholeBody(config)))
        return digestOf(...(operation.is === 'writes' ? operation.writes : []))
      }),
    )
    expect(new Set(digests).size).toBe(1)
    expect(digests[0]).toBe(digestOf(upsert(1, [1, 2], '{"a":1}')))
  })

  it.each<[string, Write[]]>([
    ['id', [upsert(2)]],
    ['vector', [upsert(1, [1, 3])]],
    ['payload', [upsert(1, [1, 2], '{}')]],
    ['condition', [{ ...upsert(1), ifVersion: 0 }]],
    ['operation', [remove(1)]],
    ['number of points', [upsert(1), upsert(2)]],
  ])('is another one with another %s', (_what, writes) => {
    expect(digestOf(...writes)).not.toBe(digestOf(upsert(1)))
  })

  it('is another one if its condition or the order of its points is another', () => {
    expect(digestOf({ ...upsert(1), ifVersion: 1 })).not.toBe(digestOf({ ...upsert(1), ifVersion: 2 }))
    expect(digestOf(upsert(1), upsert(2))).not.toBe(digestOf(upsert(2), upsert(1)))
  })

  it('holds as many points as its limit, and not one more', () => {
    const writes = Array.from({ length: IDEMPOTENCY_POINTS_MAX + 1 }, (_, id) => remove(id))
    expect(() => under('key', writes.slice(1))).not.toThrow()
    expect(() => under('key', writes)).toThrowError(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: expect.stringMatching(/"Idempotency-Key".*at most 1000/),
      }),
    )
  })
})
