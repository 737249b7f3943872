/** Entries of a cell's log as they are read back: decoded, and each checked against the hash of the one before. */
import { createHash, hash } from 'node:crypto'
import type { IdKey } from '../core/ids.ts'
import { formatPosition, type Position, parsePosition } from '../core/log/position.ts'

export type EntryType = 'I' | 'R' | 'E' | 'U' | 'P' | 'T' | 'N' | 'C' | 'W'
export type RowFlag = 'o' | 'c' | 'l'

export interface LogEntry {
  position: Position
  type: EntryType
  /** Ordering version. */
  version: number
  userVersion: number
  key: IdKey
  /** U: what the cell is to the row (RowFlag). P: the same, and the version that is changed (`parseEditFlag`). T: the cell of the id's owner row, '' for a delete, '-' for a row that a repair evicted. */
  flag: string
  /** Result of a request with an idempotency key by this entry (`core/log/idempotency.ts`); '' for none. */
  idempotency: string
  hash: string
  row: Buffer
}

const TYPES = new Set(['I', 'R', 'E', 'U', 'P', 'T', 'N', 'C', 'W'])
const NO_ROW = Buffer.alloc(0)
const BAR = '|'.charCodeAt(0)
/** Of the hash of an entry, in hex digits. */
export const HASH_LENGTH = 20
const SCRATCH = Buffer.allocUnsafe(16 * 1024)

/** Throws if a head begins with a type that this version does not know. */
export function checkType(bytes: Uint8Array, { start, end }: { start: number; end: number }): void {
  const letter = String.fromCharCode(bytes[start] ?? 0)
  if (end - start < 2 || bytes[start + 1] !== BAR || !TYPES.has(letter)) {
    throw unknownType(Buffer.from(bytes.subarray(start, end)).toString().split('|', 1)[0])
  }
}

function unknownType(type: string | undefined): Error {
  return new Error(`the log has an entry of type "${type}", which this version does not know`)
}

/** What an entry is beside its position, its row and its hash. */
export type EntryHead = Pick<LogEntry, 'type' | 'version' | 'userVersion' | 'key' | 'flag' | 'idempotency'>

/** Throws on a type that this version does not know, and on a text that is no head: `t|v|u|f|o|bytes of i|i|`. */
export function decodeHead(head: string): EntryHead {
  let at = 0
  const next = (): string => {
    const bar = head.indexOf('|', at)
    if (bar < 0) throw new Error('the log has an entry whose head is cut short')
    const part = head.slice(at, bar)
    at = bar + 1
    return part
  }
  const type = next()
  if (!TYPES.has(type)) throw unknownType(type)
  const [version, userVersion, flag, idempotency, keyBytes] = [Number(next()), Number(next()), next(), next(), next()]
  // The id is last, for it may hold any character.
  const key = head.slice(at, -1)
  if (Buffer.byteLength(key) !== Number(keyBytes)) throw new Error('the log has an entry whose head is cut short')
  return { type: type as EntryType, version, userVersion, key: key as IdKey, flag, idempotency }
}

/** The text that `decodeHead` reads. */
export function headOf({ type, version, userVersion, key, flag, idempotency }: EntryHead): string {
  return [type, version, userVersion, flag, idempotency, Buffer.byteLength(key), key, ''].join('|')
}

/** One reply item of XRANGE or XREAD, read as buffers: the fields e, the head; h, the hash; d, the row. Throws as `decodeHead`. */
export function decodeEntry(item: [Buffer, Buffer[]]): LogEntry {
  const [id, fields] = item
  const valueOf = (name: string): Buffer | undefined => {
    const letter = name.charCodeAt(0)
    for (let i = 0; i < fields.length; i += 2) if ((fields[i] as Buffer)[0] === letter) return fields[i + 1]
    return undefined
  }
  return {
    ...decodeHead((valueOf('e') ?? NO_ROW).toString()),
    position: parsePosition(id.toString('latin1')),
    hash: valueOf('h')?.toString('latin1') ?? '',
    row: valueOf('d') ?? NO_ROW,
  }
}

/** The flag of an entry P: what the cell is to the row, and the ordering version of the row that it changes. */
export function parseEditFlag(flag: string): { flag: RowFlag; base: number } {
  return { flag: flag.charAt(0) as RowFlag, base: Number(flag.slice(1)) }
}

/** sha1(previous hash | id | t | v | u | f | o | bytes of i | i | d), 20 hex digits: what lib.lua writes. */
export function hashEntry(previous: string, entry: Omit<LogEntry, 'hash'>): string {
  const head = `${previous}|${formatPosition(entry.position)}|${headOf(entry)}`
  return sha1(head, entry.row).slice(0, HASH_LENGTH)
}

/** Of two parts, in hex. Most entries are small, and are hashed in one call without an object for it. */
function sha1(head: string, row: Buffer): string {
  // A unit of a string takes three bytes at most.
  if (3 * head.length + row.length > SCRATCH.length) return createHash('sha1').update(head).update(row).digest('hex')
  const at = SCRATCH.write(head)
  row.copy(SCRATCH, at)
  return hash('sha1', SCRATCH.subarray(0, at + row.length), 'hex')
}

export interface LogTip {
  position: Position
  hash: string
}

/** The log and what this pod has applied do not fit together: a gap (trimmed below us) or another timeline. */
export class LogMismatch extends Error {
  readonly kind: 'gap' | 'fork'
  /** Entries before the one that does not fit. */
  readonly fitting: number
  constructor(kind: 'gap' | 'fork', fitting: number, message: string) {
    super(message)
    this.name = 'LogMismatch'
    this.kind = kind
    this.fitting = fitting
  }
}

/** Checks that `entries` continue the log after `point`; returns the point after them. */
export function verifyChain(point: LogTip, entries: readonly LogEntry[]): LogTip {
  let at = point
  for (const [fitting, entry] of entries.entries()) {
    // A log that was lost with all its traces begins again above everything that was in it.
    const begins = entry.type === 'I' && at.position.seq === 0
    if (entry.position.seq !== at.position.seq + 1 && !begins) {
      throw new LogMismatch(
        'gap',
        fitting,
        `after ${formatPosition(at.position)} the log continues with ${formatPosition(entry.position)}`,
      )
    }
    if (hashEntry(at.hash, entry) !== entry.hash) {
      throw new LogMismatch(
        'fork',
        fitting,
        `entry ${formatPosition(entry.position)} does not continue what was applied`,
      )
    }
    at = { position: entry.position, hash: entry.hash }
  }
  return at
}

/** How many of the entries continue the log after `point`. */
export function countFitting(point: LogTip, entries: readonly LogEntry[]): number {
  try {
    verifyChain(point, entries)
    return entries.length
  } catch (thrown) {
    if (thrown instanceof LogMismatch) return thrown.fitting
    throw thrown
  }
}
