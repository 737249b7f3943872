/** What a pod finds on its volume after its previous process, and what it keeps of a replica state that the log does not hold. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { hashEntry, type LogEntry, type LogTip } from '../../store/log-entry.ts'
import { SetAside } from '../index/set-aside.ts'
import type { Pod } from '../pod/pod.ts'
import { HighWaterMark } from '../recovery/high-water-mark.ts'
import { ReplicaVolume } from './replica-volume.ts'

const START: LogTip = { position: ORIGIN, hash: '' }
const tipAt = (seq: number): LogTip => ({ position: { epoch: 7, seq }, hash: `0123456789abcdef000${seq}` })

let folder: string
const opened: ReplicaVolume[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maksdb-volume-'))
  mkdirSync(join(folder, 'snapshots'))
})
afterEach(() => {
  for (const volume of opened.splice(0)) volume.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The volume as the next process of the pod finds it. */
function open(durability: 'Fsync' | 'Journal' = 'Fsync'): ReplicaVolume {
  const pod = {
    env: { MAKSDB_DATA_DIR: folder },
    config: { durability },
    snapshotDir: join(folder, 'snapshots'),
    logger: pino({ level: 'silent' }),
  } as unknown as Pod
  const volume = new ReplicaVolume(pod)
  opened.push(volume)
  return volume
}

function firstEntries(count: number): LogEntry[] {
  let hash = ''
  return Array.from({ length: count }, (_, i) => {
    const entry = {
      position: { epoch: 7, seq: i + 1 },
      type: 'U' as const,
      version: i + 1,
      userVersion: i + 1,
      key: idKey(`point ${i}`),
      flag: 'o',
      idempotency: '',
      row: Buffer.from(`row ${i}`),
    }
    hash = hashEntry(hash, entry)
    return { ...entry, hash }
  })
}

async function readJournal(volume: ReplicaVolume): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for await (const entries of volume.journaled(START)) all.push(...entries)
  return all
}

describe('the previous run of a pod', () => {
  it('is the high-water mark, until this process has applied as much', async () => {
    open().writeMark(tipAt(9))
    const next = open()
    await next.readPreviousRun()
    expect(next.previousRunBeyond(START)).toEqual(tipAt(9))
    expect(next.previousRunBeyond(tipAt(8))).toEqual(tipAt(9))
    expect(next.previousRunBeyond(tipAt(9))).toBeUndefined()
  })

  it('is a file that was set aside if that reaches further than the mark', async () => {
    open().writeMark(tipAt(3))
    writeFileSync(join(folder, 'damaged'), 'x')
    await new SetAside(folder).put(join(folder, 'damaged'), tipAt(5))
    const next = open()
    await next.readPreviousRun()
    expect(next.previousRunBeyond(START)).toEqual(tipAt(5))
  })

  it('is forgotten when its loss was accepted, and what was set aside is kept among the lost files', async () => {
    const volume = open()
    volume.writeMark(tipAt(3))
    writeFileSync(join(folder, 'damaged'), 'x')
    await new SetAside(folder).put(join(folder, 'damaged'), tipAt(5))
    await volume.readPreviousRun()
    await volume.forgetPreviousRun()
    expect(volume.previousRunBeyond(START)).toBeUndefined()
    const next = open()
    await next.readPreviousRun()
    expect(next.previousRunBeyond(START)).toBeUndefined()
    expect(readdirSync(join(folder, 'lost'))).toEqual([expect.stringMatching(/^set-aside-\d+$/)])
  })
})

describe('a roll back', () => {
  it('keeps the mark no longer, and moves the snapshots that the log does not hold, and no older one', async () => {
    const volume = open()
    volume.writeMark(tipAt(6))
    for (const position of ['7-4', '7-6']) mkdirSync(join(folder, 'snapshots', `snapshot-${position}`))
    const aside = await volume.beginRollBack(tipAt(6))
    expect(existsSync(aside)).toBe(true)
    await volume.finishRollBack(tipAt(6), aside)
    expect(readdirSync(join(folder, 'snapshots'))).toEqual(['snapshot-7-4'])
    expect(readdirSync(aside)).toEqual(['old-7-6'])
    expect(new HighWaterMark(folder).read()).toBeUndefined()
  })
})

describe('the journal of a volume', () => {
  it('gives the next process the entries that this one has appended at the level Journal', async () => {
    const entries = firstEntries(5)
    const volume = open('Journal')
    expect(await readJournal(volume)).toEqual([])
    await volume.append(entries)
    expect(await readJournal(open('Journal'))).toEqual(entries)
  })

  it('is not written at any other level', async () => {
    await open().append(firstEntries(5))
    expect(readdirSync(folder)).toEqual(['snapshots'])
  })

  it('ends with a roll back: its entries continue another log', async () => {
    const volume = open('Journal')
    await readJournal(volume)
    await volume.append(firstEntries(5))
    await volume.finishRollBack(tipAt(5), await volume.beginRollBack(tipAt(5)))
    expect(await readJournal(open('Journal'))).toEqual([])
  })
})
