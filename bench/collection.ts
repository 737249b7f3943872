/** A collection of one cell that holds a data set, in a version under test. */
import type { DataSet } from './data/data-set.ts'
import { QUERIES, queryOf, rowOf } from './data/data-set.ts'
import { truthOf } from './data/truth.ts'
import type { Version } from './version.ts'

export const COLLECTION = 'bench'
export const QUERY_PATH = `/collections/${COLLECTION}/points/query`
export const LIMIT = 10
/** Queries whose answers are compared with the truth. */
const CHECKED = 64
const BATCH = 1000

function* pointsOf(set: DataSet, from = 0) {
  for (let id = from; id < set.rows; id++) yield { id, vector: rowOf(set, id) }
}

/** Writes all rows of a data set, and waits until they are visible. Resolves with the seconds of it. */
export async function fill(version: Version, set: DataSet): Promise<number> {
  const started = performance.now()
  const collection = version.client.collection(COLLECTION)
  await collection.ingest(pointsOf(set), { batch: BATCH })
  // What was acknowledged before it is visible with it.
  await collection.upsert([...pointsOf(set, set.rows - 1)], { wait: true })
  return (performance.now() - started) / 1000
}

/** The bodies of exact searches, one for each query of a data set. */
export function bodiesOf(set: DataSet): string[] {
  return Array.from({ length: QUERIES }, (_, i) =>
    JSON.stringify({ query: Array.from(queryOf(set, i)), limit: LIMIT, params: { exact: true } }),
  )
}

/** Throws if an answer is not that of the truth. */
export async function checkAnswers(version: Version, set: DataSet): Promise<void> {
  const truth = truthOf(set)
  for (let i = 0; i < CHECKED; i++) {
    const { points } = await version.client
      .collection(COLLECTION)
      .query(queryOf(set, i), { limit: LIMIT, exact: true, withPayload: false })
    const found = points.map(({ id }) => id).join()
    const wanted = truth.rows.subarray(i * truth.nearest, i * truth.nearest + LIMIT).join()
    if (found !== wanted) throw new Error(`${version.name} found ${found} instead of ${wanted}, query ${i}`)
  }
}
