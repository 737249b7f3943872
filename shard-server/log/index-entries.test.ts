/** Log entries on their way into a real index thread. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { hashEntry, type LogEntry, LogMismatch, type LogTip } from '../../store/log-entry.ts'
import { IndexActor } from '../index/index-actor.ts'
import { indexEntries } from './index-entries.ts'

const START: LogTip = { position: ORIGIN, hash: '' }
let folder: string
let index: IndexActor
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-entries-'))
  index = new IndexActor((error) => {
    throw error
  })
  await index.call('open', {
    owner: 'default/films/0',
    dimension: 2,
    metric: 'L2',
    vectors: { '': { size: 2, metric: 'L2' } },
    scratchDir: join(folder, 'scratch'),
  })
})
afterAll(async () => {
  await index.close()
  rmSync(folder, { recursive: true, force: true })
})

function entryAfter(tip: LogTip, version: number): LogEntry {
  const entry = {
    position: { epoch: 7, seq: tip.position.seq + 1 },
    type: 'U' as const,
    version,
    userVersion: version,
    key: idKey(`point ${version}`),
    flag: 'o',
    idempotency: '',
    row: Buffer.from(encodeRow({ vector: Float32Array.of(version, 0), payload: '' })),
  }
  return { ...entry, hash: hashEntry(tip.hash, entry) }
}

it('entries that continue the log are applied; of a batch with one that does not, none is', async () => {
  const first = entryAfter(START, 1)
  const stats = await indexEntries(index, START, [first])
  expect(stats).toMatchObject({ points: 1, version: 1, tip: { position: first.position, hash: first.hash } })
  const second = entryAfter(stats.tip, 2)
  const forged = { ...entryAfter({ position: second.position, hash: second.hash }, 3), hash: first.hash }
  expect(() => indexEntries(index, stats.tip, [second, forged])).toThrow(LogMismatch)
  expect((await indexEntries(index, stats.tip, [second])).points).toBe(2)
})
