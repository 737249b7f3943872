/**
 * The rows of a snapshot: a file for each chunk, or several if its payloads are long, and a bitmap of the rows that live.
 * A full chunk never changes, so it is written once; later snapshots link its files.
 */
import { link, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { BLOCK_ROWS, blockParts, blocksOf } from './row-block.ts'
import { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'
import { contentsOf, readVerified, writeFile } from './snapshot-io.ts'
import { type ChunkFile, DamagedSnapshot, type SnapshotFile, type SnapshotManifest } from './snapshot-manifest.ts'

const LIVE = 'live.bin'
/** Chunks that are written at once, so that one is made while others are synced. */
const WRITES = 4
/** Of a file: a chunk whose rows take more has several. */
const FILE_BYTES = 64 * 1024 * 1024
const HASH_CHARS = 32

/** The rows of a store at one moment: a few numbers and a bitmap. The store must be held until they are written. */
export interface FrozenRows {
  store: RowStore
  first: number
  end: number
  live: Uint32Array<ArrayBuffer>
  count: number
  digest: string
}

export function freeze(store: RowStore): FrozenRows {
  const { firstInUse: first, end, digest, live: count } = store
  return { store, first, end, digest, count, live: store.maskAt(undefined).slice(first, end) }
}

export interface WrittenRows {
  chunkRows: number
  chunks: ChunkFile[]
  /** All of them, each once. */
  files: SnapshotFile[]
  /** Those that no snapshot had before. */
  written: SnapshotFile[]
  /** Calls it where the snapshot has got its name, with its folder. */
  placed: (folder: string) => void
}

/**
 * Writes rows into a folder, or links the files of full chunks that a former snapshot has.
 * @param fileBytes a file ends with the row that reaches it
 */
export async function writeRows(frozen: FrozenRows, folder: string, fileBytes = FILE_BYTES): Promise<WrittenRows> {
  const { store, first, end } = frozen
  const { chunkRows } = store.kernel
  const live = await writeFile(folder, LIVE, [bytesOfWords(frozen.live)])
  const written = [live]
  const ofChunks = new Map<number, readonly ChunkFile[]>()
  for (let from = first; from < end; from += chunkRows) ofChunks.set(from, [])
  await eachOf([...ofChunks.keys()], WRITES, async (from) => {
    const known = store.chunkFiles.get(from)
    if (known && (await linkAll(known, folder))) ofChunks.set(from, known.files)
    else {
      const ofChunk = await writeChunk(store, [from, Math.min(end, from + chunkRows)], folder, fileBytes)
      written.push(...ofChunk)
      ofChunks.set(from, ofChunk)
    }
  })
  const chunks = [...ofChunks.values()].flat()
  const files = [...new Map([live, ...chunks].map((file) => [file.name, file])).values()]
  const placed = (path: string) => {
    for (const [from, ofChunk] of ofChunks)
      if (from + chunkRows <= end && from >= store.first) store.chunkFiles.set(from, { folder: path, files: ofChunk })
  }
  return { chunkRows, chunks, files: files.map(withoutRows), written: written.map(withoutRows), placed }
}

/** Does the work of some items at once. After an error it begins no other, and throws when those that it began have ended. */
async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      try {
        await work(items[next++] as T)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  for (const ended of await Promise.allSettled(Array.from({ length: atOnce }, worker)))
    if (ended.status === 'rejected') throw ended.reason
}

const withoutRows = ({ name, bytes, sha256 }: SnapshotFile): SnapshotFile => ({ name, bytes, sha256 })

/** False if one of them is there no more, or the volume links none. */
async function linkAll({ folder, files }: { folder: string; files: readonly ChunkFile[] }, into: string) {
  for (const { name } of files) {
    try {
      await link(join(folder, name), join(into, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

async function writeChunk(
  store: RowStore,
  [first, end]: [number, number],
  folder: string,
  fileBytes: number,
): Promise<ChunkFile[]> {
  const files: ChunkFile[] = []
  for (let from = first; from < end; ) {
    const to = fileEnd(store, from, end, fileBytes)
    const unnamed = `chunk-${from.toString(16)}.tmp`
    const file = await writeFile(folder, unnamed, partsOf(store, from, to))
    const name = `rows-${file.sha256.slice(0, HASH_CHARS)}.chunk`
    await rename(join(folder, unnamed), join(folder, name))
    files.push({ ...file, name, rows: to - from })
    from = to
  }
  return files
}

/** Made when they are written, block by block. */
function* partsOf(store: RowStore, from: number, to: number): Generator<Uint8Array> {
  for (let row = from; row < to; row += BLOCK_ROWS) yield* blockParts(store.block(row, Math.min(to, row + BLOCK_ROWS)))
}

/** The row before which a file ends that begins with `from`. */
function fileEnd(store: RowStore, from: number, end: number, fileBytes: number): number {
  let bytes = 0
  let to = from
  while (to < end && bytes < fileBytes) bytes += 4 * store.dimension + store.payloadBytesOf(to++).length
  return to
}

type RowsManifest = Pick<SnapshotManifest, 'chunkRows' | 'chunks' | 'files'>

/** Appends the rows of a snapshot to a store without rows, file by file. Throws DamagedSnapshot. */
export async function readRows(store: RowStore, manifest: RowsManifest, folder: string): Promise<void> {
  const files = new Map(manifest.files.map((file) => [file.name, file]))
  const fileOf = (name: string): SnapshotFile => {
    const file = files.get(name)
    if (!file) throw new DamagedSnapshot(`${folder} lists no ${name}`)
    return file
  }
  const words = await readVerified(folder, fileOf(LIVE))
  const live = RowMask.of(new Uint32Array(new Uint8Array(words).buffer))
  let n = 0
  const chunks = manifest.chunks.map(({ name }) => fileOf(name))
  for await (const bytes of contentsOf(folder, chunks)) {
    const { name, rows } = manifest.chunks[n++] as { name: string; rows: number }
    if (!restoreAll(store, bytes, rows, live))
      throw new DamagedSnapshot(`${join(folder, name)} does not hold ${rows} rows of the cell`)
  }
  if (manifest.chunkRows === store.kernel.chunkRows) noteFiles(store, manifest, folder)
}

/** False if the bytes are not those of so many rows of one state. */
function restoreAll(store: RowStore, bytes: Buffer, rows: number, live: RowMask): boolean {
  try {
    for (const block of blocksOf(bytes, rows, store.dimension)) {
      const first = store.end
      if (!store.restore(block, (n) => live.has(first + n))) return false
    }
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The next snapshot links the files of full chunks. */
function noteFiles(store: RowStore, { chunkRows, chunks, files }: RowsManifest, folder: string): void {
  const byName = new Map(files.map((file) => [file.name, file]))
  const ofChunks = new Map<number, ChunkFile[]>()
  let row = 0
  for (const { name, rows } of chunks) {
    const from = row - (row % chunkRows)
    ofChunks.set(from, [...(ofChunks.get(from) ?? []), { ...(byName.get(name) as SnapshotFile), rows }])
    row += rows
  }
  for (const [from, ofChunk] of ofChunks)
    if (from + chunkRows <= row) store.chunkFiles.set(from, { folder, files: ofChunk })
}

function bytesOfWords(words: Uint32Array<ArrayBuffer>): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}
