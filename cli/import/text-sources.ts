/** Points from JSON lines and from CSV. */
import { Readable } from 'node:stream'
import { CsvError, parse as parseCsv } from 'csv-parse'
import { badRequest } from '../../core/errors.ts'
import { exactParse } from '../../core/json/exact-json.ts'
import { at, type ImportPoint, payloadOf, RowCheck } from './row-check.ts'
import { textLines } from './text-lines.ts'

/** Each line is an object with `vector`, and `id` and `payload` where there are; other fields are the payload where none is named. */
export async function* jsonLines(input: AsyncIterable<Buffer>): AsyncGenerator<ImportPoint> {
  const check = new RowCheck()
  for await (const { text, line } of textLines(input)) {
    if (text.trim() === '') continue
    const place = `line ${line}`
    const row = at(place, () => {
      const { id, vector, payload, ...rest } = objectOf(text)
      return { place, id, vector, payload: payloadOf(payload, rest) }
    })
    yield check.point(row)
  }
}

function objectOf(text: string): Record<string, unknown> {
  const value = parseJson(text, 'it')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('it is not a JSON object')
  return value as Record<string, unknown>
}

function parseJson(text: string, what: string): unknown {
  try {
    return exactParse(text)
  } catch (error) {
    const [, why = ''] = /valid JSON: (.*)/s.exec((error as Error).message) ?? []
    throw badRequest(`${what} is not JSON${why === '' ? '' : ` (${why})`}`)
  }
}

/** The column `vector` is JSON, `id` is optional, the rest is payload, as text. */
export async function* csvRows(input: AsyncIterable<Buffer>): AsyncGenerator<ImportPoint> {
  const check = new RowCheck()
  const records = Readable.from(lines(input)).pipe(parseCsv({ columns: columnsOf, skip_empty_lines: true, info: true }))
  // An error of the text does not pass through the pipe by itself.
  const text = { failed: undefined as unknown }
  async function* lines(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
    try {
      for await (const { text: line } of textLines(bytes)) yield `${line}\n`
    } catch (error) {
      text.failed = error
    }
  }
  try {
    for await (const { record, info } of records as AsyncIterable<CsvRecord>) {
      const { id, vector = '', ...payload } = record
      const place = `line ${info.lines}`
      yield check.point(at(place, () => ({ place, id: idOf(id), vector: parseJson(vector, 'its vector'), payload })))
    }
  } catch (error) {
    throw error instanceof CsvError ? badRequest(`the CSV cannot be read: ${error.message}`) : error
  }
  if (text.failed !== undefined) throw text.failed
}

interface CsvRecord {
  record: Record<string, string>
  info: { lines: number }
}

function columnsOf(header: string[]): string[] {
  if (!header.includes('vector')) throw badRequest('line 1: there is no column "vector"')
  const twice = header.find((name, i) => header.indexOf(name) !== i)
  if (twice !== undefined) throw badRequest(`line 1: there are two columns "${twice}"`)
  return header
}

/** Digits as an integer is written are that integer; 007 is a text. */
function idOf(text: string | undefined): bigint | string | undefined {
  if (text === undefined || text === '') return undefined
  return /^(?:0|[1-9]\d*)$/.test(text) ? BigInt(text) : text
}
