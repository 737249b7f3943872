/** A cell whose rows have ended and are not yet cleaned, next to one without dead rows. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { idKey } from '../core/ids.ts'
import { ORIGIN } from '../core/log/position.ts'
import { encodeRow } from '../core/row-codec.ts'
import { type AppliedEntry, CellState } from '../shard-server/index/cell-state.ts'
import { type DataSet, queryOf, rowOf, titleOf } from './data/data-set.ts'
import { LIMIT } from './kernels/kernels.ts'
import { cpuClock, fastest, row, table, times } from './table.ts'

const BATCH = 32
const TIP = { position: ORIGIN, hash: '' }

function entriesOf(set: DataSet, ids: readonly number[], type: 'U' | 'T', from: number) {
  let at = 0
  const rows: Buffer[] = []
  const entries = ids.map((id, i): AppliedEntry => {
    const encoded = type === 'U' ? encodeRow({ vector: rowOf(set, id), payload: '' }) : Buffer.alloc(0)
    rows.push(encoded)
    const rowStart = at
    at += encoded.length
    return {
      type,
      version: from + i,
      userVersion: from + i,
      key: idKey(id),
      flag: type === 'U' ? 'o' : '',
      idempotency: '',
      rowStart,
      rowEnd: at,
    }
  })
  return { entries, bytes: Buffer.concat(rows) }
}

export async function halfDead(set: DataSet): Promise<void> {
  table(
    `A cell with dead rows, not yet cleaned: ${titleOf(set)}, batches of ${BATCH}`,
    'dead',
    'queries a second of a core',
    'of none dead',
  )
  const { dimension } = set
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-bench-'))
  const vectors = { '': { size: dimension, metric: 'L2' as const } }
  const state = new CellState({ owner: 'bench', dimension, metric: 'L2', vectors, scratchDir: folder }, TIP)
  const all = Array.from({ length: set.rows }, (_, i) => i)
  const first = entriesOf(set, all, 'U', 1)
  state.apply(first.entries, first.bytes, TIP)
  const queries = Array.from({ length: BATCH }, (_, i) => ({ vector: queryOf(set, i), limit: LIMIT }))
  const rate = async () => BATCH / (await fastest(() => state.search(queries), cpuClock))
  const whole = await rate()
  row('0 %', whole, '1.00x')
  let version = set.rows + 1
  for (const [share, from] of [
    [10, 0],
    [25, 10],
    [49, 25],
  ] as const) {
    const gone = all.slice((from / 100) * set.rows, (share / 100) * set.rows)
    const ended = entriesOf(set, gone, 'T', version)
    version += gone.length
    state.apply(ended.entries, ended.bytes, TIP)
    const perSecond = await rate()
    row(`${share} %`, perSecond, times(perSecond, whole))
  }
  rmSync(folder, { recursive: true })
}
