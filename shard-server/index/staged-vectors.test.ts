import { describe, expect, it } from 'vitest'
import type { IdKey } from '../../core/ids.ts'
import { makeKernel } from './make-kernel.ts'
import { RowStore } from './row-store.ts'

const DIMENSION = 3
/** More than are staged at a time, twice. */
const ROWS = 77

function store() {
  const rows = new RowStore(makeKernel('L2', DIMENSION, '/tmp'))
  const stage = (row: number, id = row) =>
    rows.stage({
      key: `i${id}` as IdKey,
      born: row + 1,
      userVersion: 1,
      flag: 'o',
      payload: '',
      vector: Float32Array.of(row, 2 * row, -row),
    })
  return { rows, stage }
}

describe('staged rows', () => {
  it('are all in the kernel after a flush, in their order', () => {
    const { rows, stage } = store()
    for (let row = 0; row < ROWS; row++) expect(stage(row)).toBe(true)
    rows.flush()
    rows.flush()
    expect(rows.kernel.rows).toBe(ROWS)
    for (let row = 0; row < ROWS; row++) expect([...rows.vector(row)]).toEqual([row, 2 * row, row === 0 ? -0 : -row])
    rows.block(0, ROWS)
  })

  it('can be read before the flush, as an edit of a payload does within a block of entries', () => {
    const { rows, stage } = store()
    stage(0)
    stage(1)
    expect([...rows.vector(1)]).toEqual([1, 2, -1])
    expect([...rows.at(0).vector]).toEqual([0, 0, -0])
  })

  it('are superseded by others that are staged with them', () => {
    const { rows, stage } = store()
    stage(0, 9)
    stage(1, 9)
    rows.flush()
    expect([rows.live, rows.size, rows.liveRow('i9' as IdKey)]).toEqual([1, 2, 1])
    expect([...rows.vector(1)]).toEqual([1, 2, -1])
  })
})
