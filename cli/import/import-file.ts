/** `maksdb import`: points from a file into a collection, and where to go on where not all of them could be written. */
import type { Collection } from '../../client/src/index.ts'
import { asMaksError, badRequest } from '../../core/errors.ts'
import { fileProblem, fileReason } from '../../supervisor/file-problem.ts'
import { sentence } from '../end.ts'
import { note, ProgressBar, print, printJson } from '../output.ts'
import type { ImportPoint } from './row-check.ts'
import { openSource } from './sources.ts'

export interface ImportOptions {
  /** Points in a request. */
  batch: number
  /** Rows from the beginning that are in the collection already. */
  skip: number
  json?: boolean
}

/** Throws BAD_REQUEST that names the file, the place in it, how many points went in, and how to go on. */
export async function importFile(
  file: string,
  collection: Collection<Record<string, unknown>>,
  options: ImportOptions,
): Promise<void> {
  const named = file === '-' ? 'standard input' : file
  const source = await openSource(file).catch((error: unknown) => {
    throw fileReason(error) === undefined
      ? badRequest(`${named}: ${asMaksError(error).message}`)
      : fileProblem(named, 'read', error)
  })
  const total = source.total === undefined ? undefined : Math.max(0, source.total - options.skip)
  const bar = new ProgressBar(`import ${collection.name}`, total, options.json === true)
  const stop = new AbortController()
  const interrupted = () => stop.abort()
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  const state = { points: 0, through: 0, refused: '' }
  try {
    const report = await collection.ingest(skipping(source.points, options.skip), {
      batch: options.batch,
      signal: stop.signal,
      onProgress({ points, through }) {
        Object.assign(state, { points, through })
        bar.update(points)
      },
      onFailure({ from, points }) {
        if (stop.signal.aborted) return
        state.refused ||= `, in rows ${options.skip + from} to ${options.skip + from + points - 1}`
      },
    })
    bar.end(report.points)
    const { points, seconds, rate } = report
    if (options.json) printJson({ points, seconds, rate })
    else print(`imported ${points.toLocaleString('en')} points into ${collection.name} in ${seconds.toFixed(1)} s`)
  } catch (error) {
    if (state.points > 0) bar.end(state.points)
    const why = stop.signal.aborted ? 'it was interrupted.' : sentence(error, 'maksdb import --help')
    throw badRequest(
      `${named}${state.refused}: ${why}${/[.?!]$/.test(why) ? '' : '.'} ${progressOf(state, file, collection.name, options.skip)}`,
    )
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

/** How far an import came, and how to go on. */
function progressOf(
  state: { points: number; through: number },
  file: string,
  collection: string,
  skip: number,
): string {
  const next = skip + state.through
  if (next === 0 && state.points === 0) return 'No point of it was imported'
  const goOn = file === '-' ? `leave out the first ${next} lines with points` : `continue with --skip ${next}`
  const rest = state.points > state.through ? `, and ${state.points - state.through} points after them` : ''
  return `The first ${next} rows are in ${collection}${rest}; then ${goOn}`
}

async function* skipping(points: AsyncIterable<ImportPoint>, count: number): AsyncGenerator<ImportPoint> {
  let left = count
  for await (const point of points) if (left-- <= 0) yield point
  if (left > 0) note(`--skip left out all ${count - left} rows`)
}
