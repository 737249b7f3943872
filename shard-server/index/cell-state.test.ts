/** A cell against plain loops; snapshots against every kind of damage. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { byDistance } from '../../core/merge.ts'
import { distance, type Metric } from '../../core/metric.ts'
import { normal, seededRandom } from '../../core/random.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { bytesOf } from '../../core/vector.ts'
import { type AppliedEntry, CellState } from './cell-state.ts'
import { loadSnapshot, pruneSnapshots, writeSnapshot } from './snapshot-files.ts'
import {
  DamagedSnapshot,
  listSnapshots,
  readManifest,
  sealed,
  snapshotPath,
  verifySnapshot,
} from './snapshot-manifest.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-cell-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const DIMENSION = 12

class Played {
  readonly state: CellState
  readonly alive = new Map<IdKey, Float32Array>()
  readonly #random = seededRandom(11)
  #version = 0
  #seq = 0

  constructor(metric: Metric) {
    this.state = new CellState(
      {
        owner: 'default/things/0',
        dimension: DIMENSION,
        metric,
        vectors: { '': { size: DIMENSION, metric } },
        scratchDir: folder,
      },
      { position: ORIGIN, hash: '' },
    )
  }

  vector(): Float32Array {
    return Float32Array.from({ length: DIMENSION }, () => normal(this.#random))
  }

  /** Applies upserts (ids) and deletes (negative ids) as one batch of the log. */
  apply(ids: readonly number[]): void {
    let at = 0
    const rows: Buffer[] = []
    const entries = ids.map((id): AppliedEntry => {
      const key = idKey(Math.abs(id))
      const version = ++this.#version
      const vector = this.vector()
      const row = id < 0 ? Buffer.alloc(0) : encodeRow({ vector, payload: `{"v":${version}}` })
      if (id < 0) this.alive.delete(key)
      else this.alive.set(key, vector)
      rows.push(row)
      const rowStart = at
      at += row.length
      return {
        type: id < 0 ? 'T' : 'U',
        version,
        userVersion: version,
        key,
        flag: id < 0 ? '' : 'o',
        idempotency: '',
        rowStart,
        rowEnd: at,
      }
    })
    this.#seq += ids.length
    this.state.apply(entries, Buffer.concat(rows), { position: { epoch: 1, seq: this.#seq }, hash: `h${this.#seq}` })
  }

  /** Applies the centroids of version 1. */
  publish(): void {
    const bytes = bytesOf(this.vector())
    const entry = {
      version: 0,
      userVersion: 1,
      key: '' as IdKey,
      flag: '',
      idempotency: '',
      rowStart: 0,
      rowEnd: bytes.byteLength,
    }
    this.state.apply([{ ...entry, type: 'C' }], bytes, this.state.tip)
  }

  async expectExact(state: CellState, queries: number, limit: number): Promise<void> {
    const { metric } = state.shape
    const asked = Array.from({ length: queries }, () => this.vector())
    const found = await state.search(asked.map((vector) => ({ vector, limit })))
    asked.forEach((query, i) => {
      const expected = [...this.alive]
        .map(([key, vector]) => ({ key, version: 0, distance: distance(metric, query, vector) }))
        .sort(byDistance)
        .slice(0, limit)
      expect(found[i]?.map(({ key }) => key)).toEqual(expected.map(({ key }) => key))
    })
  }
}

describe.each(['L2', 'InnerProduct', 'Cosine'] as const)('a cell under %s', (metric) => {
  it('is exact while rows are written one by one, in batches, overwritten and deleted', async () => {
    const played = new Played(metric)
    expect(await played.state.search([{ vector: played.vector(), limit: 3 }])).toEqual([[]])
    for (let id = 1; id <= 20; id++) played.apply([id])
    await played.expectExact(played.state, 3, 5)
    played.apply(Array.from({ length: 500 }, (_, i) => i + 1))
    played.apply(Array.from({ length: 200 }, (_, i) => -(2 * i + 1)))
    await played.expectExact(played.state, 30, 10)
    expect((await played.state.search([{ vector: played.vector(), limit: 10_000 }]))[0]).toHaveLength(played.alive.size)
  })
})

describe('an edit of a payload', () => {
  const played = () => {
    const cell = new Played('L2')
    cell.apply([1, 2])
    return cell
  }
  const edit = (state: CellState, version: number, flag: string, payload = '{"edited":true}') => {
    const bytes = Buffer.from(payload)
    const entry = { type: 'P' as const, version, userVersion: version, key: idKey(1), flag, idempotency: '' }
    state.apply([{ ...entry, rowStart: 0, rowEnd: bytes.length }], bytes, state.tip)
    return state.rows.at(state.rows.liveRow(idKey(1)) as number)
  }

  it('gives the row another payload at a new version, and leaves its vector; earlier reads find the old one', () => {
    const { state, alive } = played()
    expect(edit(state, 7, 'c1')).toEqual({
      key: idKey(1),
      born: 7,
      userVersion: 7,
      flag: 'c',
      payload: '{"edited":true}',
      vector: alive.get(idKey(1)),
    })
    expect(state.rows.payloadOf(state.rows.ownerRow(idKey(1), 6) as number)).toBe('{"v":1}')
    expect([state.rows.live, state.rows.dead, state.version]).toEqual([2, 1, 7])
    expect(edit(state, 8, 'o7', '').payload).toBe('')
  })

  it('that is applied twice changes nothing, and of another version than the row has, neither', () => {
    const { state } = played()
    const first = edit(state, 7, 'o1')
    expect(edit(state, 7, 'o1', '"again"')).toEqual(first)
    expect(edit(state, 9, 'o8', '"of another"')).toEqual(first)
    state.apply([{ ...emptyEntry, type: 'T', version: 10 }], Buffer.alloc(0), state.tip)
    const bytes = Buffer.from('{}')
    state.apply([{ ...emptyEntry, type: 'P', version: 11, flag: 'o7', rowEnd: 2 }], bytes, state.tip)
    expect(state.rows.liveRow(idKey(1))).toBeUndefined()
  })
})

const emptyEntry = { userVersion: 0, key: idKey(1), flag: '', idempotency: '', rowStart: 0, rowEnd: 0 }

describe('a cell with dead rows', () => {
  it('stays exact with half of its rows dead, those nearest to the query first', async () => {
    const played = new Played('L2')
    played.apply(Array.from({ length: 2000 }, (_, i) => i + 1))
    const query = played.vector()
    const nearest = [...played.alive]
      .sort((a, b) => distance('L2', query, a[1]) - distance('L2', query, b[1]))
      .slice(0, 1000)
    played.apply(nearest.map(([key]) => -Number(key.slice(1))))
    expect(played.state.rows.dead).toBe(1000)
    const best = [...played.alive]
      .map(([key, vector]) => ({ key, d: distance('L2', query, vector) }))
      .sort((a, b) => a.d - b.d)
    expect((await played.state.search([{ vector: query, limit: 5 }]))[0]?.map(({ key }) => key)).toEqual(
      best.slice(0, 5).map(({ key }) => key),
    )
  })

  /** Overwrites rows 1 to 1000 so many times, and cleans after each. */
  const overwrite = (played: Played, rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      played.apply(Array.from({ length: 1000 }, (_, i) => i + 1))
      while (played.state.clean());
    }
  }

  it('is cleaned chunk by chunk, and stays small and exact', async () => {
    const played = new Played('L2')
    const { rows } = played.state
    overwrite(played, 50)
    expect(played.state.compactions).toBeGreaterThan(0)
    expect(rows.size).toBeLessThan(1000 + 2048 + 2048 + 2 * rows.kernel.chunkRows)
    await played.expectExact(played.state, 20, 10)
  })

  it('reads at a version see what lived then, until cleaning gives it up', async () => {
    const played = new Played('L2')
    played.apply([2001, 2002, 2003])
    const query = played.vector()
    const [before] = await played.state.search([{ vector: query, limit: 3 }])
    played.apply([2001, -2002])
    expect((await played.state.search([{ vector: query, limit: 3, at: 3 }]))[0]).toEqual(before)
    overwrite(played, 49)
    const at = played.state.version
    const [recent] = await played.state.search([{ vector: query, limit: 20 }])
    overwrite(played, 2)
    await expect(played.state.search([{ vector: query, limit: 3, at: 3 }])).rejects.toThrow(/older than/)
    const hits = (found: typeof recent) => found?.map((hit) => [hit.key, hit.version, hit.distance])
    expect(hits((await played.state.search([{ vector: query, limit: 20, at }]))[0])).toEqual(hits(recent))
  })

  it('answers a search as of its call, though the rows that it found are moved and their chunks cleaned meanwhile', async () => {
    const played = new Played('L2')
    const { rows } = played.state
    played.apply(Array.from({ length: rows.kernel.chunkRows }, (_, i) => i + 1))
    overwrite(played, 1)
    const query = { vector: played.vector(), limit: 30 }
    const [expected] = await played.state.search([query])
    const release = rows.hold()
    const searches = Array.from({ length: 4 }, () => played.state.search([query]))
    overwrite(played, 30)
    for (const [found] of await Promise.all(searches)) {
      expect(found).toEqual(expected)
      for (const { row, key, version } of found ?? [])
        expect([rows.keyOf(row), rows.bornOf(row)]).toEqual([key, version])
    }
    expect(rows.first).toBe(0)
    release()
    while (played.state.clean());
    expect(rows.first).toBeGreaterThan(0)
    await played.expectExact(played.state, 20, 10)
  })

  it('is overdue if cleaning falls behind, and not for the sake of what is held', () => {
    const played = new Played('L2')
    const { rows } = played.state
    for (let round = 0; round < 40; round++) played.apply(Array.from({ length: 1000 }, (_, i) => i + 1))
    expect(played.state.overdue).toBe(true)
    const release = rows.hold()
    while (played.state.clean());
    expect([played.state.overdue, rows.first]).toEqual([false, 0])
    release()
    expect(rows.first).toBeGreaterThan(0)
  })
})

describe('snapshots', () => {
  const fill = async (name: string) => {
    const played = new Played('L2')
    played.publish()
    played.apply(Array.from({ length: 300 }, (_, i) => i + 1))
    played.apply(Array.from({ length: 50 }, (_, i) => -(i + 1)))
    const evicted = { born: 3, userVersion: 3, flag: 'o' as const, payload: '{}', vector: played.vector() }
    const row = { key: idKey(9000), ...evicted }
    played.state.tombstones.keep(row.key, { version: 5, target: 2, since: 5, row })
    played.state.idempotency.note({ request: 'a key', digest: 'asked', at: 7, id: idKey(9), result: 'A9,9,0' })
    const dir = join(folder, name)
    const position = await writeSnapshot(played.state, dir)
    return { played, dir, path: snapshotPath(dir, position) }
  }

  it('give back the same rows, searches, versions and position', async () => {
    const { played, path } = await fill('same')
    const loaded = await loadSnapshot(played.state.shape, path)
    expect([loaded.tip, loaded.version, loaded.rows.points]).toEqual([played.state.tip, 350, 250])
    await played.expectExact(loaded, 20, 10)
    expect(loaded.rows.at(loaded.rows.ownerRow(idKey(77), undefined) as number).payload).toBe('{"v":77}')
    expect([...loaded.tombstones.entries()]).toEqual([...played.state.tombstones.entries()])
    expect([...loaded.idempotency.all()]).toEqual([...played.state.idempotency.all()])
    expect([loaded.centroids.version, [...loaded.centroids.bytes]]).toEqual([1, [...played.state.centroids.bytes]])
    expect(() => loaded.checkReadable(349)).toThrow(/older/)
    // The same rows have the same digest, and any other row another one.
    const { digest } = loaded.rows
    expect(digest).toBe(played.state.rows.digest)
    const row = loaded.rows.at(loaded.rows.ownerRow(idKey(77), undefined) as number)
    loaded.rows.put({ ...row, born: 1000, payload: '{"v":78}' })
    expect(loaded.rows.digest).not.toBe(digest)
    expect(new Played('L2').state.rows.digest).toBe('00000000')
  })

  it('of an empty cell load as one', async () => {
    const played = new Played('L2')
    const dir = join(folder, 'empty')
    const loaded = await loadSnapshot(played.state.shape, snapshotPath(dir, await writeSnapshot(played.state, dir)))
    expect(loaded.rows.size).toBe(0)
  })

  it('with any of 600 single bits flipped, or cut short, are refused', { timeout: 60_000 }, async () => {
    const { played, path } = await fill('damage')
    const random = seededRandom(4)
    for (let i = 0; i < 600; i++) {
      const file = join(path, readdirSync(path)[i % 6] as string)
      const good = readFileSync(file)
      const bad = Buffer.from(good)
      const at = Math.floor(random() * bad.length)
      bad[at] = (bad[at] as number) ^ (1 << Math.floor(random() * 8))
      writeFileSync(file, bad)
      await expect(loadSnapshot(played.state.shape, path), `bit flipped in ${file} at ${at}`).rejects.toThrow()
      writeFileSync(file, good)
    }
    truncateSync(join(path, readdirSync(path).find((name) => name.endsWith('.chunk')) as string), 100)
    await expect(verifySnapshot(path)).rejects.toThrow(/damaged/)
  })

  it('of another collection, another cell or another position are refused', async () => {
    const { played, path } = await fill('foreign')
    await expect(
      loadSnapshot({ ...played.state.shape, vectors: { '': { size: DIMENSION, metric: 'Cosine' } } }, path),
    ).rejects.toThrow(/holds L2/)
    await expect(loadSnapshot({ ...played.state.shape, owner: 'default/things/1' }, path)).rejects.toThrow(/belongs to/)
    const moved = join(dirname(path), 'snapshot-1-351')
    cpSync(path, moved, { recursive: true })
    await expect(loadSnapshot(played.state.shape, moved)).rejects.toThrow(/holds the snapshot of/)
  })

  it('that hold other rows than were written are refused, even if every file is what the manifest names', async () => {
    const { played, path } = await fill('digest')
    const manifest = await readManifest(path)
    expect(manifest.digest).toBe(played.state.rows.digest)
    writeFileSync(join(path, 'manifest.json'), sealed({ ...manifest, digest: '00000001' }))
    await verifySnapshot(path)
    await expect(loadSnapshot(played.state.shape, path)).rejects.toThrow(DamagedSnapshot)
    writeFileSync(join(path, 'manifest.json'), sealed(manifest))
    expect((await loadSnapshot(played.state.shape, path)).rows.digest).toBe(manifest.digest)
  })

  it('are not written of a cell whose kernel and rows differ, and no entry is applied to one', async () => {
    const { played } = await fill('kernel')
    played.state.rows.kernel.append(played.vector())
    const dir = join(folder, 'differs')
    await expect(writeSnapshot(played.state, dir)).rejects.toThrow('the kernel has 301 rows, and 300 are stored')
    expect(await listSnapshots(dir)).toEqual([])
    expect(() => played.apply([1000])).toThrow(InvariantViolated)
  })

  it('are kept two at a time, and a failed one leaves nothing behind', async () => {
    const { played, dir } = await fill('kept')
    for (let i = 0; i < 3; i++) {
      played.apply([1000 + i])
      await writeSnapshot(played.state, dir)
      await pruneSnapshots(dir)
    }
    expect((await listSnapshots(dir)).map(({ seq }) => seq)).toEqual([353, 352])
    await expect(writeSnapshot(played.state, join(dir, 'snapshot-1-353', 'manifest.json'))).rejects.toThrow()
    expect((await listSnapshots(dir)).map(({ seq }) => seq)).toEqual([353, 352])
  })
})
