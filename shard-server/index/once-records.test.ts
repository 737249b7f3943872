import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { ONCE_TTL_MS, type OnceRecord } from '../../core/once.ts'
import { ONCE_IDS_MAX, OnceRecords } from './once-records.ts'

const record = (request: string, id: number, at: number, extra: Partial<OnceRecord> = {}): OnceRecord => ({
  request,
  digest: 'asked',
  at,
  id: idKey(id),
  result: `A${id},${id},0`,
  ...extra,
})

describe('what a cell remembers of requests with idempotency keys', () => {
  it('is what its log told, once for each id, however often it is told', () => {
    const once = new OnceRecords()
    for (const told of [record('a', 1, 5), record('a', 2, 5), record('b', 1, 6), record('a', 2, 5)]) once.note(told)
    expect([...once.all()]).toEqual([record('a', 1, 5), record('a', 2, 5), record('b', 1, 6)])
  })

  it('is forgotten when Redis forgets it, and when the key is used for something else', () => {
    const once = new OnceRecords()
    once.note(record('a', 1, 0))
    once.note(record('b', 1, 10))
    once.note(record('c', 1, ONCE_TTL_MS))
    expect([...once.all()].map(({ request }) => request)).toEqual(['b', 'c'])
    once.note(record('b', 7, ONCE_TTL_MS, { digest: 'asked otherwise' }))
    expect([...once.all()].map(({ request, id }) => [request, id])).toEqual([
      ['c', idKey(1)],
      ['b', idKey(7)],
    ])
  })

  it('outlives older ones when its request comes back, at the limit and at the end of its time', () => {
    const once = new OnceRecords()
    once.note(record('renewed', 1, 0))
    once.note(record('left alone', 1, 1))
    once.note(record('renewed', 2, ONCE_TTL_MS))
    once.note(record('last', 1, ONCE_TTL_MS + 2))
    expect([...new Set([...once.all()].map(({ request }) => request))]).toEqual(['renewed', 'last'])
    for (let id = 0; id < ONCE_IDS_MAX - 4; id++) once.note(record('many', id, ONCE_TTL_MS + 3))
    once.note(record('renewed', 3, ONCE_TTL_MS + 4))
    once.note(record('one more', 1, ONCE_TTL_MS + 5))
    expect([...new Set([...once.all()].map(({ request }) => request))]).toEqual(['many', 'renewed', 'one more'])
  })

  it('has a limit, at which the oldest requests go first', () => {
    const once = new OnceRecords()
    for (let id = 0; id < ONCE_IDS_MAX + 500; id++) once.note(record(`r${Math.floor(id / 1000)}`, id, 1))
    const left = [...once.all()]
    expect(left.length).toBeLessThanOrEqual(ONCE_IDS_MAX)
    expect([left.length, left[0]?.request]).toEqual([ONCE_IDS_MAX - 500, 'r1'])
  })
})
