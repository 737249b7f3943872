/**
 * The level `Journal`: a copy of the cell's log on the pod's own volume, from the oldest snapshot kept there on. Entries are
 * synced before they are reported as applied, so that an acknowledged write outlives the loss of Redis and the
 * death of every pod at once. Records are length, CRC-32, entry; what makes them trustworthy is the chain of the log: an
 * entry that does not continue the one before is where a segment ends, torn, damaged or not.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { IdKey } from '../../core/ids.ts'
import { assertContinues } from '../../core/log/log-invariants.ts'
import { formatPosition, parsePosition } from '../../core/log/position.ts'
import { countFitting, type EntryType, type LogEntry, type LogTip, verifyChain } from '../../store/log-entry.ts'
import { SetAside } from '../index/set-aside.ts'

const FRAME_BYTES = 8
/** A longer record is none: an entry is bounded by the size of a commit. */
const RECORD_BYTES_MAX = 64 * 1024 * 1024

interface Segment {
  path: string
  /** seq of its last entry. */
  last: number
  /** It holds entries that do not continue the replica state, or damage: never removed for being old. */
  unread?: Unread | undefined
}

/** `reaches`: the last entry that is whole; undefined where damage hides how far it goes. */
interface Unread {
  reaches: LogTip | undefined
}

export class Journal {
  readonly #dir: string
  readonly #setAside: SetAside
  #segments: Segment[] = []
  #next = 1
  #file: FileHandle | undefined
  /** Number of the last entry that this process has appended; undefined before the first, and after a reset. */
  #appended: number | undefined
  /** One thing after the other: a snapshot that ends a segment must not cut into an append. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(dataDir: string) {
    this.#dir = join(dataDir, 'journal')
    this.#setAside = new SetAside(dataDir)
  }

  /** The entries after `point` that continue it, one segment at a time. */
  async *read(point: LogTip): AsyncGenerator<LogEntry[]> {
    await mkdir(this.#dir, { recursive: true })
    const numbers = (await readdir(this.#dir)).map((name) => Number(/^segment-(\d+)\.log$/.exec(name)?.[1]))
    let at = point
    for (const number of numbers.filter((one) => one > 0).sort((a, b) => a - b)) {
      const path = this.#path(number)
      const { entries: all, damaged } = decodeAll(await readFile(path))
      const entries = all.filter((entry) => entry.position.seq > at.position.seq)
      const fitting = entries.slice(0, countFitting(at, entries))
      this.#next = number + 1
      const unread =
        damaged || fitting.length < entries.length ? { reaches: damaged ? undefined : all.at(-1) } : undefined
      if (unread && fitting.length === 0) {
        await this.#putAside(path, unread)
        continue
      }
      this.#segments.push({ path, last: Math.max(at.position.seq, fitting.at(-1)?.position.seq ?? 0), unread })
      if (fitting.length === 0) continue
      at = verifyChain(at, fitting)
      yield fitting
    }
  }

  /** Returns when the entries are on the disk. Throws what the disk says; nothing of the batch counts then. */
  append(entries: readonly LogEntry[]): Promise<void> {
    return this.#inTurn(() => this.#append(entries))
  }

  /** The oldest snapshot holds all up to `seq`: what ends there is forgotten, and what follows goes to a new segment. */
  snapshotTaken(seq: number): Promise<void> {
    return this.#inTurn(() => this.#forget(seq))
  }

  /** The replica state continues from another snapshot, which the entries in the journal do not continue. */
  reset(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#forget(Number.POSITIVE_INFINITY)
      this.#appended = undefined
    })
  }

  async #forget(seq: number): Promise<void> {
    await this.#cut()
    const old = this.#segments.filter((segment) => segment.last <= seq)
    for (const { path, unread } of old) {
      if (unread) await this.#putAside(path, unread)
      else await rm(path, { force: true })
    }
    this.#segments = this.#segments.filter((segment) => !old.includes(segment))
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#cut())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => undefined)
    return next
  }

  async #append(entries: readonly LogEntry[]): Promise<void> {
    const [first] = entries
    const last = entries.at(-1)?.position.seq
    if (first === undefined || last === undefined) return
    assertContinues(this.#appended, first.position.seq)
    try {
      this.#file ??= await this.#begin()
      await this.#file.appendFile(Buffer.concat(entries.flatMap(encode)))
      await this.#file.datasync()
    } catch (error) {
      // After a failed sync it is unknown which bytes of the file are on the disk: the next try goes to another one.
      await this.#cut()
      throw error
    }
    const segment = this.#segments.at(-1)
    if (segment) segment.last = last
    this.#appended = last
  }

  async #putAside(path: string, { reaches }: Unread): Promise<void> {
    await this.#setAside.put(path, reaches && { position: reaches.position, hash: reaches.hash })
  }

  async #cut(): Promise<void> {
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
  }

  async #begin(): Promise<FileHandle> {
    const path = this.#path(this.#next++)
    const file = await open(path, 'wx')
    this.#segments.push({ path, last: 0 })
    const folder = await open(this.#dir, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
    return file
  }

  #path(number: number): string {
    return join(this.#dir, `segment-${String(number).padStart(8, '0')}.log`)
  }
}

function encode(entry: LogEntry): Buffer[] {
  const { position, type, version, userVersion, key, flag, idempotency, hash, row } = entry
  const head = Buffer.from(
    JSON.stringify([formatPosition(position), type, version, userVersion, key, flag, idempotency, hash]),
  )
  const frame = Buffer.alloc(FRAME_BYTES + 4)
  frame.writeUInt32LE(4 + head.length + row.length, 0)
  frame.writeUInt32LE(head.length, FRAME_BYTES)
  frame.writeUInt32LE(crc32(row, crc32(head, crc32(frame.subarray(FRAME_BYTES)))), 4)
  return [frame, head, row]
}

/**
 * The records up to the first that is torn or damaged. One that ends with the file is torn: it was never synced, and its entry
 * never reported as applied. Damage is reported apart, since whole records may follow it.
 */
function decodeAll(bytes: Buffer): { entries: LogEntry[]; damaged: boolean } {
  const entries: LogEntry[] = []
  for (let at = 0; at + FRAME_BYTES + 4 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    const body = bytes.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length)
    if (length < 4 || length > RECORD_BYTES_MAX) return { entries, damaged: true }
    if (body.length !== length) break
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) return { entries, damaged: true }
    const headLength = body.readUInt32LE(0)
    const [position, type, version, userVersion, key, flag, idempotency, hash] = JSON.parse(
      body.toString('utf8', 4, 4 + headLength),
    ) as [string, EntryType, number, number, IdKey, string, string, string]
    const row = body.subarray(4 + headLength)
    entries.push({ position: parsePosition(position), type, version, userVersion, key, flag, idempotency, hash, row })
    at += FRAME_BYTES + length
  }
  return { entries, damaged: false }
}
