/**
 * Snapshots on disk: `snapshot-<epoch>-<seq>/` with the rows, chunk by chunk (`snapshot-chunks.ts`), the centroids, the ids that
 * were let go lately, what requests with idempotency keys have come to, and a manifest. Written to a temporary folder, synced,
 * read back and verified, and only then renamed: what has the name of a snapshot was one. Reading checks every byte; what does
 * not verify is not used, and set aside.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { IdKey } from '../../core/ids.ts'
import { formatPosition, type Position, parsePosition } from '../../core/log/position.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import type { LogTip, RowFlag } from '../../store/log-entry.ts'
import { type CellShape, CellState } from './cell-state.ts'
import { SetAside } from './set-aside.ts'
import { freeze, readRows, writeRows } from './snapshot-chunks.ts'
import { readVerified, syncFolder, writeFile } from './snapshot-io.ts'
import {
  checkShape,
  DamagedSnapshot,
  listSnapshots,
  readManifest,
  SNAPSHOT_FORMAT,
  type SnapshotManifest,
  sealed,
  snapshotPath,
  verifyFiles,
  verifySnapshot,
} from './snapshot-manifest.ts'
import type { TombstoneRecord } from './tombstones.ts'
import { whileHeld } from './while-held.ts'

export const SNAPSHOTS_KEPT = 2
const CENTROIDS = 'centroids.bin'
const TOMBSTONES = 'tombstones.jsonl'
const IDEMPOTENCY = 'idempotency.jsonl'
const MANIFEST = 'manifest.json'
const TEMPORARY = 'tmp-'

type EvictedRow = [born: number, userVersion: number, flag: RowFlag, payload: string, vector: string]
type TombstoneLine = [key: IdKey, version: number, target: number | null, since: number, row: EvictedRow | null]
type IdempotencyLine = [request: string, digest: string, at: number, id: IdKey, result: string]

/** Frozen at the call; the writing yields, so that searches and applies continue. Returns the verified position. */
export function writeSnapshot(state: CellState, dir: string): Promise<Position> {
  return whileHeld(state.rows, () => writeHeld(state, dir))
}

async function writeHeld(state: CellState, dir: string): Promise<Position> {
  const { tip: point, version, holes, shape, centroids } = state
  state.assertRows()
  const rows = freeze(state.rows)
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
    const { chunkRows, chunks, files, written, placed } = await writeRows(rows, temporary)
    const others = [
      await writeFile(temporary, CENTROIDS, [centroids.bytes]),
      await writeFile(temporary, TOMBSTONES, lineParts(evicted, tombstoneLine)),
      await writeFile(
        temporary,
        IDEMPOTENCY,
        lineParts(idempotency, (line) => line),
      ),
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
      rows: rows.count,
      digest: rows.digest,
      chunkRows,
      chunks: chunks.map((file) => ({ name: file.name, rows: file.rows })),
      files: [...files, ...others],
    }
    await writeFile(temporary, MANIFEST, [Buffer.from(sealed(manifest))])
    await syncFolder(temporary)
    await readManifest(temporary, name)
    await verifyFiles(temporary, [...written, ...others])
    await rename(temporary, join(dir, name))
    await syncFolder(dir)
    placed(join(dir, name))
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

/** Lines are made when they are written, so that making them does not hold up other calls. */
function* lineParts<T>(
  items: readonly T[],
  lineOf: (item: T) => TombstoneLine | IdempotencyLine,
): Generator<Uint8Array> {
  for (const item of items) yield Buffer.from(`${JSON.stringify(lineOf(item))}\n`)
}

/** Removes all but the newest ones: each of these was verified when it got its name, and has been at the last start. */
export async function pruneSnapshots(dir: string): Promise<Position[]> {
  const positions = await listSnapshots(dir)
  for (const old of positions.slice(SNAPSHOTS_KEPT)) await rm(snapshotPath(dir, old), { recursive: true, force: true })
  return positions.slice(0, SNAPSHOTS_KEPT)
}

/**
 * The state of a snapshot, after all checks: every file is read once, and compared with the manifest. Throws DamagedSnapshot, or
 * DATA_OF_ANOTHER_SHAPE if it is not this cell's.
 */
export async function loadSnapshot(shape: CellShape, path: string): Promise<CellState> {
  const manifest = await readManifest(path)
  checkShape(manifest, shape, path)
  const state = new CellState(shape, { position: parsePosition(manifest.position), hash: manifest.hash })
  state.version = manifest.version
  state.holes = manifest.holes
  state.rows.floor = manifest.version
  const content = (name: string) => {
    const file = manifest.files.find((one) => one.name === name)
    if (!file) throw new DamagedSnapshot(`${path} lists no ${name}`)
    return readVerified(path, file)
  }
  state.centroids = { version: manifest.centroidVersion, bytes: await content(CENTROIDS) }
  for (const line of linesIn(await content(TOMBSTONES))) state.tombstones.keep(...tombstoneOf(line))
  for (const line of linesIn(await content(IDEMPOTENCY))) {
    const [request, digest, at, id, result] = JSON.parse(line) as IdempotencyLine
    state.idempotency.note({ request, digest, at, id, result })
  }
  state.rows.reserve(manifest.rows)
  await readRows(state.rows, manifest, path)
  const { live, digest } = state.rows
  if (live !== manifest.rows || digest !== manifest.digest)
    throw new DamagedSnapshot(`${path} does not hold the rows that it names`)
  state.assertRows()
  return state
}

function linesIn(content: Buffer): string[] {
  return content.toString().split('\n').filter(Boolean)
}
