/** How long a collection takes to be created locally, until it has acknowledged its first write, next to the start of one Node process. */
import { spawnSync } from 'node:child_process'
import { TestCluster } from '../test/support/cluster.ts'
import { spread } from './spread.ts'
import { row, table } from './table.ts'

const TRIALS = 20

/** Prints rows of a table: what, p50 and max in ms, and p50 as a multiple of the first. */
export async function creation(): Promise<void> {
  const title = `A collection of one cell, created by PUT in local mode, ${TRIALS} times`
  table(title, 'until', 'p50, ms', 'max, ms', 'of a bare Node process')
  const times = { node: [] as number[], created: [] as number[], written: [] as number[] }
  const cluster = await TestCluster.start({ spec: { dimension: 2 } })
  try {
    for (let i = 0; i < TRIALS; i++) {
      const before = performance.now()
      spawnSync(process.execPath, ['-e', '1'])
      times.node.push(performance.now() - before)
      const sent = performance.now()
      const path = `/collections/c${i}`
      await expectOk(cluster.fetch('PUT', path, { vectors: { size: 2, distance: 'Euclid' } }))
      times.created.push(performance.now() - sent)
      await expectOk(cluster.fetch('PUT', `${path}/points?wait=true`, { points: [{ id: 1, vector: [1, 2] }] }))
      times.written.push(performance.now() - sent)
      await expectOk(cluster.fetch('DELETE', path))
    }
  } finally {
    await cluster.close()
  }
  const base = spread(times.node).p50
  const rows = { 'a bare Node process has ended': times.node, 'PUT is answered': times.created }
  for (const [what, list] of Object.entries({ ...rows, 'its first write is acknowledged': times.written })) {
    const { p50, max } = spread(list)
    row(what, p50, max, `${(p50 / base).toFixed(1)}x`)
  }
}

async function expectOk(answer: Promise<{ status: number }>): Promise<void> {
  const { status } = await answer
  if (status !== 200) throw new Error(`answered ${status}`)
}
