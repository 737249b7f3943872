/** Waits until k-means has trained the cells and every point is in its own: as long as the work continues, with its progress shown. */
import { MaksDBError } from '../../client/src/index.ts'
import { MaksError } from '../../core/errors.ts'
import { sleep } from '../../runtime/lifecycle.ts'

export interface Cells {
  points: number
  centroids: { version: number; cells_still_moving: number }
  cells: { points: number }[]
}

const POLL_MS = 200
/** So long nothing may change at all. */
const PATIENCE_MS = 600_000

/**
 * @param read the topology
 * @param onWait what is waited for, at every look
 */
export async function settled<T extends Cells>(
  read: () => Promise<T>,
  onWait: (what: string) => void,
  { pollMs = POLL_MS, patienceMs = PATIENCE_MS } = {},
): Promise<T> {
  let seen = ''
  let changedAt = performance.now()
  let waitsFor = 'the cells to answer'
  for (;;) {
    const topology = await read().catch(ignoreBusy)
    if (topology) {
      waitsFor = lacking(topology)
      if (waitsFor === '') return topology
      const { points, centroids, cells } = topology
      const state = JSON.stringify([points, centroids, cells.map((cell) => cell.points)])
      if (state !== seen) changedAt = performance.now()
      seen = state
    }
    const silentMs = performance.now() - changedAt
    if (silentMs > patienceMs)
      throw new MaksError(
        'NOT_READY',
        `nothing has changed for ${Math.round(silentMs / 1000)} s while waiting for ${waitsFor}; the servers continue, and "npm start" continues from here`,
      )
    onWait(waitsFor)
    await sleep(pollMs)
  }
}

/** What is still to come; empty where nothing is. */
function lacking({ points, centroids, cells }: Cells): string {
  if (centroids.version === 0) return `k-means to train the ${cells.length} cells`
  const moving = centroids.cells_still_moving
  if (moving > 0) return `points to move to their cells (${moving} of ${cells.length} cells still move some)`
  const counted = cells.reduce((sum, cell) => sum + cell.points, 0)
  return counted === points ? '' : `the cells to be counted (${counted} of ${points} points)`
}

/** A machine that is slow answers late. */
function ignoreBusy(error: unknown): undefined {
  if (error instanceof MaksDBError && (error.status === 0 || error.status >= 500)) return undefined
  throw error
}
