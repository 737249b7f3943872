/** Data that was kept from another VectorCluster: adopted where it fits, left alone where it does not (rules L24 and O18). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Kubernetes, rest } from '../support/kubernetes.ts'

const k = new Kubernetes('shape')
const POINTS = 500
const RIGHT = { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random' } }

beforeAll(() => k.start())
afterAll(() => k.stop())

async function remove(): Promise<void> {
  await k.kubectl('delete', 'vc', 'kept', '--timeout=120s')
  await k.until('its pods to be gone', 120_000, async () =>
    (await k.pods('maksdb.io/cluster=kept')).length === 0 ? true : undefined,
  )
}

const claims = async () =>
  (await k.claims('maksdb.io/cluster=kept')).map(({ metadata }) => `${metadata.name} ${metadata.uid}`).sort()

interface Topology {
  cells: { trimmed_below: number }[]
}

it('with another dimension the shards refuse the data and say so; deleted with Delete even, it takes nothing; the right manifest has all rows back', async () => {
  await k.apply('kept', RIGHT)
  await k.settled('kept')
  const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: [Math.cos(id), Math.sin(id)] }))
  await rest(await k.endpoint('kept'), 'PUT', '/collections/kept/points?wait=true', { points })
  // Pods that end take snapshots, up to which the log is cut when they are back.
  await remove()
  await k.apply('kept', RIGHT)
  await k.settled('kept')
  await k.until('the log to be cut', 60_000, async () => {
    const { cells } = await rest<Topology>(await k.endpoint('kept'), 'GET', '/v1/collections/kept/topology')
    return cells.every(({ trimmed_below }) => trimmed_below > 10) || undefined
  })
  await remove()
  const kept = await claims()
  expect(kept).toHaveLength(5)

  await k.apply('kept', { ...RIGHT, dimension: 3, reclaimPolicy: 'Delete' })
  const said = await k.until('the condition', 120_000, async () =>
    (await k.status('kept')).conditions?.find(
      ({ type, reason }) => type === 'Ready' && reason === 'DataOfAnotherShape',
    ),
  )
  expect(said.status).toBe('False')
  expect(said.message).toContain('dimension is 2 there and 3 here')
  // As long as it takes for every shard to have tried, and tried again.
  await k.until('the shards to refuse', 120_000, async () => {
    const pods = await k.pods('maksdb.io/cluster=kept,app.kubernetes.io/component=shard')
    const tries = pods.map(
      ({ status }) =>
        (status as { containerStatuses?: { restartCount: number }[] }).containerStatuses?.[0]?.restartCount ?? 0,
    )
    return (pods.length === 4 && tries.every((count) => count > 0)) || undefined
  })
  expect(await k.kubectl('get', 'events')).toContain('DataOfAnotherShape')
  await remove()
  expect(await claims()).toEqual(kept)

  await k.apply('kept', RIGHT)
  await k.settled('kept')
  const { count } = await rest<{ count: number }>(await k.endpoint('kept'), 'POST', '/collections/kept/points/count', {
    exact: true,
  })
  expect(count).toBe(POINTS)
  const search = { vector: points[17]?.vector, limit: 1 }
  const hits = await rest<{ id: number }[]>(await k.endpoint('kept'), 'POST', '/collections/kept/points/search', search)
  expect(hits.map(({ id }) => id)).toEqual([17])
  expect(await claims()).toEqual(kept)
})
