import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactParse, exactStringify } from './exact-json.ts'
import { checkStorable } from './request-json.ts'

describe('JSON with 64-bit integers', () => {
  it('keeps every integer, and everything else as JSON.parse has it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        // As text: toEqual does not compare own properties named __proto__.
        expect(exactStringify(exactParse(text))).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (integer) => {
        const text = `{"a":[${integer}],"f":0.1234567890123456789}`
        const { a } = exactParse(text) as { a: (number | bigint)[] }
        expect(BigInt(a[0] as number)).toBe(integer)
        expect(exactStringify({ a })).toBe(`{"a":[${integer}]}`)
      }),
    )
  })

  it('leaves long fractions and exponents floats, and digits in text alone', () => {
    expect(exactParse('[12345678901234567890.5, 1e20, "12345678901234567890"]')).toEqual([
      Number('12345678901234567890.5'),
      1e20,
      '12345678901234567890',
    ])
  })

  it('refuses what is not JSON, and what is nested beyond measure', () => {
    expect(() => exactParse('{"a":}')).toThrow(/not valid JSON/)
    expect(() => checkStorable(JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`), 'it')).toThrow(/nested deeper/)
  })
})
