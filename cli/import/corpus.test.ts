/** Files by numpy, pandas, polars and pyarrow (test/support/corpus/make.py): read as they are meant, or refused with the place. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { exactParse } from '../../core/json/exact-json.ts'
import type { ImportPoint } from './row-check.ts'
import { openSource } from './sources.ts'

const folder = fileURLToPath(new URL('../../test/support/corpus/', import.meta.url))
const files = readdirSync(folder).filter((name) => !name.endsWith('.py'))
const ROWS = 10
const numbers = Array.from({ length: ROWS }, (_, i) => i)
const floats = numbers.map((i) => [i, i / 2, -i / 4, 1 + i / 8])
const integers = numbers.map((i) => [i, 2 * i, 3 * i, 4 * i])
const titles = numbers.map((i) => `título ${i}\u2028"a, b"\n`)

async function read(name: string): Promise<ImportPoint[]> {
  const points: ImportPoint[] = []
  const { points: source, total } = await openSource(folder + name)
  for await (const point of source) points.push(point)
  if (total !== undefined) expect(points).toHaveLength(total)
  return points
}

describe('a file by another tool', () => {
  it.each(files.filter((name) => /^(numpy|pandas|polars)/.test(name)))('%s is read as it is meant', async (name) => {
    const points = await read(name)
    const expected = /^numpy-(big-)?[iu]/.test(name) ? integers : floats
    expect(points.map(({ vector }) => vector.map((x) => (x === 0 ? 0 : x)))).toEqual(
      expected.map((vector) => vector.map((x) => (x === 0 ? 0 : x))),
    )
    if (name.startsWith('numpy')) return
    expect(points.map(({ payload }) => payload?.title)).toEqual(titles)
    const ids = name.includes('without-ids') ? numbers : numbers.map((i) => String(i).padStart(3, '0'))
    expect(points.map(({ id }) => id)).toEqual(ids)
  })

  it('pyarrow-types.parquet keeps numbers, times and nested columns to the last digit', async () => {
    const [first, second] = await read('pyarrow-types.parquet')
    expect(first).toEqual({
      id: 2n ** 64n - 1n,
      vector: [0, 0, 0, 1],
      payload: {
        small: 0,
        large: 2n ** 60n,
        none: null,
        kind: 'a',
        long: titles[0],
        at: '2023-11-14T22:13:20.123456789Z',
        before: '1969-12-31T23:59:59.999999Z',
        nested: { tags: ['x', null], deep: { n: 0n } },
      },
    })
    expect(second?.payload).toMatchObject({
      kind: 'b',
      at: '2023-11-14T22:13:20.123456790Z',
      nested: { deep: { n: 1n } },
    })
  })

  it('pyarrow-half-payload.parquet has a column of payloads, which are taken as they are', async () => {
    expect((await read('pyarrow-half-payload.parquet'))[3]).toEqual({ id: 3, vector: floats[3], payload: { n: 3n } })
  })

  const refused: Record<string, string> = {
    'refused-one-dimension.npy': 'its shape is (4,); save a two-dimensional array',
    'refused-three-dimensions.npy': 'its shape is (2, 2, 2)',
    'refused-complex.npy': 'its values are of type <c8',
    'refused-fortran.npy': 'it is in Fortran order; save it with numpy.ascontiguousarray',
    'refused-structured.npy': 'its values are of type a structure',
    'refused-not-a-number.npy': 'row 1: vector[1] is not a finite float32',
    'refused-cut.npy': 'its header names 10 rows of 4 values, 288 bytes in all; it has 285',
    'refused-longer.npy': '288 bytes in all; it has 289',
    'refused-six-bytes.npy': 'it ends within its header',
    'refused-row-7.fvecs': 'row 7: its own count is 5 values, the first one 4',
    'refused-cut.fvecs': 'its 199 bytes are not a whole number of rows of 4 values',
    'refused-numpy-text.csv': 'line 3: its vector is not JSON',
    'refused-no-vector.csv': 'line 1: there is no column "vector"',
    'refused-latin-1.csv': 'line 1: it is not UTF-8 text',
    'refused-short-record.csv': 'line 3',
    'refused-open-quote.csv': 'at line 3',
    'refused-vector-text.parquet': 'row 0: it has no "vector" that is a list',
    'refused-bytes.parquet': 'row 0: payload.raw holds bytes',
    'refused-nan.parquet': 'row 9: payload.x is NaN',
    'refused-null-vector.parquet': 'row 4: it has no "vector"',
    'refused-no-vector.parquet': 'there is no column "vector"',
    'refused-cut.parquet': 'it is not a Parquet file, or a damaged one',
    'refused-damaged.parquet': 'rows 0 to 9 cannot be read',
  }
  it.each(Object.entries(refused))('%s is refused: %s', async (name, message) => {
    await expect(read(name)).rejects.toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining(message) })
  })

  it('is named in one of these tests, each of them', () => {
    const tried = (name: string) => /^(numpy|pandas|polars|pyarrow)/.test(name) || name in refused
    expect(files.filter((name) => !tried(name))).toEqual([])
    expect(exactParse(readFileSync(`${folder}polars.ndjson`, 'utf8').split('\n')[0] as string)).toMatchObject({
      id: '000',
    })
  })
})
