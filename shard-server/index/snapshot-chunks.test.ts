/** The rows of snapshots: written once, linked afterwards, and the same when they are read. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { CellState } from './cell-state.ts'
import { makeKernel } from './make-kernel.ts'
import { RowStore } from './row-store.ts'
import { freeze, readRows, writeRows } from './snapshot-chunks.ts'
import { loadSnapshot, pruneSnapshots, writeSnapshot } from './snapshot-files.ts'
import { listSnapshots, readManifest, snapshotPath, VerifiedFiles, verifySnapshot } from './snapshot-manifest.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-chunks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Long rows, so that a chunk has few of them. */
const DIMENSION = 8192
const shape = {
  owner: 'default/things/0',
  dimension: DIMENSION,
  metric: 'L2' as const,
  vectors: { '': { size: DIMENSION, metric: 'L2' as const } },
  scratchDir: folder,
}

class Cell {
  state: CellState
  readonly dir: string
  #seq = 0

  constructor(name: string) {
    this.state = new CellState(shape, { position: ORIGIN, hash: '' })
    this.dir = join(folder, name)
  }

  /** Every third id is a text. */
  put(from: number, to: number): void {
    for (let id = from; id < to; id++) {
      const born = ++this.state.version
      const vector = new Float32Array(DIMENSION).fill(id + born / 1000)
      const payload = id % 2 === 0 ? '' : `{"é":${born}}`
      const key = idKey(id % 3 === 0 ? `film ${id}` : id)
      this.state.rows.put({ key, born, userVersion: born + 1, flag: id % 5 === 0 ? 'c' : 'o', payload, vector })
    }
  }

