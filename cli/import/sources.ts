/** Points from files: .fvecs, .npy, .jsonl, .csv, .parquet, and JSON lines on standard input. */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { PointInput } from '@maksdb/client'
import { parse as parseCsv } from 'csv-parse'
import { badRequest } from '../../core/errors.ts'
import { exactParse } from '../../core/exact-json.ts'
import { type NpyHeader, parseNpyHeader } from './npy.ts'

export type ImportPoint = PointInput<Record<string, unknown>>

export interface ImportSource {
  points: AsyncIterable<ImportPoint>
  /** Undefined where only reading it all would tell. */
  total: number | undefined
}

const BLOCK_BYTES = 4 * 1024 * 1024

export async function openSource(file: string): Promise<ImportSource> {
  if (file === '-') return { points: jsonLines(process.stdin), total: undefined }
  const size = await stat(file).then(
    (info) => info.size,
    () => {
      throw badRequest(`${file} cannot be read`)
    },
  )
  switch (extname(file).toLowerCase()) {
    case '.jsonl':
    case '.ndjson':
      return { points: jsonLines(createReadStream(file)), total: undefined }
    case '.csv':
      return { points: csvRows(file), total: undefined }
    case '.fvecs':
      return fvecs(file, size)
    case '.npy':
      return npy(file)
    case '.parquet':
      return parquet(file, size)
    default:
      throw badRequest(`${file}: the ending must be .fvecs, .npy, .jsonl, .csv or .parquet`)
  }
}

/** A missing id is the number of the row. */
function toPoint(value: unknown, row: number): ImportPoint {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`row ${row} is not a JSON object`)
  const { id, vector, payload } = value as Partial<ImportPoint>
  if (!Array.isArray(vector)) throw badRequest(`row ${row} has no "vector" that is a list`)
  return {
    id: id ?? row,
    vector: vector as number[],
    ...(payload === undefined || payload === null ? {} : { payload }),
  }
}

async function* jsonLines(input: NodeJS.ReadableStream): AsyncGenerator<ImportPoint> {
  let row = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    yield toPoint(exactParse(line), row++)
  }
}

/** Column `vector` is JSON, `id` is optional, the rest is payload. */
async function* csvRows(file: string): AsyncGenerator<ImportPoint> {
  let row = 0
  const records = createReadStream(file).pipe(parseCsv({ columns: true, bom: true, skip_empty_lines: true }))
  for await (const record of records as AsyncIterable<Record<string, string>>) {
    const { id, vector, ...payload } = record
    if (vector === undefined) throw badRequest(`${file}: there is no column "vector"`)
    const parsedId = id === undefined || id === '' ? row : /^\d+$/.test(id) ? BigInt(id) : id
    yield toPoint({ id: parsedId, vector: exactParse(vector), payload }, row++)
  }
}

/** Each row: dimension as int32, then as many float32, all little-endian. */
async function fvecs(file: string, size: number): Promise<ImportSource> {
  const handle = await open(file)
  const head = Buffer.alloc(4)
  await handle.read(head, 0, 4, 0)
  const dimension = head.readInt32LE(0)
  const rowBytes = 4 + 4 * dimension
  if (dimension < 1 || size % rowBytes !== 0) throw badRequest(`${file} is not an .fvecs file`)
  const points = fixedRows(handle, {
    start: 0,
    rowBytes,
    skip: 4,
    rows: size / rowBytes,
    read: (view, at) => view.getFloat32(at, true),
    valueBytes: 4,
    dimension,
  })
  return { points, total: size / rowBytes }
}

async function npy(file: string): Promise<ImportSource> {
  const handle = await open(file)
  const start = Buffer.alloc(64 * 1024)
  const { bytesRead } = await handle.read(start, 0, start.length, 0)
  const header: NpyHeader = parseNpyHeader(start.subarray(0, bytesRead), file)
  const { rows, columns: dimension, valueBytes, read, dataStart } = header
  return {
    points: fixedRows(handle, {
      start: dataStart,
      rowBytes: valueBytes * dimension,
      skip: 0,
      rows,
      read,
      valueBytes,
      dimension,
    }),
    total: rows,
  }
}

interface FixedLayout {
  start: number
  rowBytes: number
  /** Bytes of a row before its values. */
  skip: number
  rows: number
  dimension: number
  valueBytes: number
  read: (view: DataView, at: number) => number
}

async function* fixedRows(handle: Awaited<ReturnType<typeof open>>, layout: FixedLayout): AsyncGenerator<ImportPoint> {
  const { start, rowBytes, skip, rows, dimension, valueBytes, read } = layout
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes))
  try {
    for (let row = 0; row < rows; row += perBlock) {
      const count = Math.min(perBlock, rows - row)
      const block = Buffer.alloc(count * rowBytes)
      const { bytesRead } = await handle.read(block, 0, block.length, start + row * rowBytes)
      if (bytesRead !== block.length) throw badRequest('the file ends before its last row')
      const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
      for (let i = 0; i < count; i++) {
        const vector = Array.from({ length: dimension }, (_, j) => read(view, i * rowBytes + skip + j * valueBytes))
        yield { id: row + i, vector }
      }
    }
  } finally {
    await handle.close()
  }
}

async function parquet(file: string, size: number): Promise<ImportSource> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer).catch(() => {
    throw badRequest(`${file} is not a Parquet file (${size} bytes)`)
  })
  const total = Number(metadata.num_rows)
  async function* rows(): AsyncGenerator<ImportPoint> {
    const STEP = 1024
    for (let rowStart = 0; rowStart < total; rowStart += STEP) {
      const records = await parquetReadObjects({
        file: buffer,
        metadata,
        rowStart,
        rowEnd: Math.min(total, rowStart + STEP),
      })
      for (const [i, record] of records.entries()) yield parquetPoint(record as Record<string, unknown>, rowStart + i)
    }
  }
  return { points: rows(), total }
}

function parquetPoint({ id, vector, ...payload }: Record<string, unknown>, row: number): ImportPoint {
  const values = vector instanceof Float32Array || vector instanceof Float64Array ? Array.from(vector) : vector
  const plain = Object.fromEntries(
    Object.entries(payload).map(([key, value]) => [key, value instanceof Date ? value.toISOString() : value]),
  )
  return toPoint({ id: id ?? undefined, vector: values, payload: plain }, row)
}
