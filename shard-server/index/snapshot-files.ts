/**
 * Snapshots on disk: `snapshot-<epoch>-<seq>/` with the live rows in FAISS' own format, their ids and payloads as JSON
 * lines, the centroids, the ids that were let go lately, what requests with idempotency keys have come to, and a manifest
 * with whose they are, the length and sha256 of each file, and its own sha256. Written to a temporary folder, synced,
 * renamed, read back and verified; only then does it count. Reading checks every byte; what does not verify is not used.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { IdKey } from '../../core/ids.ts'
import { comparePositions, formatPosition, type Position, parsePosition } from '../../core/position.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { type CellShape, CellState } from './cell-state.ts'
import type { Departed } from './departures.ts'
import { FAISS_HEADER_BYTES, faissHeader } from './flat-index.ts'
import type { StoredRow } from './row-store.ts'

const FORMAT = 4
export const SNAPSHOTS_KEPT = 2
const VECTORS = 'vectors.faiss'
const ROWS = 'rows.jsonl'
const CENTROIDS = 'centroids.bin'
const DEPARTED = 'departed.jsonl'
const ONCE = 'once.jsonl'
const MANIFEST = 'manifest.json'
const WRITE_BYTES = 1024 * 1024

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  owner: z.string(),
  dimension: z.number(),
  metric: z.string(),
  position: z.string(),
  hash: z.string(),
  version: z.number(),
  gaps: z.array(z.tuple([z.number(), z.number()])),
  centroidVersion: z.number(),
  rows: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
})
export type SnapshotManifest = z.infer<typeof manifestSchema>

/** The file of a manifest. Not one byte of it can be otherwise for the same manifest. */
export function sealed(manifest: SnapshotManifest): string {
  const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
  return JSON.stringify({ ...manifest, sha256 }, null, 2)
}

type DepartedRow = [born: number, userVersion: number, flag: RowFlag, payload: string, vector: string]
type DepartedLine = [key: IdKey, version: number, target: number | null, since: number, row: DepartedRow | null]
type OnceLine = [request: string, digest: string, at: number, id: IdKey, result: string]
type RowLine = [key: IdKey, born: number, userVersion: number, flag: RowFlag, payload: string]

/** Frozen at the call; the writing yields, so searches and applies go on meanwhile. Returns the verified position. */
export async function writeSnapshot(state: CellState, dir: string): Promise<Position> {
  const { point, version, gaps, shape, centroids } = state
  const rows = state.rows.liveRows()
  const store = state.rows
  const lines = rows.map(
    (row): RowLine => [
      store.keys[row] as IdKey,
      store.born[row] as number,
      store.userVersions[row] as number,
      store.flags[row] as RowFlag,
      store.payloads[row] as string,
    ],
  )
  const vectors = rows.map((row) => store.vector(row))
  const departed = [...state.departures.entries()]
  const once = [...state.once.all()].map(
    ({ request, digest, at, id, result }): OnceLine => [request, digest, at, id, result],
  )
  const name = `snapshot-${formatPosition(point.position)}`
  const temporary = join(dir, `tmp-${name}`)
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  try {
    const files = [
      await writeFile(
        temporary,
        VECTORS,
        vectorParts(faissHeader(shape.metric, shape.dimension, rows.length), vectors),
      ),
      await writeFile(temporary, ROWS, lineParts(lines)),
      await writeFile(temporary, CENTROIDS, [centroids.bytes]),
      await writeFile(temporary, DEPARTED, lineParts(departed.map(departedLine))),
      await writeFile(temporary, ONCE, lineParts(once)),
    ]
    const manifest: SnapshotManifest = {
      format: FORMAT,
      owner: shape.owner,
      dimension: shape.dimension,
      metric: shape.metric,
      position: formatPosition(point.position),
      hash: point.hash,
      version,
      gaps: [...gaps],
      centroidVersion: centroids.version,
      rows: rows.length,
      files,
    }
    await writeFile(temporary, MANIFEST, [Buffer.from(sealed(manifest))])
    await syncFolder(temporary)
    await rm(join(dir, name), { recursive: true, force: true })
    await rename(temporary, join(dir, name))
    await syncFolder(dir)
    await verifySnapshot(join(dir, name))
    return point.position
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    await rm(join(dir, name), { recursive: true, force: true })
    throw error
  }
}

function* vectorParts(header: Buffer, vectors: readonly Float32Array[]): Generator<Uint8Array> {
  yield header
  for (const vector of vectors) yield bytesOf(vector)
}

