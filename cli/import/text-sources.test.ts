import { describe, expect, it } from 'vitest'
import type { ImportPoint } from './row-check.ts'
import { csvRows, jsonLines } from './text-sources.ts'

/** In pieces of a few bytes, so that every character and line is cut somewhere. */
async function* pieces(text: string | Buffer): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3)
}

async function all(points: AsyncIterable<ImportPoint>): Promise<ImportPoint[]> {
  const list: ImportPoint[] = []
  for await (const point of points) list.push(point)
  return list
}

const read = (text: string | Buffer) => all(jsonLines(pieces(text)))

describe('JSON lines', () => {
  it('end with a line feed and with nothing else, whatever stands in a text', async () => {
    const payload = { a: '\u2028\u2029\u0085\v\f', b: '\r', c: 'ünï' }
    const lines = [
      { id: 1, vector: [1], payload },
      { id: 2, vector: [2] },
    ]
    expect(await read(`\ufeff${lines.map((line) => JSON.stringify(line)).join('\r\n')}\n\n`)).toEqual(lines)
  })

  it('may carry the payload as fields of their own, but not beside one that is named', async () => {
    expect(await read('{"vector":[1],"title":"a"}')).toEqual([{ id: 0, vector: [1], payload: { title: 'a' } }])
    await expect(read('{"vector":[1],"title":"a","payload":{}}')).rejects.toThrow(
      'line 1: "title" stands beside "payload"',
    )
  })

  it('keep integers of 64 bits', async () => {
    const [point] = await read('{"id":18446744073709551615,"vector":[1],"payload":{"n":9007199254740993}}')
    expect(point).toEqual({ id: 2n ** 64n - 1n, vector: [1], payload: { n: 9007199254740993n } })
  })

  const uuid = '6b29fc40-ca47-1067-b31d-00dd010662da'
  it.each([
    ['{"vector":[1]}\n{"id":7,"vector":[1]}', 'line 2: it has an id, and the rows before have none'],
    ['{"id":7,"vector":[1]}\n\n{"vector":[1]}', 'line 3: it has no id, and the rows before have ids'],
    ['{"id":7,"vector":[1]}\n{"id":7,"vector":[2]}', 'line 2: it has the id of line 1'],
    [
      `{"id":"${uuid}","vector":[1]}\n{"id":"${uuid.replaceAll('-', '').toUpperCase()}","vector":[2]}`,
      'the id of line 1',
    ],
    ['{"id":-1,"vector":[1]}', 'line 1: a point id must not be negative'],
    ['{"vector":[1]}\n{"vector":[1,2]}', 'line 2: its vector has 2 values, the first one of the file 1'],
    ['{"vector":[1e39]}', 'line 1: vector[0] is not a finite float32'],
    ['{"vector":["1"]}', 'line 1: vector[0] is not a number'],
    ['{"vector":"[1]"}', 'line 1: it has no "vector" that is a list'],
    ['{"vector":[1],"payload":{"a":[{"b":1e999}]}}', 'line 1: payload.a.0.b is Infinity, which is not valid in JSON'],
    ['{"vector":[1],"payload":[]}', 'line 1: its payload is not an object'],
    ['[1]', 'line 1: it is not a JSON object'],
    ['{"vector":[1]}\n{"vector":[1}', 'line 2: it is not JSON'],
    [Buffer.from('{"vector":[1],"payload":{"a":"\xff"}}', 'latin1'), 'line 1: it is not UTF-8 text'],
    [Buffer.from('\ufeff{"vector":[1]}', 'utf16le'), 'line 1: it is not UTF-8 text'],
  ])('that hold %j are refused: %s', async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining(message) })
  })
})

describe('a CSV', () => {
  it('has digits for integers, and texts for all else', async () => {
    const rows = ['id,vector,n', '7,[1],007', '18446744073709551615,[2],', '007,[3],x', 'film,[4],"a\nb"']
    expect(await all(csvRows(pieces(`${rows.join('\n')}\n`)))).toEqual([
      { id: 7n, vector: [1], payload: { n: '007' } },
      { id: 2n ** 64n - 1n, vector: [2], payload: { n: '' } },
      { id: '007', vector: [3], payload: { n: 'x' } },
      { id: 'film', vector: [4], payload: { n: 'a\nb' } },
    ])
  })

  it.each([
    ['id,vector,n,n\n1,[1],a,b', 'line 1: there are two columns "n"'],
    ['id,vector\n99999999999999999999,[1]', 'line 2: the point id 99999999999999999999 is above 2^64-1'],
    ['id,vector\n1,', 'line 2: its vector is not JSON'],
  ])('that holds %j is refused: %s', async (text, message) => {
    await expect(all(csvRows(pieces(text)))).rejects.toMatchObject({ message: expect.stringContaining(message) })
  })
})
