/** The journal against every kind of damage: what it gives back is always a beginning of what was written. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { seededRandom } from '../../core/random.ts'
import { hashEntry, type LogEntry, type LogTip } from '../../store/log-entry.ts'
import { SetAside } from '../index/set-aside.ts'
import { Journal } from './journal.ts'

const START: LogTip = { position: ORIGIN, hash: '' }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-journal-'))
})
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close()
  rmSync(folder, { recursive: true, force: true })
})
const opened: Journal[] = []

/** The journal as the next process of the pod finds it. */
function open(): Journal {
  const journal = new Journal(folder)
  opened.push(journal)
  return journal
}

/** Entries that continue the log after `point`. */
function entriesAfter(point: LogTip, count: number): LogEntry[] {
  let { hash } = point
  return Array.from({ length: count }, (_, i) => {
    const seq = point.position.seq + i + 1
    const entry = {
      position: { epoch: 7, seq },
      type: 'U' as const,
      version: 10 * seq,
      userVersion: 10 * seq,
      key: idKey(`point ${seq}`),
      flag: 'o',
      idempotency: seq % 3 === 0 ? 'key:asked:7:A7,7,0' : '',
      row: Buffer.from(`the row of ${seq}`),
    }
    hash = hashEntry(hash, entry)
    return { ...entry, hash }
  })
}

const pointOf = ({ position, hash }: LogEntry): LogTip => ({ position, hash })

async function readAll(point = START): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for await (const entries of open().read(point)) all.push(...entries)
  return all
}

async function written(entries: readonly LogEntry[]): Promise<Journal> {
  const journal = open()
  for await (const _ of journal.read(START));
  await journal.append(entries.slice(0, 10))
  await journal.append(entries.slice(10))
  return journal
}

const onlySegment = () => join(folder, 'journal', readdirSync(join(folder, 'journal'))[0] as string)

