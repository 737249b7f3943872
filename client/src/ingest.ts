/**
 * Writes an iterable in batches, several at a time. The first failure, of a request or of the iterable itself, stops it and
 * is thrown when all requests that are on their way have ended; what the iterable gave before it failed is written.
 */
export interface IngestOptions {
  /** Points in a request. @defaultValue 256 */
  batch?: number
  /** Requests on their way. @defaultValue 4 */
  concurrency?: number
  onProgress?: (progress: IngestProgress) => void
  /** Called for each request that failed. `from` is the place of its first point in the iterable, from 0. */
  onFailure?: (failure: { error: unknown; from: number; points: number }) => void
  signal?: AbortSignal
}

export interface IngestProgress {
  points: number
  seconds: number
  /** Points in a second, so far. */
  rate: number
  /** Points from the beginning of the iterable that are written without a gap: where to go on after a failure. */
  through: number
}

export type IngestReport = IngestProgress & { batches: number }

export async function ingest<T>(
  write: (points: T[]) => Promise<unknown>,
  source: Iterable<T> | AsyncIterable<T>,
  options: IngestOptions,
): Promise<IngestReport> {
  const size = options.batch ?? 256
  const concurrency = options.concurrency ?? 4
  const started = performance.now()
  const running = new Set<Promise<void>>()
  let points = 0
  let batches = 0
  let through = 0
  let taken = 0
  /** First point -> number of points, of batches that were written before an earlier one. */
  const early = new Map<number, number>()
  let failure: { error: unknown } | undefined
  const progress = (): IngestProgress => {
    const seconds = (performance.now() - started) / 1000
    return { points, seconds, rate: seconds > 0 ? points / seconds : 0, through }
  }
  const send = async (batch: T[]) => {
    const from = taken
    taken += batch.length
    const task: Promise<void> = write(batch)
      .then(
        () => {
          points += batch.length
          batches++
          early.set(from, batch.length)
          for (let next = early.get(through); next !== undefined; next = early.get(through)) {
            early.delete(through)
            through += next
          }
          options.onProgress?.(progress())
        },
        (error: unknown) => {
          failure ??= { error }
          options.onFailure?.({ error, from, points: batch.length })
        },
      )
      .finally(() => running.delete(task))
    running.add(task)
    if (running.size >= concurrency) await Promise.race(running)
  }
  let batch: T[] = []
  let broken: { error: unknown } | undefined
  try {
    for await (const point of untilAborted(source, options.signal)) {
      if (failure) break
      batch.push(point)
      if (batch.length === size) {
        await send(batch)
        batch = []
      }
    }
  } catch (error) {
    broken = { error }
  }
  if (batch.length > 0 && !failure && !options.signal?.aborted) await send(batch)
  await Promise.all(running)
  failure ??= broken
  if (failure) throw failure.error
  options.signal?.throwIfAborted()
  return { ...progress(), batches }
}

/** What an iterable gives until the signal is aborted, also where it keeps silent for ever, as an open pipe does. */
async function* untilAborted<T>(
  source: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  if (!signal) {
    yield* source
    return
  }
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  let stop = () => {}
  const onAbort = () => stop()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      // A promise for each point: one that all points raced against would remember every one of them.
      const next = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        stop = () => resolve(undefined)
        if (signal.aborted) stop()
        else Promise.resolve(iterator.next()).then(resolve, reject)
      })
      if (next === undefined || next.done === true) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not waited for: a source that keeps silent does not end either.
    void iterator.return?.()
  }
}
