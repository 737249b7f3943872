/** `npm run bench`: every figure that the documents state, as ratios within one run. See bench/README.md. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { idKey } from '../core/ids.ts'
import { ORIGIN } from '../core/log/position.ts'
import { normal, seededRandom } from '../core/random.ts'
import { encodeRow } from '../core/row-codec.ts'
import { type AppliedEntry, CellState } from '../shard-server/index/cell-state.ts'
import { FaissKernel } from '../shard-server/index/faiss-kernel.ts'
import type { Kernel } from '../shard-server/index/kernel.ts'
import { lengthOf } from '../shard-server/index/lengths.ts'
import { PanelKernel } from '../shard-server/index/panel-kernel.ts'
import { PanelRows } from '../shard-server/index/panel-rows.ts'
import { RowMask } from '../shard-server/index/row-mask.ts'
import { LogHarness } from '../test/support/log-harness.ts'
import { TestRedis } from '../test/support/redis.ts'
import { creation } from './creation.ts'

const ROWS = 50_000
const DIMENSION = 128
const LIMIT = 10
const RUN_MS = 1500

const folder = mkdtempSync(join(tmpdir(), 'maksdb-bench-'))
const random = seededRandom(1)
const vector = () => Float32Array.from({ length: DIMENSION }, () => normal(random))
const vectors = Array.from({ length: ROWS }, vector)

/** How often `work` runs in a second, each run counting for `per`. */
async function rate(per: number, work: () => unknown): Promise<number> {
  await work()
  const started = performance.now()
  let runs = 0
  while (performance.now() - started < RUN_MS) {
    await work()
    runs++
  }
  return (runs * per * 1000) / (performance.now() - started)
}

function row(...cells: (string | number)[]): void {
  console.log(
    `| ${cells.map((cell) => (typeof cell === 'number' ? Math.round(cell).toLocaleString('en') : cell)).join(' | ')} |`,
  )
}

async function batching(): Promise<void> {
  console.log(
    `\n## Kernels, ${ROWS.toLocaleString('en')} x ${DIMENSION}, ${LIMIT} neighbours, one thread, queries a second\n`,
  )
  const kernels: Record<string, Kernel> = { FAISS: new FaissKernel('L2', DIMENSION, folder) }
  for (const name of PanelRows?.kernels ?? []) kernels[name] = new PanelKernel('L2', DIMENSION, name)
  for (const kernel of Object.values(kernels)) for (const one of vectors) kernel.append(one)
  const mask = RowMask.below(ROWS)
  const longest = Math.max(...vectors.map((one) => lengthOf(one)))
  row('queries in a batch', ...Object.keys(kernels), 'the fastest, of FAISS')
  row('---', ...Object.keys(kernels).map(() => '---'), '---')
  for (const size of [1, 4, 8, 12, 16, 32, 64, 128]) {
    const queries = Array.from({ length: size }, () => ({ vector: vector(), mask, limit: LIMIT }))
    const rates: number[] = []
    for (const kernel of Object.values(kernels)) rates.push(await rate(size, () => kernel.search(queries, longest)))
    row(String(size), ...rates, `${(Math.max(...rates) / (rates[0] as number)).toFixed(1)}x`)
  }
}

function entriesOf(ids: readonly number[], type: 'U' | 'T', from: number): { entries: AppliedEntry[]; bytes: Buffer } {
  let at = 0
  const rows: Buffer[] = []
  const entries = ids.map((id, i): AppliedEntry => {
    const encoded = type === 'U' ? encodeRow({ vector: vectors[id] as Float32Array, payload: '' }) : Buffer.alloc(0)
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

async function halfDead(): Promise<void> {
  console.log(`\n## A cell of ${ROWS.toLocaleString('en')} rows, dead rows not yet cleaned, batches of 32\n`)
  row('dead', 'queries a second', 'of none dead')
  row('---', '---', '---')
  const state = new CellState(
    {
      owner: 'bench',
      dimension: DIMENSION,
      metric: 'L2',
      vectors: { '': { size: DIMENSION, metric: 'L2' } },
      scratchDir: folder,
    },
    { position: ORIGIN, hash: '' },
  )
  const all = Array.from({ length: ROWS }, (_, i) => i)
  const first = entriesOf(all, 'U', 1)
  state.apply(first.entries, first.bytes, { position: ORIGIN, hash: '' })
  const queries = Array.from({ length: 32 }, () => ({ vector: vector(), limit: LIMIT }))
  const whole = await rate(32, () => state.search(queries))
  row('0 %', whole, '1.00x')
  let version = ROWS + 1
  for (const [share, from] of [
    [10, 0],
    [25, 0.1],
    [49, 0.25],
  ] as const) {
    const gone = all.slice(from * ROWS, (share / 100) * ROWS)
    const ended = entriesOf(gone, 'T', version)
    version += gone.length
    state.apply(ended.entries, ended.bytes, { position: ORIGIN, hash: '' })
    const perSecond = await rate(32, () => state.search(queries))
    row(`${share} %`, perSecond, `${(perSecond / whole).toFixed(2)}x`)
  }
}

async function sequencer(): Promise<void> {
  console.log(
    '\n## The commit script, appendfsync always, one connection, one batch in flight, three of four operations moving an id\n',
  )
  row('bytes of a row', 'operations in a batch', 'operations a second')
  row('---', '---', '---')
  const redis = await TestRedis.start()
  for (const bytes of [512, 3072]) {
    for (const size of [1, 16, 64, 256]) {
      const harness = new LogHarness(redis.client, 4)
      await harness.create()
      const pod = await harness.lead(0)
      const encoded = encodeRow({ vector: new Float32Array(bytes / 4), payload: '' })
      let n = 0
      const started = performance.now()
      while (performance.now() - started < RUN_MS) {
        const operations = Array.from({ length: size }, () => {
          n++
          return {
            type: 'U' as const,
            key: idKey(n % 10_000),
            owner: n % 4,
            copy: null,
            expect: '',
            centroidVersion: 0,
            row: encoded,
          }
        })
        const { code } = await harness.commit(pod, operations)
        if (code !== 'OK') throw new Error(code)
      }
      row(String(bytes), String(size), (n * 1000) / (performance.now() - started))
      await redis.client.flushall()
    }
  }
  await redis.close()
}

console.log('# Figures of one run on one machine: compare within it, not across machines')
await batching()
await halfDead()
await sequencer()
await creation(row)
rmSync(folder, { recursive: true, force: true })