describe('a journal', () => {
  it('gives back what was written, from any point of it on, over several lives of the process', async () => {
    const entries = entriesAfter(START, 30)
    await written(entries)
    expect(await readAll()).toEqual(entries)
    const next = open()
    for await (const _ of next.read(START));
    const more = entriesAfter(pointOf(entries[29] as LogEntry), 5)
    await next.append(more)
    expect(await readAll()).toEqual([...entries, ...more])
    expect(await readAll(pointOf(entries[11] as LogEntry))).toEqual([...entries.slice(12), ...more])
  })

  it('of another timeline gives back nothing', async () => {
    await written(entriesAfter(START, 30))
    expect(await readAll({ position: { epoch: 7, seq: 3 }, hash: 'of something else' })).toEqual([])
  })

  it('with any of 500 single bits flipped, or cut anywhere, gives back a beginning of what was written', async () => {
    const entries = entriesAfter(START, 30)
    await written(entries)
    const path = onlySegment()
    const good = readFileSync(path)
    const random = seededRandom(8)
    for (let i = 0; i < 500; i++) {
      const bad = Buffer.from(good)
      const at = Math.floor(random() * bad.length)
      bad[at] = (bad[at] as number) ^ (1 << Math.floor(random() * 8))
      writeFileSync(path, bad)
      const back = await readAll()
      expect(back.length, `byte ${at}`).toBeLessThan(entries.length)
      expect(back, `byte ${at}`).toEqual(entries.slice(0, back.length))
    }
    for (let cut = good.length - 1; cut > 0; cut -= 97) {
      writeFileSync(path, good.subarray(0, cut))
      const back = await readAll()
      expect(back, `cut at ${cut}`).toEqual(entries.slice(0, back.length))
    }
  })

  it('that was torn goes on in another segment, where the log continues', async () => {
    const entries = entriesAfter(START, 30)
    await written(entries)
    const path = onlySegment()
    writeFileSync(path, readFileSync(path).subarray(0, -7))
    const next = open()
    const back: LogEntry[] = []
    for await (const some of next.read(START)) back.push(...some)
    expect(back).toEqual(entries.slice(0, 29))
    // The log in Redis still has the thirtieth.
    const more = entriesAfter(pointOf(entries[28] as LogEntry), 4)
    await next.append(more)
    expect(await readAll()).toEqual([...back, ...more])
  })

  it('keeps what follows the oldest snapshot, and nothing after it was reset', async () => {
    const entries = entriesAfter(START, 30)
    const journal = await written(entries)
    await journal.snapshotTaken(12)
    const more = entriesAfter(pointOf(entries[29] as LogEntry), 5)
    await journal.append(more)
    expect(await readAll(pointOf(entries[11] as LogEntry))).toEqual([...entries.slice(12), ...more])
    await journal.snapshotTaken(30)
    expect(readdirSync(join(folder, 'journal'))).toHaveLength(1)
    expect(await readAll(pointOf(entries[29] as LogEntry))).toEqual(more)
    await journal.reset()
    expect(readdirSync(join(folder, 'journal'))).toEqual([])
    // A segment that came back from a backup, of before the reset, does not continue anything.
    await journal.append(more)
    expect(await readAll()).toEqual([])
  })

  it('sets aside what continues nothing, and what damage hides, where others would remove it', async () => {
    const entries = entriesAfter(START, 30)
    const journal = await written(entries)
    await journal.close()
    // The snapshot before these entries is gone: they fit nothing, and may be all that there is of them.
    expect(await readAll({ position: { epoch: 7, seq: 3 }, hash: 'of something else' })).toEqual([])
    const aside = new SetAside(folder)
    expect(await aside.reaches()).toEqual(pointOf(entries[29] as LogEntry))
    expect(readdirSync(join(folder, 'journal'))).toEqual([])

    const next = await written(entries)
    const path = onlySegment()
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
    writeFileSync(path, bytes)
    await next.close()
    const last = open()
    for await (const _ of last.read(START));
    await last.reset()
    expect(readdirSync(join(folder, 'set-aside')).filter((name) => name.startsWith('unknown~'))).toHaveLength(1)
    // Only what says how far it goes can be known to be elsewhere.
    expect(await aside.release('7-40', [])).toEqual([])
    expect(await aside.release('7-29', ['7-40'])).toEqual([])
    expect(await aside.release('7-30', ['7-12', '7-30'])).toHaveLength(1)
    expect(readdirSync(join(folder, 'set-aside'))).toHaveLength(1)
  })

  it('on a volume that is away says so, and writes the same entries when it is back', async () => {
    const entries = entriesAfter(START, 30)
    const journal = await written(entries)
    await journal.snapshotTaken(30)
    const dir = join(folder, 'journal')
    renameSync(dir, `${dir}-away`)
    writeFileSync(dir, '')
    const more = entriesAfter(pointOf(entries[29] as LogEntry), 5)
    await expect(journal.append(more)).rejects.toThrow(/ENOTDIR/)
    rmSync(dir)
    mkdirSync(dir)
    for (const name of readdirSync(`${dir}-away`)) copyFileSync(join(`${dir}-away`, name), join(dir, name))
    await journal.append(more)
    expect(await readAll(pointOf(entries[29] as LogEntry))).toEqual(more)
  })

  it('takes no batch that leaves a gap after the one before, until it is reset', async () => {
    const entries = entriesAfter(START, 30)
    const journal = await written(entries.slice(0, 20))
    await expect(journal.append(entries.slice(25))).rejects.toThrow('entry 26 was to follow entry 20 in the journal')
    await expect(journal.append(entries.slice(10, 20))).rejects.toThrow(InvariantViolated)
    await journal.append(entries.slice(20, 22))
    expect(await readAll()).toEqual(entries.slice(0, 22))
    await journal.reset()
    await journal.append(entries.slice(25))
    expect(await readAll(pointOf(entries[24] as LogEntry))).toEqual(entries.slice(25))
  })
})
