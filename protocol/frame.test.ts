import { describe, expect, it } from 'vitest'
import { inSlices } from '../runtime/slices.ts'
import { decodeFrame, encodeFrame } from './frame.ts'

const floats = Float32Array.of(1.5, -2, 3e-40)
const bytes = new Uint8Array(floats.buffer)

describe('a frame', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'has chunks whose floats are read in place, after a name of %i letters',
    async (n) => {
      const header = { name: 'x'.repeat(n) }
      const sent = encodeFrame(header, [Buffer.from('odd'), bytes, Buffer.alloc(0)])
      const { header: received, chunks } = await inSlices(decodeFrame<typeof header>(sent))
      expect(received).toEqual(header)
      expect(chunks.map((chunk) => chunk.length)).toEqual([3, bytes.length, 0])
      const chunk = chunks[1] as Buffer
      expect((chunk.byteOffset - sent.byteOffset) % 8).toBe(0)
      expect([...new Float32Array(Uint8Array.from(chunk).buffer)]).toEqual([...floats])
    },
  )

  it('is the same whether the header and a chunk come whole or in parts, and whatever its memory held before', async () => {
    const whole = encodeFrame({ a: [1, 2] }, [Buffer.from('abcdef'), bytes])
    const parts = encodeFrame(
      [Buffer.from('{"a":'), Buffer.from('[1,2]}')],
      [[Buffer.from('abc'), Buffer.from('def')], bytes],
    )
    expect(parts).toEqual(whole)
  })

  it('has a header that is read in many steps if it is long (S14)', () => {
    const header = { rows: Array.from({ length: 100_000 }, (_, key) => ({ key })) }
    const reading = decodeFrame<typeof header>(encodeFrame(header))
    let steps = 0
    let step = reading.next()
    for (; !step.done; step = reading.next()) steps++
    expect(step.value.header).toEqual(header)
    expect(steps).toBeGreaterThan(10)
  })

  it.each([
    ['has no lengths', Buffer.alloc(7)],
    ['ends within its header', encodeFrame({ a: 1 }).subarray(0, 10)],
    ['ends within a chunk', encodeFrame({}, [bytes]).subarray(0, -1)],
  ])('that %s is refused', async (_what, cut) => {
    await expect(inSlices(decodeFrame(cut))).rejects.toThrow(/frame is (too|cut) short/)
  })
})
