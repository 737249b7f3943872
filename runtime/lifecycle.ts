/** Start and end of a process: the run file with the ports that it listens on, and an orderly stop within a time. */
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import type { RunFile } from '../protocol/env/config.ts'
import { lastWords } from '../protocol/env/last-words.ts'
import type { Logger } from './logger.ts'

const STOP_LIMIT_MS = 25_000

export function writeRunFile(path: string | undefined, run: RunFile): void {
  if (path === undefined) return
  writeFileSync(`${path}.tmp`, JSON.stringify(run))
  renameSync(`${path}.tmp`, path)
}

/**
 * Written at the start, where nothing is there yet, and again where the process ends with an error: why the last one ended
 * stands until this one has come further. A file that cannot be written stops nothing.
 */
export function writeLastWords(path: string | undefined, startId: string, error?: unknown): void {
  if (path === undefined) return
  try {
    if (error === undefined && existsSync(path) && statSync(path).size > 0) return
    // In place: the kubelet mounts this very file, empty for each start.
    writeFileSync(path, lastWords(startId, error))
  } catch {
    // The log has it, too.
  }
}

/** Runs `stop` once on SIGTERM or SIGINT, then exits 0; exits 1 where it takes too long. */
export function stopOnSignal(logger: Logger, stop: () => Promise<void>): void {
  let stopping = false
  const begin = (signal: string) => {
    if (stopping) return
    stopping = true
    logger.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
    stop()
      .then(() => process.exit(0))
      .catch((error: unknown) => {
        logger.error({ error: String(error) }, 'the stop failed')
        process.exit(1)
      })
  }
  process.on('SIGTERM', () => begin('SIGTERM'))
  process.on('SIGINT', () => begin('SIGINT'))
}

/** Ends early if the signal is aborted, and at once if it is already. */
export const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done, { once: true })
  })
