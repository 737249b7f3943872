import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idKey } from '../core/ids.ts'
import { ORIGIN } from '../core/log/position.ts'
import { type BlockMemory, EntryBlockWriter, entriesOf, entryBlock, headsOf, verifyBlock } from './entry-block.ts'
import { hashEntry, type LogEntry, LogMismatch, type LogTip, verifyChain } from './log-entry.ts'

const START: LogTip = { position: ORIGIN, hash: '' }

const parts = fc.record({
  type: fc.constantFrom('U', 'P', 'T', 'N', 'C'),
  version: fc.nat(),
  userVersion: fc.nat(),
  key: fc.oneof(fc.nat(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })).map(idKey),
  flag: fc.constantFrom('o', 'c', 'l', '', 'o17'),
  idempotency: fc.constantFrom('', 'A5'),
  row: fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes)),
})

/** Entries of two epochs that continue the log after `tip`. */
function chained(tip: LogTip, all: readonly Omit<LogEntry, 'position' | 'hash'>[]): LogEntry[] {
  let { hash } = tip
  return all.map((one, n) => {
    const entry = { ...one, position: { epoch: n < 3 ? 7 : 1_700_000_000_000, seq: tip.position.seq + 1 + n } }
    hash = hashEntry(hash, entry)
    return { ...entry, hash }
  })
}

const logs = fc.array(parts, { minLength: 1, maxLength: 8 }).map((all) => chained(START, all as never))

it('a block has the entries that it was made of, each row at a multiple of eight', () => {
  fc.assert(
    fc.property(logs, (entries) => {
      const block = entryBlock(START, entries)
      expect(entriesOf(block)).toEqual(entries)
      expect(block).toMatchObject({ count: entries.length, point: { position: entries.at(-1)?.position } })
      for (const { rowStart } of headsOf(block)) expect(rowStart % 8).toBe(0)
      verifyBlock(block)
    }),
  )
})

it('a block in the memory of another, longer or shorter one has its own entries alone', () => {
  fc.assert(
    fc.property(logs, logs, fc.nat({ max: 10_000 }), (before, entries, expected) => {
      const memory: BlockMemory = entryBlock(START, before)
      const writer = new EntryBlockWriter(START, expected, memory)
      for (const entry of entries) writer.addEntry(entry)
      const block = writer.block()
      expect(entriesOf(block)).toEqual(entries)
      expect(block.bytes.length).toBeGreaterThanOrEqual(expected)
      verifyBlock(block)
    }),
  )
})

it('a block is refused with the same kind of mismatch, at the same entry, as its entries are one by one', () => {
  const change = fc.constantFrom('hash', 'row', 'version', 'key', 'seq', 'gone', 'tip')
  fc.assert(
    fc.property(logs, fc.nat(), change, (entries, chosen, what) => {
      const at = chosen % entries.length
      const entry = entries[at] as LogEntry
      const { epoch, seq } = entry.position
      const changed: Record<typeof what, Partial<LogEntry>> = {
        hash: { hash: '0123456789abcdef0123' },
        row: { row: Buffer.concat([entry.row, Buffer.of(1)]) },
        version: { version: entry.version + 1 },
        key: { key: idKey('another') },
        seq: { position: { epoch, seq: seq + 1 } },
        gone: {},
        tip: {},
      }
      const forged = entries.toSpliced(at, 1, ...(what === 'gone' ? [] : [{ ...entry, ...changed[what] }]))
      const tip = what === 'tip' ? { ...START, hash: 'another' } : START
      expect(mismatch(() => verifyBlock(entryBlock(tip, forged)))).toEqual(mismatch(() => verifyChain(tip, forged)))
    }),
  )
})

function mismatch(check: () => unknown): unknown {
  try {
    check()
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof LogMismatch)) throw thrown
    return { kind: thrown.kind, fitting: thrown.fitting }
  }
}

it('a log that was lost with all its traces may begin again above everything that was in it, and only its first entry', () => {
  const first = { type: 'I' as const, version: 0, userVersion: 0, key: '' as never, flag: '', idempotency: '' }
  const entry = { ...first, position: { epoch: 9, seq: 41 }, row: Buffer.alloc(0) }
  const begins = { ...entry, hash: hashEntry('', entry) }
  expect(() => verifyBlock(entryBlock(START, [begins]))).not.toThrow()
  const after = { position: { epoch: 8, seq: 3 }, hash: '' }
  expect(() => verifyBlock(entryBlock(after, [begins]))).toThrow(/the log continues with 9-41/)
})

it('an entry of a type that this version does not know stops whoever decodes the block', () => {
  const entry = { type: 'X' as never, version: 1, userVersion: 1, key: idKey(1), flag: '', idempotency: '' }
  const block = entryBlock(START, chained(START, [{ ...entry, row: Buffer.alloc(0) }]))
  verifyBlock(block)
  expect(() => [...headsOf(block)]).toThrow('type "X", which this version does not know')
})
