import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, hashKey, idJson, idKey, idKeyOfPath, idText } from './ids.ts'

const anyId = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.uuid(),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= 256),
)

describe('point ids', () => {
  it('keep their kind and value through key and JSON', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const key = idKey(id)
        const back: unknown = typeof id === 'bigint' ? BigInt(idJson(key)) : JSON.parse(idJson(key))
        expect(idKey(back)).toBe(key)
      }),
    )
  })

  it('of the two spellings of a UUID are one', () => {
    expect(idKey('550E8400E29B41D4A716446655440000')).toBe(idKey('550e8400-e29b-41d4-a716-446655440000'))
    expect(idText(idKey('550E8400E29B41D4A716446655440000'))).toBe('550e8400-e29b-41d4-a716-446655440000')
  })

  it('1 and "1" differ, and a path segment of digits is the integer', () => {
    expect(idKey(1)).not.toBe(idKey('1'))
    expect(idKeyOfPath('1')).toBe(idKey(1))
    expect(idKeyOfPath('18446744073709551615')).toBe(idKey(2n ** 64n - 1n))
  })

  it.each([-1, 1.5, 2n ** 64n, 2 ** 53, '', 'x'.repeat(257), '\ud800', null, {}, [], true])('%s is refused', (id) => {
    expect(() => idKey(id)).toThrow()
  })

  it('are ordered: integers by value, then UUIDs, then strings by bytes', () => {
    const ids = [2n, 10n, 2n ** 64n - 1n, '00000000-0000-0000-0000-000000000001', 'B', 'a', 'é', '\uffee', '😀']
    expect(ids.map(idKey).reverse().sort(compareKeys).map(idText)).toEqual(ids.map(String))
  })

  it('strings are compared as their UTF-8 bytes are', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((one) => one.isWellFormed())
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [x, y] = [idKey(`~${a}`), idKey(`~${b}`)]
        expect(Math.sign(compareKeys(x, y))).toBe(Buffer.compare(Buffer.from(x), Buffer.from(y)))
      }),
    )
  })

  it('spread over buckets', () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 16_000; i++) counts[hashKey(idKey(i)) % 16]!++
    expect(Math.min(...counts)).toBeGreaterThan(700)
  })
})
