/** Points from files: .fvecs, .npy, .jsonl, .csv, .parquet, and JSON lines on standard input. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { badRequest } from '../../core/errors.ts'
import { fvecs, npy } from './fixed-rows.ts'
import { parquet } from './parquet.ts'
import type { ImportPoint } from './row-check.ts'
import { csvRows, jsonLines } from './text-sources.ts'

export interface ImportSource {
  points: AsyncIterable<ImportPoint>
  /** Undefined if only reading all of it would give the number. */
  total: number | undefined
}

/** Throws BAD_REQUEST, as its points do, for what is damaged or not understood, with the place in the file. */
export async function openSource(file: string): Promise<ImportSource> {
  if (file === '-') return { points: jsonLines(process.stdin), total: undefined }
  const info = await stat(file)
  if (!info.isFile()) throw badRequest('it is not a file')
  switch (extname(file).toLowerCase()) {
    case '.jsonl':
    case '.ndjson':
      return { points: jsonLines(createReadStream(file)), total: undefined }
    case '.csv':
      return { points: csvRows(createReadStream(file)), total: undefined }
    case '.fvecs':
      return fvecs(file, info.size)
    case '.npy':
      return npy(file, info.size)
    case '.parquet':
      return parquet(file)
    default:
      throw badRequest('the ending must be .fvecs, .npy, .jsonl, .csv or .parquet')
  }
}