function departedLine([key, { version, target, since, row }]: readonly [IdKey, Departed]): DepartedLine {
  const kept: DepartedRow | null = row
    ? [row.born, row.userVersion, row.flag, row.payload, Buffer.from(bytesOf(row.vector)).toString('base64')]
    : null
  return [key, version, target, since, kept]
}

function departedOf(line: string): [IdKey, Departed] {
  const [key, version, target, since, kept] = JSON.parse(line) as DepartedLine
  if (!kept) return [key, { version, target, since, row: undefined }]
  const [born, userVersion, flag, payload, vector] = kept
  const row = { key, born, userVersion, flag, payload, vector: float32View(Buffer.from(vector, 'base64')) }
  return [key, { version, target, since, row }]
}

function* lineParts(lines: readonly (RowLine | DepartedLine | OnceLine)[]): Generator<Uint8Array> {
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

/** Reads every file again and compares it with the manifest, and that with its digest. Throws where anything differs. */
export async function verifySnapshot(path: string): Promise<SnapshotManifest> {
  const text = await readFile(join(path, MANIFEST))
  const manifest = manifestSchema.parse(JSON.parse(text.toString()))
  if (!text.equals(Buffer.from(sealed(manifest)))) throw new Error(`${join(path, MANIFEST)} is damaged`)
  if (path !== snapshotPath(dirname(path), parsePosition(manifest.position)))
    throw new Error(`${path} holds the snapshot of ${manifest.position}`)
  for (const file of manifest.files) {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const part of createReadStream(join(path, file.name), {
      highWaterMark: WRITE_BYTES,
    }) as AsyncIterable<Buffer>) {
      hash.update(part)
      bytes += part.length
    }
    if (bytes !== file.bytes || hash.digest('hex') !== file.sha256)
      throw new Error(`${join(path, file.name)} is damaged`)
  }
  return manifest
}

/** Positions of the snapshots in a folder, newest first. */
export async function listSnapshots(dir: string): Promise<Position[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => /^snapshot-\d+-\d+$/.test(name))
    .map((name) => parsePosition(name.slice('snapshot-'.length)))
    .sort((a, b) => comparePositions(b, a))
}

export function snapshotPath(dir: string, position: Position): string {
  return join(dir, `snapshot-${formatPosition(position)}`)
}

/** Removes all but the newest ones, and what an interrupted snapshot left. */
export async function pruneSnapshots(dir: string): Promise<Position[]> {
  const positions = await listSnapshots(dir)
  for (const old of positions.slice(SNAPSHOTS_KEPT)) await rm(snapshotPath(dir, old), { recursive: true, force: true })
  return positions.slice(0, SNAPSHOTS_KEPT)
}

/** The state of a snapshot, after all checks. Throws where it is damaged or belongs to another collection. */
export async function loadSnapshot(shape: CellShape, path: string): Promise<CellState> {
  const manifest = await verifySnapshot(path)
  if (manifest.owner !== shape.owner) throw new Error(`${path} belongs to ${manifest.owner}, not to ${shape.owner}`)
  if (manifest.dimension !== shape.dimension || manifest.metric !== shape.metric) {
    throw new Error(`${path} holds ${manifest.metric} of dimension ${manifest.dimension}`)
  }
  const state = new CellState(shape, { position: parsePosition(manifest.position), hash: manifest.hash })
  state.version = manifest.version
  state.gaps = manifest.gaps
  state.rows.floor = manifest.version
  state.centroids = { version: manifest.centroidVersion, bytes: await readFile(join(path, CENTROIDS)) }
  for (const line of await linesOf(path, DEPARTED)) state.departures.keep(...departedOf(line))
  for (const line of await linesOf(path, ONCE)) {
    const [request, digest, at, id, result] = JSON.parse(line) as OnceLine
    state.once.note({ request, digest, at, id, result })
  }
  const lines = await linesOf(path, ROWS)
  const vectors = await open(join(path, VECTORS), 'r')
  try {
    const perRead = state.rows.rowsPerChunk
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
  if (manifest.rows > 0) state.index.addFile(join(path, VECTORS))
  if (state.index.rows !== state.rows.size || state.rows.size !== manifest.rows)
    throw new Error(`${path} does not hold the rows that it names`)
  return state
}

async function linesOf(path: string, name: string): Promise<string[]> {
  return (await readFile(join(path, name), 'utf8')).split('\n').filter(Boolean)
}

function storedRow(line: string, vector: Float32Array): StoredRow {
  const [key, born, userVersion, flag, payload] = JSON.parse(line) as RowLine
  return { key, born, userVersion, flag, payload, vector }
}
