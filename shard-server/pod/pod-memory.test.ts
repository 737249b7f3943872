import { expect, it } from 'vitest'
import { Metrics } from '../../runtime/metrics.ts'
import { MemoryGauge } from './pod-memory.ts'

const MiB = 1024 * 1024

const metrics = new Metrics('shard', { vectorcluster: 'films', collection: 'films', cell: 0 })
const rows = { vectors: 100, ids: 20, columns: 30, payloads: 4 }
const heapOf = (used_heap_size: number, total_heap_size: number) => ({ used_heap_size, total_heap_size })

function gaugeOver(heap: () => Promise<unknown>, limit?: number): MemoryGauge {
  const config = { vectors: { '': { size: 128 } } }
  return new MemoryGauge({ metrics, index: { heap }, config, env: { MAKSDB_MEMORY_LIMIT_BYTES: limit } } as never)
}

it('the memory of a pod has its rows by part, the heap of each thread and what is resident, and is exported', async () => {
  const gauge = gaugeOver(async () => heapOf(7, 9))
  gauge.report()
  await Promise.resolve()
  const memory = gauge.report(rows)
  expect(memory.rows).toEqual(rows)
  expect(memory.resident).toBeGreaterThan(memory.heaps.main.total)
  expect(memory.heaps.main.total).toBeGreaterThanOrEqual(memory.heaps.main.used)
  expect(memory.heaps.index).toEqual({ used: 7, total: 9 })
  const text = await metrics.registry.metrics()
  expect(text).toMatch(/maksdb_row_bytes\{[^}]*part="vectors"[^}]*\} 100/)
  expect(text).toMatch(/maksdb_heap_bytes\{[^}]*thread="index",state="total"[^}]*\} 9/)
})

it('an index thread that does not answer is asked once, and the report does not wait for it', () => {
  let asked = 0
  const gauge = gaugeOver(() => {
    asked++
    return new Promise(() => undefined)
  })
  gauge.report(rows)
  expect(gauge.report(rows).heaps.index).toEqual({ used: 0, total: 0 })
  expect(asked).toBe(1)
})

it('a thread that has ended is no error of the report', async () => {
  const gauge = gaugeOver(() => Promise.reject(new Error('the worker is not running')))
  expect(gauge.report(rows).heaps.index).toEqual({ used: 0, total: 0 })
  await Promise.resolve()
})

it('a configured limit counts resident memory, and the ids of the rows count for the reserve', async () => {
  const limit = 4096 * MiB
  const gauge = gaugeOver(async () => heapOf(7, 9), limit)
  const before = gauge.report().limited
  expect(before).toMatchObject({ limit })
  expect(before?.used).toBeGreaterThan(10 * MiB)
  expect(before?.room).toBe(limit - (before?.used ?? 0) - 100 * MiB)
  const { limited } = gauge.report({ ...rows, ids: 300 * MiB })
  expect(limited?.room).toBe(limit - (limited?.used ?? 0) - 400 * MiB)
  expect(await metrics.registry.metrics()).toMatch(/maksdb_memory_room_bytes\{[^}]*\} \d/)
})
