/** What `export` writes `import` reads, whatever it is; an import that stops says how far it came, and goes on from there. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exactStringify } from '../../core/json/exact-json.ts'
import { until } from '../../runtime/until.ts'
import { cli, runCli, TestCluster } from '../support/cluster.ts'

const POINTS = 400
const folder = mkdtempSync(join(tmpdir(), 'maksdb-import-'))
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
})
afterAll(async () => {
  await cluster.close()
  rmSync(folder, { recursive: true })
})

const maksdb = (...args: string[]) => runCli([...args, '--data-dir', cluster.dataDir])
function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const lines = (from: number, count: number, vector: unknown = [1, 2]) =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ id: from + i, vector }))

async function fresh(name: string, distance = 'Euclid'): Promise<string> {
  await cluster.fetch('DELETE', `/collections/${name}`)
  const { status } = await cluster.fetch('PUT', `/collections/${name}`, { vectors: { size: 2, distance } })
  expect(status).toBe(200)
  return name
}

const count = async (name: string) => Number((await maksdb('count', '-c', name)).stdout)

describe('export, purge, import', () => {
  const text = fc.string({ unit: 'binary' })
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).any
  const id = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.uuid(),
    text.filter((one) => one !== '' && Buffer.byteLength(one) <= 256),
  )
  const float = fc.float({ noNaN: true, noDefaultInfinity: true })
  const payload = fc.dictionary(text, value, { maxKeys: 5, noNullPrototype: true })
  const point = fc.record({ id, vector: fc.tuple(float, float), payload })

  it.each(['Euclid', 'Dot', 'Cosine'])(
    'gives the same bytes under %s, whatever ids, vectors and payloads are',
    async (distance) => {
      const ends: { id: unknown; vector: number[]; payload: object }[] = [
        {
          id: 'lines\u2028\u2029\u0085\r',
          vector: [3.4028234663852886e38, -1.401298464324817e-45],
          payload: { '': '\0\u2028' },
        },
        { id: 0n, vector: [1e-38, 1], payload: { __proto__x: 1, constructor: 2, toString: [] } },
      ]
      const points = fc
        .sample(point, { numRuns: POINTS, seed: 20261125 })
        .filter(({ vector }) => vector.some((x) => x !== 0))
      const unique = [...new Map([...ends, ...points].map((one) => [String(one.id), one])).values()]
      const name = await fresh('there-and-back', distance)
      const path = file('points.jsonl', unique.map((one) => `${exactStringify(one)}\n`).join(''))
      const first = await maksdb('import', path, '-c', name, '--batch', '50')
      expect([first.code, first.stderr.includes('maksdb:')]).toEqual([0, false])
      const exported = join(folder, 'first.jsonl')
      expect((await maksdb('export', '-c', name, '-o', exported)).code).toBe(0)
      expect(await count(name)).toBe(unique.length)
      await fresh(name, distance)
      expect((await maksdb('import', exported, '-c', name)).code).toBe(0)
      const again = join(folder, 'second.jsonl')
      await maksdb('export', '-c', name, '-o', again)
      expect(readFileSync(again).equals(readFileSync(exported))).toBe(true)
    },
  )
})

describe('an import that stops', () => {
  it('at a bad row names file and line, how many rows are in, and goes on from there', async () => {
    const name = await fresh('broken')
    const rows = [...lines(0, 700), '{"id":700,"vector":[1,2,3]}', ...lines(701, 99)]
    const path = file('broken.jsonl', rows.join('\n'))
    const { code, stderr } = await maksdb('import', path, '-c', name, '--batch', '100')
    expect(code).toBe(1)
    expect(stderr).toContain(`${path}: line 701: its vector has 3 values, the first one of the file 2`)
    expect(stderr).toContain(`The first 700 rows are in ${name}; then continue with --skip 700`)
    expect(await count(name)).toBe(700)
    writeFileSync(path, rows.with(700, lines(700, 1)[0] as string).join('\n'))
    expect((await maksdb('import', path, '-c', name, '--skip', '700')).code).toBe(0)
    expect(await count(name)).toBe(800)
  })

  it('at a batch that the server refuses names its rows', async () => {
    const name = await fresh('refused')
    const path = file('refused.jsonl', lines(0, 10, [1, 2, 3]).join('\n'))
    const { code, stderr } = await maksdb('import', path, '-c', name, '--batch', '4')
    expect(code).toBe(1)
    expect(stderr).toMatch(/refused\.jsonl, in rows \d+ to \d+: .*dimension 2/)
    expect(stderr).toContain('No point of it was imported')
  })

  it('by Ctrl-C says how far it came, and goes on from there', async () => {
    const name = await fresh('interrupted')
    const path = file('many.jsonl', lines(0, 60_000).join('\n'))
    const child = spawn(process.execPath, [
      cli,
      'import',
      path,
      '-c',
      name,
      '--data-dir',
      cluster.dataDir,
      '--batch',
      '20',
    ])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
    await until('the first points', async () => ((await count(name)) > 0 ? true : undefined))
    child.kill('SIGINT')
    expect(await ended).toBe(1)
    const [, next = ''] = /it was interrupted\. The first (\d+) rows are in interrupted/.exec(stderr) ?? []
    expect(Number(next), stderr).toBeGreaterThan(0)
    expect(Number(next)).toBeLessThan(60_000)
    expect((await maksdb('import', path, '-c', name, '--batch', '1000', '--skip', next)).code).toBe(0)
    expect(await count(name)).toBe(60_000)
  })
})

it('an option that counts takes whole numbers only', async () => {
  for (const [option, value] of [
    ['--limit', 'abc'],
    ['--limit', '0'],
    ['--limit', '1.5'],
    ['--probes', '-1'],
  ] as const) {
    const { code, stderr } = await maksdb('search', '-c', cluster.name, '--vector', '[1,2]', option, value)
    expect([code, stderr]).toEqual([2, expect.stringContaining('It must be an integer from 1')])
  }
})
