/** Loads 2,000 points from an iterable into two cells, and compares a search of the nearest cell with an exact one. */
import { MaksDB, type PointInput } from '@maksdb/client'

const COUNT = 2000
const DIMENSION = 16
const LIMIT = 10

/** Two clouds of points; the same numbers in every run. */
function* points(): Generator<PointInput<{ cloud: number }>> {
  let state = 1
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  for (let id = 0; id < COUNT; id++) {
    const cloud = id % 2
    yield { id, vector: Array.from({ length: DIMENSION }, () => random() + cloud * 4), payload: { cloud } }
  }
}

const db = new MaksDB()
const clouds = await db.createCollection<{ cloud: number }>('ingest-and-search', {
  dimension: DIMENSION,
  clusters: 2,
  centroids: { source: 'Dynamic', sampleSize: 500 },
})
try {
  const loaded = await clouds.ingest(points(), {
    batch: 250,
    onProgress: ({ points: written, rate }) => console.error(`${written} points, ${rate.toFixed(0)} a second`),
  })
  console.log(`loaded ${loaded.points} points in ${loaded.batches} requests; count: ${await clouds.count()}`)

  const query = Array.from({ length: DIMENSION }, () => 4.5)
  const exact = await clouds.query(query, { limit: LIMIT, exact: true })
  const wanted = new Set(exact.points.map(({ id }) => id))
  console.log(
    `exact: ${exact.report.probed} cells, all in cloud 1: ${exact.points.every((one) => one.payload.cloud === 1)}`,
  )

  // Until k-means has trained the cells, a search asks all of them, whatever `probes` says.
  const quick = await clouds.query(query, { limit: LIMIT, probes: 1 })
  const found = quick.points.filter(({ id }) => wanted.has(id)).length
  console.log(`probes 1: ${quick.report.probed} of ${quick.report.cells} cells, one of the nearest found: ${found > 0}`)
} finally {
  await db.deleteCollection('ingest-and-search')
}
