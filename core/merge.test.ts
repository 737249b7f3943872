import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idKey } from './ids.ts'
import { byDistance, type Hit, mergeHits, mergePages } from './merge.ts'
import { parsePayloadSelector, selectPayload } from './payload-selector.ts'

function done<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

const hit = fc.record({
  key: fc.nat(20).map((n) => idKey(n)),
  version: fc.nat(3),
  distance: fc.integer({ min: 0, max: 5 }),
})

it('merged answers hold each id once, at its highest version, nearest first, ties by id', () => {
  fc.assert(
    fc.property(fc.array(fc.array(hit)), fc.integer({ min: 1, max: 30 }), (answers, limit) => {
      const merged = done(mergeHits(answers, limit))
      const all = answers.flat()
      expect(new Set(merged.map(({ key }) => key)).size).toBe(merged.length)
      expect(merged).toEqual(merged.toSorted(byDistance))
      for (const one of merged)
        expect(one.version).toBe(Math.max(...all.filter(({ key }) => key === one.key).map(({ version }) => version)))
      expect(merged.length).toBe(Math.min(limit, new Set(all.map(({ key }) => key)).size))
    }),
  )
})

it('pages merge in the order of ids', () => {
  const page = (...ids: number[]): Hit[] => ids.map((id) => ({ key: idKey(id), version: 0, distance: 0 }))
  expect(done(mergePages([page(1, 5, 9), page(2, 3), []], 4)).map(({ key }) => key)).toEqual(['i1', 'i2', 'i3', 'i5'])
})

it('payloads are selected by dotted keys, and exact integers stay', () => {
  const payload = '{"a":{"b":1,"c":{"d":2}},"e":18446744073709551615,"__proto__":3}'
  const select = (value: unknown) => selectPayload(parsePayloadSelector(value, true), payload)
  expect(select(undefined)).toBe(payload)
  expect(select(false)).toBe('')
  expect(select(['a.c.d', 'e', 'absent.x'])).toBe('{"a":{"c":{"d":2}},"e":18446744073709551615}')
  expect(select({ exclude: ['a.b', 'e', '__proto__'] })).toBe('{"a":{"c":{"d":2}}}')
  expect(() => parsePayloadSelector(7, true)).toThrow(/with_payload/)
})
