import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { IdKey } from '../core/ids.ts'
import { decodeEntry, hashEntry } from './log-entry.ts'

const entry = (row: Buffer, key = 'i7') => ({
  position: { epoch: 3, seq: 12 },
  type: 'U' as const,
  version: 5,
  userVersion: 4,
  key: key as IdKey,
  flag: 'o',
  idempotency: '',
  row,
})

describe('the hash of an entry', () => {
  it.each([
    ['without a row', 0, 'i7'],
    ['of a small row', 220, 'i7'],
    ['of a row about as large as the memory that small ones share', 16 * 1024 - 40, 'i7'],
    ['of a large row', 100_000, 'i7'],
    ['whose id has characters of several bytes', 50, `t${'ü€'.repeat(40)}`],
  ])('%s is the first 20 digits of sha1 over its parts', (_what, bytes, key) => {
    const row = Buffer.alloc(bytes, 0xab)
    const head = `0123456789abcdef0123|3-12|U|5|4|o||${Buffer.byteLength(key)}|${key}|`
    const expected = createHash('sha1').update(head).update(row).digest('hex').slice(0, 20)
    expect(hashEntry('0123456789abcdef0123', entry(row, key))).toBe(expected)
  })

  it('does not depend on the entry that was hashed before', () => {
    const [long, short] = [entry(Buffer.alloc(5000, 1)), entry(Buffer.alloc(5, 1))]
    const expected = hashEntry('x', short)
    hashEntry('x', long)
    expect(hashEntry('x', short)).toBe(expected)
  })
})

describe('an entry of the log', () => {
  const fields = (of: Record<string, string>) =>
    Object.entries(of)
      .flat()
      .map((text) => Buffer.from(text))

  it('is decoded from its fields in whatever order they stand; fields that are not known are passed over', () => {
    const item = fields({ d: 'row', z: '99', h: 'abc', x: '', e: 'U|5|4|o||2|i7|' })
    expect(decodeEntry([Buffer.from('3-12'), item])).toEqual({ ...entry(Buffer.from('row')), hash: 'abc' })
  })

  it('has the id that was written, whatever characters it has', () => {
    const key = 't|a|ü€|'
    const item = fields({ e: `T|5|0|-|a:b:1:c|${Buffer.byteLength(key)}|${key}|`, h: 'x' })
    expect(decodeEntry([Buffer.from('3-12'), item])).toMatchObject({ key, flag: '-', idempotency: 'a:b:1:c' })
  })

  it('without a row has an empty one', () => {
    expect(decodeEntry([Buffer.from('3-12'), fields({ e: 'E|1|0|||0||', h: 'x' })]).row).toHaveLength(0)
  })

  it('of a type that this version does not know is refused', () => {
    expect(() => decodeEntry([Buffer.from('3-12'), fields({ e: 'Q|1|0|||0||' })])).toThrow(/type "Q"/)
  })

  it.each(['', 'U', 'U|5|4|o|', 'U|5|4|o||2|i', 'U|5|4|o||3|i7|'])('of the head "%s" is refused', (e) => {
    expect(() => decodeEntry([Buffer.from('3-12'), fields({ e })])).toThrow(/cut short/)
  })
})
