/** faiss-node as a program of one's own would use it: a flat index in the process, without ids, log or network. */
import faiss from 'faiss-node'
import { type DataSet, queryOf, rowOf } from '../data/data-set.ts'
import { fastest, wallClock } from '../table.ts'

const ROWS_AT_A_TIME = 1000

/** Queries a second in batches, by one thread. */
export async function faissRate(set: DataSet, batch: number, limit: number): Promise<number> {
  const index = new faiss.IndexFlatL2(set.dimension)
  for (let at = 0; at < set.rows; at += ROWS_AT_A_TIME) {
    const count = Math.min(ROWS_AT_A_TIME, set.rows - at)
    index.add(Array.from({ length: count }, (_, i) => Array.from(rowOf(set, at + i))).flat())
  }
  const queries = Array.from({ length: batch }, (_, i) => Array.from(queryOf(set, i))).flat()
  return batch / (await fastest(() => index.search(queries, limit), wallClock))
}
