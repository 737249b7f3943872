/** Points from Parquet: the columns `vector` and, where there is one, `id`; `payload`, or else all other columns, is the payload. */
import { badRequest } from '../../core/errors.ts'
import { at, type ImportPoint, payloadOf, RowCheck } from './row-check.ts'

const ROWS_AT_A_TIME = 1024

/** Times keep the digits that the file has: a Date has milliseconds. */
const TIME_PARSERS = {
  timestampFromMicroseconds: (time: bigint) => isoTime(time, 1_000_000n, 6),
  timestampFromNanoseconds: (time: bigint) => isoTime(time, 1_000_000_000n, 9),
}

export async function parquet(file: string): Promise<{ points: AsyncIterable<ImportPoint>; total: number }> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw badRequest(`it is not a Parquet file, or a damaged one (${reasonOf(error)})`)
  })
  if (!metadata.schema.some(({ name }) => name === 'vector')) throw badRequest('there is no column "vector"')
  const total = Number(metadata.num_rows)
  const check = new RowCheck()
  async function* rows(): AsyncGenerator<ImportPoint> {
    for (let rowStart = 0; rowStart < total; rowStart += ROWS_AT_A_TIME) {
      const rowEnd = Math.min(total, rowStart + ROWS_AT_A_TIME)
      const options = { file: buffer, metadata, rowStart, rowEnd, compressors, parsers: TIME_PARSERS, utf8: false }
      const records = await parquetReadObjects(options).catch((error: unknown) => {
        throw badRequest(`rows ${rowStart} to ${rowEnd - 1} cannot be read: ${reasonOf(error)}`)
      })
      if (records.length !== rowEnd - rowStart)
        throw badRequest(`row ${rowStart + records.length}: it is missing; the file names ${total} rows`)
      for (const [i, record] of records.entries()) {
        const place = `row ${rowStart + i}`
        const { id, vector, payload, ...rest } = plain(record) as Record<string, unknown>
        yield check.point(at(place, () => ({ place, id, vector, payload: payloadOf(payload, rest) })))
      }
    }
  }
  return { points: rows(), total }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** As JSON has it: times as text, and bytes that are text, since old writers do not mark which columns are. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return textOf(value)
  if (ArrayBuffer.isView(value) || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}

function textOf(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes
  }
}

function isoTime(time: bigint, perSecond: bigint, digits: number): string {
  const seconds = time >= 0n || time % perSecond === 0n ? time / perSecond : time / perSecond - 1n
  const fraction = (time - seconds * perSecond).toString().padStart(digits, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length)}.${fraction}Z`
}
