/**
 * Snapshots on disk: `snapshot-<epoch>-<seq>/` with the live rows in FAISS' own format, their ids and payloads as JSON
 * lines, the centroids, the ids that were let go lately, what requests with idempotency keys have come to, and a manifest.
 * Written to a temporary folder, synced, read back and verified, and only then renamed: what has the name of a snapshot was
 * one. Reading checks every byte; what does not verify is not used, and set aside.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { IdKey } from '../../core/ids.ts'
import { formatPosition, type Position, parsePosition } from '../../core/log/position.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import type { LogTip, RowFlag } from '../../store/log-entry.ts'
import { type CellShape, CellState } from './cell-state.ts'
import { FAISS_HEADER_BYTES, faissHeader } from './faiss-kernel.ts'
import type { RowStore, StoredRow } from './row-store.ts'
import { SetAside } from './set-aside.ts'
import {
  checkShape,
  DamagedSnapshot,
  listSnapshots,
  readManifest,
  SNAPSHOT_FORMAT,
  type SnapshotManifest,
  sealed,
  snapshotPath,
  verifySnapshot,
} from './snapshot-manifest.ts'
import type { TombstoneRecord } from './tombstones.ts'

export const SNAPSHOTS_KEPT = 2
const VECTORS = 'vectors.faiss'
const ROWS = 'rows.jsonl'
const CENTROIDS = 'centroids.bin'
const TOMBSTONES = 'tombstones.jsonl'
const IDEMPOTENCY = 'idempotency.jsonl'
const MANIFEST = 'manifest.json'
const TEMPORARY = 'tmp-'
const WRITE_BYTES = 1024 * 1024
const READ_BYTES = 4 * 1024 * 1024

type EvictedRow = [born: number, userVersion: number, flag: RowFlag, payload: string, vector: string]
type TombstoneLine = [key: IdKey, version: number, target: number | null, since: number, row: EvictedRow | null]
type IdempotencyLine = [request: string, digest: string, at: number, id: IdKey, result: string]
type RowLine = [key: IdKey, born: number, userVersion: number, flag: RowFlag, payload: string]

/** Frozen at the call; the writing yields, so that searches and applies continue. Returns the verified position. */
export async function writeSnapshot(state: CellState, dir: string): Promise<Position> {
  const release = state.rows.hold()
  try {
    return await writeHeld(state, dir)
  } finally {
    release()
  }
}

