/** Writes an iterable in batches, several at a time. The first failure stops it and is thrown. */
export interface IngestOptions {
  /** Points in a request. @defaultValue 256 */
  batch?: number
  /** Requests on their way. @defaultValue 4 */
  concurrency?: number
  onProgress?: (progress: IngestProgress) => void
  signal?: AbortSignal
}

export interface IngestProgress {
  points: number
  seconds: number
  /** Points in a second, so far. */
  rate: number
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
  let failure: { error: unknown } | undefined
  const progress = (): IngestProgress => {
    const seconds = (performance.now() - started) / 1000
    return { points, seconds, rate: seconds > 0 ? points / seconds : 0 }
  }
  const send = async (batch: T[]) => {
    const task: Promise<void> = write(batch)
      .then(
        () => {
          points += batch.length
          batches++
          options.onProgress?.(progress())
        },
        (error: unknown) => {
          failure ??= { error }
        },
      )
      .finally(() => running.delete(task))
    running.add(task)
    if (running.size >= concurrency) await Promise.race(running)
  }
  let batch: T[] = []
  for await (const point of source) {
    if (failure || options.signal?.aborted) break
    batch.push(point)
    if (batch.length === size) {
      await send(batch)
      batch = []
    }
  }
  if (batch.length > 0 && !failure && !options.signal?.aborted) await send(batch)
  await Promise.all(running)
  if (failure) throw failure.error
  options.signal?.throwIfAborted()
  return { ...progress(), batches }
}
