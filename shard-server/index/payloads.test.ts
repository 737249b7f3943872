import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Payloads } from './payloads.ts'

const text = fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 40 }), fc.constant('é😀'.repeat(500)))

it('payloads come back as they were, whatever was appended, copied and dropped', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 300 }), fc.nat(9), (texts, copied) => {
      const payloads = new Payloads()
      const expected: string[] = []
      let first = 0
      for (const one of texts) {
        payloads.push(one)
        expected.push(one)
        if (expected.length % 10 === copied) {
          payloads.pushFrom(expected.length - 1)
          expected.push(one)
        }
        if (expected.length - first < 160) continue
        first += 96
        payloads.dropBefore(first)
      }
      for (let row = first; row < expected.length; row++)
        expect(payloads.get(row).toString()).toBe(Buffer.from(expected[row] as string).toString())
    }),
  )
})

it('payloads that are appended together are those that are appended one by one', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 300 }), fc.nat(100), (texts, before) => {
      const payloads = new Payloads()
      for (let row = 0; row < before; row++) payloads.push(`${row}`)
      const bytes = texts.map((one) => Buffer.from(one))
      payloads.pushAll(
        Uint32Array.from(bytes, ({ length }) => length),
        Buffer.concat(bytes),
      )
      payloads.push('last')
      const expected = [...Array.from({ length: before }, (_, row) => Buffer.from(`${row}`)), ...bytes]
      expect(expected.map((_bytes, row) => payloads.get(row).toString())).toEqual(expected.map(String))
      expect(payloads.get(expected.length).toString()).toBe('last')
    }),
  )
})

it('the memory of payloads is that of the rows that were not dropped', () => {
  const payloads = new Payloads()
  for (let row = 0; row < 100_000; row++) {
    payloads.push('x'.repeat(1000))
    if (row % 1000 === 999) payloads.dropBefore(row - (row % 32))
  }
  expect(payloads.bytes).toBeLessThan(200_000)
  const view = payloads.get(99_999)
  payloads.dropBefore(100_000)
  expect(view.toString()).toBe('x'.repeat(1000))
})