async function writeHeld(state: CellState, dir: string): Promise<Position> {
  const { tip: point, version, holes, shape, centroids } = state
  const store = state.rows
  state.assertRows()
  const rows = store.liveRows()
  const rowsDigest = store.digest
  const lines = rows.map(
    (row): RowLine => [
      store.keyOf(row),
      store.bornOf(row),
      store.userVersionOf(row),
      store.flagOf(row),
      store.payloadOf(row),
    ],
  )
  const evicted = [...state.tombstones.entries()]
  const idempotency = [...state.idempotency.all()].map(
    ({ request, digest, at, id, result }): IdempotencyLine => [request, digest, at, id, result],
  )
  const name = `snapshot-${formatPosition(point.position)}`
  if (await isThere(join(dir, name), point)) return point.position
  const temporary = join(dir, `${TEMPORARY}${name}`)
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  try {
    const files = [
      await writeFile(
        temporary,
        VECTORS,
        vectorParts(faissHeader(shape.metric, shape.dimension, rows.length), store, rows),
      ),
      await writeFile(temporary, ROWS, lineParts(lines)),
      await writeFile(temporary, CENTROIDS, [centroids.bytes]),
      await writeFile(temporary, TOMBSTONES, lineParts(evicted.map(tombstoneLine))),
      await writeFile(temporary, IDEMPOTENCY, lineParts(idempotency)),
    ]
    const manifest: SnapshotManifest = {
      format: SNAPSHOT_FORMAT,
      owner: shape.owner,
      vectors: shape.vectors,
      position: formatPosition(point.position),
      hash: point.hash,
      version,
      holes: [...holes],
      centroidVersion: centroids.version,
      rows: rows.length,
      digest: rowsDigest,
      files,
    }
    await writeFile(temporary, MANIFEST, [Buffer.from(sealed(manifest))])
    await syncFolder(temporary)
    await verifySnapshot(temporary, name)
    await rename(temporary, join(dir, name))
    await syncFolder(dir)
    return point.position
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

/** Is there a whole snapshot of this very point? What has its name and is none is set aside. */
async function isThere(path: string, point: LogTip): Promise<boolean> {
  if (!existsSync(path)) return false
  try {
    if ((await verifySnapshot(path)).hash === point.hash) return true
  } catch (error) {
    if (!(error instanceof DamagedSnapshot)) throw error
  }
  await setAside(path)
  return false
}

/** Moves a snapshot to a place from which none is loaded. Returns the new path. */
export async function setAside(path: string): Promise<string> {
  // A manifest that is whole names the position of the snapshot, even if other files are damaged.
  const manifest = await readManifest(path).catch(() => undefined)
  const reaches = manifest && { position: parsePosition(manifest.position), hash: manifest.hash }
  return SetAside.beside(dirname(path)).put(path, reaches)
}

/** Removes the files of an interrupted snapshot, before the next is written: they never had the name of one. */
export async function removeUnfinished(dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (name.startsWith(`${TEMPORARY}snapshot-`)) await rm(join(dir, name), { recursive: true, force: true })
}

/** Reads the vectors when they are written: rows never change, and these are held. Rows that follow each other are read together. */
function* vectorParts(header: Buffer, store: RowStore, rows: readonly number[]): Generator<Uint8Array> {
  yield header
  const together = Math.max(1, Math.floor(WRITE_BYTES / (4 * store.dimension)))
  for (let at = 0; at < rows.length; ) {
    const first = rows[at] as number
    let count = 1
    while (count < together && rows[at + count] === first + count) count++
    const block = new Float32Array(count * store.dimension)
    store.kernel.read(first, block)
    yield bytesOf(block)
    at += count
  }
}

function tombstoneLine([key, { version, target, since, row }]: readonly [IdKey, TombstoneRecord]): TombstoneLine {
  const kept: EvictedRow | null = row
    ? [row.born, row.userVersion, row.flag, row.payload, Buffer.from(bytesOf(row.vector)).toString('base64')]
    : null
  return [key, version, target, since, kept]
}

function tombstoneOf(line: string): [IdKey, TombstoneRecord] {
  const [key, version, target, since, kept] = JSON.parse(line) as TombstoneLine
  if (!kept) return [key, { version, target, since, row: undefined }]
  const [born, userVersion, flag, payload, vector] = kept
  const row = { key, born, userVersion, flag, payload, vector: float32View(Buffer.from(vector, 'base64')) }
  return [key, { version, target, since, row }]
}

function* lineParts(lines: readonly (RowLine | TombstoneLine | IdempotencyLine)[]): Generator<Uint8Array> {
  for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`)
}

async function writeFile(dir: string, name: string, parts: Iterable<Uint8Array>) {
  const hash = createHash('sha256')
  const file = await open(join(dir, name), 'w')
  let bytes = 0
  try {
    let pending: Uint8Array[] = []
    let pendingBytes = 0
    const flush = async () => {
      const block = Buffer.concat(pending)
      pending = []
      pendingBytes = 0
      hash.update(block)
      bytes += block.length
      await writeFully(file, block)
    }
    for (const part of parts) {
      pending.push(part)
      pendingBytes += part.byteLength
      if (pendingBytes >= WRITE_BYTES) await flush()
    }
    await flush()
    await file.sync()
  } finally {
    await file.close()
  }
  return { name, bytes, sha256: hash.digest('hex') }
}

async function writeFully(file: FileHandle, block: Buffer): Promise<void> {
  for (let at = 0; at < block.length; ) at += (await file.write(block, at)).bytesWritten
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Removes all but the newest ones: each of these was verified when it got its name, and has been at the last start. */
export async function pruneSnapshots(dir: string): Promise<Position[]> {
  const positions = await listSnapshots(dir)
  for (const old of positions.slice(SNAPSHOTS_KEPT)) await rm(snapshotPath(dir, old), { recursive: true, force: true })
  return positions.slice(0, SNAPSHOTS_KEPT)
}

/**
 * The state of a snapshot, after all checks. Throws DamagedSnapshot, or DATA_OF_ANOTHER_SHAPE where it is not this
 * cell's.
 */
export async function loadSnapshot(shape: CellShape, path: string): Promise<CellState> {
  const manifest = await verifySnapshot(path)
  checkShape(manifest, shape, path)
  const state = new CellState(shape, { position: parsePosition(manifest.position), hash: manifest.hash })
  state.version = manifest.version
  state.holes = manifest.holes
  state.rows.floor = manifest.version
  state.centroids = { version: manifest.centroidVersion, bytes: await readFile(join(path, CENTROIDS)) }
  for (const line of await linesOf(path, TOMBSTONES)) state.tombstones.keep(...tombstoneOf(line))
  for (const line of await linesOf(path, IDEMPOTENCY)) {
    const [request, digest, at, id, result] = JSON.parse(line) as IdempotencyLine
    state.idempotency.note({ request, digest, at, id, result })
  }
  const lines = await linesOf(path, ROWS)
  const vectors = await open(join(path, VECTORS), 'r')
  try {
    const perRead = Math.max(1, Math.floor(READ_BYTES / (4 * shape.dimension)))
    for (let row = 0; row < manifest.rows; row += perRead) {
      const count = Math.min(perRead, manifest.rows - row)
      const block = new Float32Array(count * shape.dimension)
      await vectors.read(bytesOf(block), 0, block.byteLength, FAISS_HEADER_BYTES + row * shape.dimension * 4)
      for (let i = 0; i < count; i++) {
        state.rows.put(
          storedRow(lines[row + i] as string, block.subarray(i * shape.dimension, (i + 1) * shape.dimension)),
        )
      }
    }
  } finally {
    await vectors.close()
  }
  const { size, live, digest, kernel } = state.rows
  if (kernel.rows !== size || size !== manifest.rows || live !== size || digest !== manifest.digest)
    throw new DamagedSnapshot(`${path} does not hold the rows that it names`)
  return state
}

async function linesOf(path: string, name: string): Promise<string[]> {
  return (await readFile(join(path, name), 'utf8')).split('\n').filter(Boolean)
}

function storedRow(line: string, vector: Float32Array): StoredRow {
  const [key, born, userVersion, flag, payload] = JSON.parse(line) as RowLine
  return { key, born, userVersion, flag, payload, vector }
}
