import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idKey } from '../core/ids.ts'
import { ORIGIN } from '../core/log/position.ts'
import { type EntryBlock, entriesOf } from './entry-block.ts'
import { decodeEntry, headOf, type LogEntry, type LogTip } from './log-entry.ts'
import { StreamReply } from './stream-reply.ts'

const START: LogTip = { position: ORIGIN, hash: '' }
type Item = [id: Buffer, fields: Buffer[]]

const bulk = (part: Buffer) => Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')])
const list = (parts: readonly Buffer[]) => Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts])
const replyOf = (items: readonly Item[]) => {
  const entries = items.map(([id, fields]) => list([bulk(id), list(fields.map(bulk))]))
  return list([list([bulk(Buffer.from('maks:{a}:log:0')), list(entries)])])
}

/** The block that a reply gives which comes in pieces of these lengths, and then the rest. */
function read(reply: Buffer, lengths: readonly number[] = []): EntryBlock | undefined {
  const reading = new StreamReply(START, 0)
  let at = 0
  for (const length of [...lengths, reply.length]) {
    const piece = Buffer.from(reply.subarray(at, at + length))
    if (piece.length === 0) continue
    at += piece.length
    const block = reading.add(piece)
    expect(block !== undefined).toBe(at === reply.length)
    if (block) return block
  }
  return undefined
}

const items = fc.array(
  fc
    .record({
      seq: fc.nat(),
      version: fc.nat(),
      key: fc.oneof(fc.nat(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })).map(idKey),
      hash: fc.stringMatching(/^[0-9a-f]{20}$/),
      row: fc.uint8Array({ maxLength: 300 }),
      order: fc.shuffledSubarray(['e', 'h', 'z', 'd'], { minLength: 4 }),
    })
    .map(({ seq, version, key, hash, row, order }): Item => {
      const head = headOf({ type: 'U', version, userVersion: version, key, flag: 'o', idempotency: '' })
      const fields: Record<string, Uint8Array> = {
        e: Buffer.from(head),
        h: Buffer.from(hash),
        z: Buffer.from('12'),
        d: row,
      }
      const named = order.flatMap((name) => [Buffer.from(name), Buffer.from(fields[name] as Uint8Array)])
      return [Buffer.from(`17-${seq}`), named]
    }),
  { minLength: 1, maxLength: 6 },
)

it('a reply gives the entries that are in it, wherever it is cut on its way and in whatever order their fields stand', () => {
  fc.assert(
    fc.property(items, fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (all, lengths) => {
      const block = read(replyOf(all), lengths)
      expect(entriesOf(block as EntryBlock)).toEqual(all.map(decodeEntry))
    }),
    { numRuns: 300 },
  )
})

it('a reply that comes byte by byte is read, too', () => {
  const head = 'U|1|1|o||2|i1|'
  const item: Item = [Buffer.from('1-1'), ['e', head, 'h', 'a'.repeat(20), 'd', 'row'].map((part) => Buffer.from(part))]
  const reply = replyOf([item, item])
  const block = read(
    reply,
    Array.from({ length: reply.length }, () => 1),
  ) as EntryBlock
  expect(entriesOf(block).map((entry: LogEntry) => entry.row.toString())).toEqual(['row', 'row'])
})

it('no list is a block without entries, after which the log stands where it stood', () => {
  expect(read(Buffer.from('*-1\r\n'), [2])).toMatchObject({ count: 0, tip: START, point: START })
})

it('an entry of a type that this version does not know, or without one, is refused when it is read: the pod does not end for it', () => {
  for (const head of ['X|1|1|o||2|i1|', 'UU|1|1|o||2|i1|', '']) {
    const item: Item = [Buffer.from('1-1'), ['e', head, 'h', 'a'.repeat(20)].map((part) => Buffer.from(part))]
    expect(() => read(replyOf([item]))).toThrow(/of type "(X|UU|)", which this version does not know/)
  }
})

it('the error that Redis answers is thrown, and so is what is no reply to a read of a log', () => {
  expect(() => read(Buffer.from('-LOADING Redis is loading\r\n'))).toThrow('LOADING Redis is loading')
  for (const reply of ['+OK\r\n', '*1\r\n:1\r\n', '*1\r\n*2\r\n$1\r\nk\r\n$1\r\nx\r\n', '*1x\r\n'])
    expect(() => read(Buffer.from(reply))).toThrow('no list of entries')
  expect(() => read(Buffer.from('*-1\r\n*-1\r\n'))).toThrow('more than it was asked for')
})
