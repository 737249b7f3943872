/** A collection, three points, the nearest of them, and a write on condition. */
import { ConflictError, MaksDB } from '@maksdb/client'

interface Film extends Record<string, unknown> {
  title: string
  year: number
}

const db = new MaksDB() // $MAKSDB_URL, else http://127.0.0.1:6333
const films = await db.createCollection<Film>('first-program', { dimension: 3, distance: 'Cosine' })
try {
  const { version } = await films.upsert([
    { id: 1, vector: [0.9, 0.1, 0.2], payload: { title: 'Solaris', year: 1972 } },
  ])
  await films.upsert([
    { id: 'playtime', vector: [0.1, 0.8, 0.3], payload: { title: 'Playtime', year: 1967 } },
    { id: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff', vector: [0.8, 0.2, 0.1], payload: { title: 'Stalker', year: 1979 } },
  ])

  const { points, report } = await films.query([1, 0, 0], { limit: 2 })
  for (const { id, score, payload } of points) console.log(`${payload.title} (${id}): ${score.toFixed(4)}`)
  console.log(`exact: ${report.exact}, ${report.scanned} rows compared`)

  // The point is replaced only if it still has the version that was read; the second writer is refused.
  await films.upsert([{ id: 1, vector: [1, 0, 0], payload: { title: 'Solaris', year: 2002 } }], { ifVersion: version })
  try {
    await films.upsert([{ id: 1, vector: [0, 1, 0] }], { ifVersion: version })
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    console.log(`refused: ${error.code}`)
  }
} finally {
  await db.deleteCollection('first-program')
}
