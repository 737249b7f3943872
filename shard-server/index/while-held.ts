/** Reads of rows by their numbers: the rows keep them until the read ends, however it ends. */
import type { RowStore } from './row-store.ts'

export async function whileHeld<T>(rows: Pick<RowStore, 'hold'>, read: () => Promise<T>): Promise<T> {
  const release = rows.hold()
  try {
    return await read()
  } finally {
    release()
  }
}
