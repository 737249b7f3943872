/**
 * `npm run bench -- [--data glove50,synthetic-128-20,synthetic-768-40] [--rows N] [--only limits,kernels,masks,kmeans,filters,dead,script,creation]
 * [--peer qdrant-edge,pgvector]`:
 * figures of one process and of its parts, as ratios within one run. See bench/README.md.
 */
import { parseArgs } from 'node:util'
import { commitScript } from './commit-script.ts'
import { creation } from './creation.ts'
import { dataSet } from './data/data-set.ts'
import { MissingData } from './data/glove.ts'
import { filters } from './filters/filters.ts'
import { peerNames } from './filters/peers.ts'
import { halfDead } from './half-dead.ts'
import { kernels } from './kernels/kernels.ts'
import { kmeans } from './kernels/kmeans.ts'
import { masks } from './kernels/masks.ts'
import { limits, printMachine } from './machine/limits.ts'

const PARTS = ['limits', 'kernels', 'masks', 'kmeans', 'filters', 'dead', 'script', 'creation']
/** The data if none is named: of the scans, and of the filters. */
const SCANNED = 'glove50,synthetic-128-20,synthetic-768-40'
const FILTERED = 'synthetic-128-20'
/** Small enough for a cell that is filled by log entries in this process. */
const DEAD_ROWS = 50_000

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    rows: { type: 'string' },
    only: { type: 'string', default: PARTS.join() },
    peer: { type: 'string' },
  },
})
const only = values.only.split(',')
const unknown = only.filter((part) => !PARTS.includes(part))
if (unknown.length > 0) throw new Error(`no part ${unknown.join()}: ${PARTS.join()}`)
/** Other programs that make the searches with filters, too. */
const peers = peerNames(values.peer?.split(',') ?? [])
const rows = values.rows === undefined ? undefined : Number(values.rows)

/** A data set that cannot be had here leaves the others. */
function sets(names: string) {
  return names.split(',').flatMap((name) => {
    try {
      return [dataSet(name, rows)]
    } catch (error) {
      if (!(error instanceof MissingData)) throw error
      console.log(`\n${name} is left out: ${error.message}`)
      return []
    }
  })
}

console.log('# Figures of one run on one machine: compare within it, not across machines')
printMachine()
const found = only.includes('limits') ? limits() : undefined
const scanned = ['kernels', 'masks', 'kmeans'].some((part) => only.includes(part)) ? sets(values.data ?? SCANNED) : []
for (const set of scanned) {
  if (only.includes('kernels')) await kernels(set, found)
  if (only.includes('masks')) await masks(set)
  if (only.includes('kmeans')) await kmeans(set)
}
if (only.includes('filters')) for (const set of sets(values.data ?? FILTERED)) await filters(set, peers)
if (only.includes('dead')) await halfDead(dataSet('synthetic-128-128', Math.min(rows ?? DEAD_ROWS, DEAD_ROWS)))
if (only.includes('script')) await commitScript()
if (only.includes('creation')) await creation()
