import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { IDEMPOTENCY_TTL_MS, type IdempotencyRecord } from '../../core/log/idempotency.ts'
import { IDEMPOTENCY_IDS_MAX, IdempotencyRecords } from './idempotency-records.ts'

const record = (
  request: string,
  id: number,
  at: number,
  extra: Partial<IdempotencyRecord> = {},
): IdempotencyRecord => ({
  request,
  digest: 'asked',
  at,
  id: idKey(id),
  result: `A${id},${id},0`,
  ...extra,
})

describe('what a cell remembers of requests with idempotency keys', () => {
  it('is the outcome in its log, once for each id, however often it is noted', () => {
    const idempotency = new IdempotencyRecords()
    for (const noted of [record('a', 1, 5), record('a', 2, 5), record('b', 1, 6), record('a', 2, 5)])
      idempotency.note(noted)
    expect([...idempotency.all()]).toEqual([record('a', 1, 5), record('a', 2, 5), record('b', 1, 6)])
  })

  it('is forgotten when Redis forgets it, and when the key is used for something else', () => {
    const idempotency = new IdempotencyRecords()
    idempotency.note(record('a', 1, 0))
    idempotency.note(record('b', 1, 10))
    idempotency.note(record('c', 1, IDEMPOTENCY_TTL_MS))
    expect([...idempotency.all()].map(({ request }) => request)).toEqual(['b', 'c'])
    idempotency.note(record('b', 7, IDEMPOTENCY_TTL_MS, { digest: 'asked otherwise' }))
    expect([...idempotency.all()].map(({ request, id }) => [request, id])).toEqual([
      ['c', idKey(1)],
      ['b', idKey(7)],
    ])
  })

  it('outlives older ones when its request comes back, at the limit and at the end of its time', () => {
    const idempotency = new IdempotencyRecords()
    idempotency.note(record('renewed', 1, 0))
    idempotency.note(record('left alone', 1, 1))
    idempotency.note(record('renewed', 2, IDEMPOTENCY_TTL_MS))
    idempotency.note(record('last', 1, IDEMPOTENCY_TTL_MS + 2))
    expect([...new Set([...idempotency.all()].map(({ request }) => request))]).toEqual(['renewed', 'last'])
    for (let id = 0; id < IDEMPOTENCY_IDS_MAX - 4; id++) idempotency.note(record('many', id, IDEMPOTENCY_TTL_MS + 3))
    idempotency.note(record('renewed', 3, IDEMPOTENCY_TTL_MS + 4))
    idempotency.note(record('one more', 1, IDEMPOTENCY_TTL_MS + 5))
    expect([...new Set([...idempotency.all()].map(({ request }) => request))]).toEqual(['many', 'renewed', 'one more'])
  })

  it('has a limit, at which the oldest requests go first', () => {
    const idempotency = new IdempotencyRecords()
    for (let id = 0; id < IDEMPOTENCY_IDS_MAX + 500; id++) idempotency.note(record(`r${Math.floor(id / 1000)}`, id, 1))
    const left = [...idempotency.all()]
    expect(left.length).toBeLessThanOrEqual(IDEMPOTENCY_IDS_MAX)
    expect([left.length, left[0]?.request]).toEqual([IDEMPOTENCY_IDS_MAX - 500, 'r1'])
  })
})