  /** Returns its path, and the inodes of its chunks by name. */
  async snapshot(): Promise<{ path: string; chunks: Map<string, number> }> {
    this.state.tip = { position: { epoch: 1, seq: ++this.#seq }, hash: `h${this.#seq}` }
    const path = snapshotPath(this.dir, await writeSnapshot(this.state, this.dir))
    const names = readdirSync(path).filter((name) => name.endsWith('.chunk'))
    return { path, chunks: new Map(names.map((name) => [name, statSync(join(path, name)).ino])) }
  }
}

const liveRows = ({ rows }: CellState) =>
  rows
    .liveRows()
    .map((row) => rows.at(row))
    .sort((a, b) => a.born - b.born)

const shared = (a: Map<string, number>, b: Map<string, number>) => [...a].filter(([name, ino]) => b.get(name) === ino)

describe('the chunks of a snapshot', () => {
  it('are written once if they are full, and linked by later snapshots, also after a restart', async () => {
    const cell = new Cell('linked')
    const { chunkRows } = cell.state.rows.kernel
    cell.put(0, 4 * chunkRows + 5)
    const first = await cell.snapshot()
    expect(first.chunks.size).toBe(5)
    cell.put(3, 9)
    const second = await cell.snapshot()
    expect(second.chunks.size).toBe(5)
    expect(shared(first.chunks, second.chunks)).toHaveLength(4)
    const loaded = await loadSnapshot(shape, second.path)
    expect(liveRows(loaded)).toEqual(liveRows(cell.state))
    expect([loaded.rows.size, loaded.rows.dead]).toEqual([4 * chunkRows + 11, 6])
    cell.state = loaded
    cell.put(9, 9 + chunkRows)
    const third = await cell.snapshot()
    expect(shared(second.chunks, third.chunks)).toHaveLength(4)
    await pruneSnapshots(cell.dir)
    expect(readdirSync(cell.dir)).toHaveLength(2)
    await verifySnapshot(third.path)
    expect(liveRows(await loadSnapshot(shape, third.path))).toEqual(liveRows(cell.state))
  })

  it('are not read again where another snapshot links what was verified; all others are', async () => {
    const cell = new Cell('verified')
    cell.put(0, cell.state.rows.kernel.chunkRows + 5)
    const first = await cell.snapshot()
    cell.put(3, 9)
    const second = await cell.snapshot()
    const known = new VerifiedFiles()
    await known.addAll(second.path)
    const { files } = await readManifest(first.path)
    const have = await Promise.all(files.map((file) => known.has(first.path, file)))
    const linked = shared(first.chunks, second.chunks).map(([name]) => name)
    expect(linked).toHaveLength(1)
    expect(files.filter((_, i) => have[i]).map(({ name }) => name)).toEqual(linked)
    await verifySnapshot(first.path, known)
    const [own] = [...first.chunks.keys()].filter((name) => !linked.includes(name)) as [string]
    appendFileSync(join(first.path, own), '!')
    const others = new VerifiedFiles()
    await others.addAll(second.path)
    await expect(verifySnapshot(first.path, others)).rejects.toThrow(/damaged/)
  })

  it('are written again if the snapshot that had them is gone', async () => {
    const cell = new Cell('gone')
    const { chunkRows } = cell.state.rows.kernel
    cell.put(0, 2 * chunkRows)
    const first = await cell.snapshot()
    rmSync(first.path, { recursive: true })
    const second = await cell.snapshot()
    expect([...second.chunks.keys()]).toEqual([...first.chunks.keys()])
    expect(liveRows(await loadSnapshot(shape, second.path))).toEqual(liveRows(cell.state))
  })

  it('follow the cleaning of rows: those of dropped chunks are in no later snapshot', async () => {
    const cell = new Cell('cleaned')
    const { rows } = cell.state
    const { chunkRows } = rows.kernel
    cell.put(0, 3 * chunkRows)
    const first = await cell.snapshot()
    cell.put(0, chunkRows)
    // In the middle of a chunk, too.
    for (const most of [chunkRows, 7]) rows.clean(most)
    const second = await cell.snapshot()
    expect(rows.first).toBe(chunkRows)
    expect(shared(first.chunks, second.chunks)).toHaveLength(2)
    // The second and third chunk, the rows that were written since, and the dead ones that were moved.
    expect(rows.chunkFiles.size).toBe(4)
    const loaded = await loadSnapshot(shape, second.path)
    expect(liveRows(loaded)).toEqual(liveRows(cell.state))
    expect(loaded.rows.first).toBe(0)
  })

  it('are those of the moment of the call, whatever is written meanwhile', async () => {
    const cell = new Cell('frozen')
    const { rows } = cell.state
    const { chunkRows } = rows.kernel
    cell.put(0, 3 * chunkRows + 3)
    const before = liveRows(cell.state)
    const writing = cell.snapshot()
    cell.put(0, 2 * chunkRows)
    rows.clean(2 * chunkRows)
    const { path } = await writing
    expect(liveRows(await loadSnapshot(shape, path))).toEqual(before)
  })

  it('can be read by a kernel whose chunks are of another length', async () => {
    const cell = new Cell('other')
    cell.put(0, 100)
    const { path } = await cell.snapshot()
    const manifest = await readManifest(path)
    const { scratchDir } = shape
    const store = new RowStore(makeKernel('L2', DIMENSION, scratchDir, 4 * cell.state.rows.kernel.chunkRows))
    await readRows(store, manifest, path)
    expect([store.digest, store.chunkFiles.size]).toEqual([cell.state.rows.digest, 0])
  })

  it('are not written of rows that are not what was put', async () => {
    const cell = new Cell('changed')
    cell.put(0, 50)
    const { kernel } = cell.state.rows
    const read = kernel.read.bind(kernel)
    kernel.read = (from, into) => {
      read(from, into)
      if (from === 0) into[3 * DIMENSION + 7] = 1
    }
    await expect(cell.snapshot()).rejects.toThrow(InvariantViolated)
    await expect(cell.snapshot()).rejects.toThrow('row 3 is not what was put')
    expect(await listSnapshots(cell.dir)).toEqual([])
  })

  it('have several files if their payloads are long, which are linked together', async () => {
    const cell = new Cell('several')
    const { rows } = cell.state
    const { chunkRows } = rows.kernel
    cell.put(0, 2 * chunkRows + 1)
    const write = async (name: string) => {
      const into = join(cell.dir, name)
      mkdirSync(into, { recursive: true })
      const written = await writeRows(freeze(rows), into, 10 * 4 * DIMENSION)
      written.placed(into)
      return { into, written }
    }
    const first = await write('first')
    expect(first.written.chunks.length).toBeGreaterThan(2 * (chunkRows / 10))
    const second = await write('second')
    // Beside the bitmap, the open chunk.
    expect(second.written.written).toHaveLength(2)
    const store = new RowStore(makeKernel('L2', DIMENSION, folder))
    await readRows(store, second.written, second.into)
    expect([store.digest, [...store.chunkFiles.keys()]]).toEqual([rows.digest, [0, chunkRows]])
    const copy = join(cell.dir, 'copy')
    cpSync(second.into, copy, { recursive: true })
    rmSync(join(copy, second.written.chunks[1]?.name as string))
    await expect(readRows(new RowStore(makeKernel('L2', DIMENSION, folder)), second.written, copy)).rejects.toThrow(
      /damaged: ENOENT/,
    )
  })
})
