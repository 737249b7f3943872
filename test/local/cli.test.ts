/** The command line as a user meets it: files in, JSON out, exit codes, two clusters side by side. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, TestCluster } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-cli-'))
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 4, clusters: 1 } })
})
afterAll(async () => {
  await cluster.close()
  rmSync(folder, { recursive: true, force: true })
})

const maksdb = (...args: string[]) => runCli([...args, '--data-dir', cluster.dataDir])
const json = (text: string): unknown => JSON.parse(text)
const VECTORS = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0.5, 0.25, 0.125, 3],
]

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function fvecs(): Buffer {
  return Buffer.concat(
    VECTORS.map((vector) => {
      const head = Buffer.alloc(4)
      head.writeInt32LE(vector.length)
      return Buffer.concat([head, Buffer.from(Float32Array.from(vector).buffer)])
    }),
  )
}

function npy(): Buffer {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }".padEnd(117)
  const head = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([118, 0]),
    Buffer.from(`${header}\n`, 'latin1'),
  ])
  return Buffer.concat([head, Buffer.from(Float32Array.from(VECTORS.flat()).buffer)])
}

const files: [string, () => string | Buffer][] = [
  ['points.jsonl', () => VECTORS.map((vector, id) => JSON.stringify({ id, vector, payload: { row: id } })).join('\n')],
  [
    'points.csv',
    () => ['vector,row', ...VECTORS.map((vector, row) => `"${JSON.stringify(vector)}",${row}`)].join('\n'),
  ],
  ['points.fvecs', fvecs],
  ['points.npy', npy],
]

describe('import', () => {
  it.each(files)('%s: rows without an id are numbered from 0, and vectors come back exactly', async (name, content) => {
    const { code, stdout, stderr } = await maksdb('import', file(name, content()), '--collection', 'things', '--json')
    expect([code, stderr]).toEqual([0, ''])
    expect(json(stdout)).toMatchObject({ points: 3 })
    const got = json((await maksdb('get', '-c', 'things', '--id', '0', '1', '2', '--json')).stdout) as {
      id: number
      vector: number[]
    }[]
    expect(got.map(({ id, vector }) => [id, vector])).toEqual(VECTORS.map((vector, id) => [id, vector]))
    expect((await maksdb('delete', '-c', 'things', '--id', '0', '1', '2')).code).toBe(0)
  })

  it('a Parquet file with a list column', async () => {
    const path = join(import.meta.dirname, '../support/points.parquet')
    const { code, stderr } = await maksdb('import', path, '-c', 'things', '--json')
    expect([code, stderr]).toEqual([0, ''])
    const got = json((await maksdb('get', '-c', 'things', '--id', '10', '11', '--json')).stdout)
    expect(got).toEqual([
      { id: 10, payload: { name: 'ten' }, vector: [1, 2, 3, 4] },
      { id: 11, payload: { name: 'eleven' }, vector: [5, 6, 7, 8] },
    ])
    await maksdb('delete', '-c', 'things', '--id', '10', '11')
  })

  it('JSON lines on standard input, and out again by export', async () => {
    const lines = [
      { id: 'a', vector: [1, 2, 3, 4], payload: { big: 1 } },
      { id: 'b', vector: [4, 3, 2, 1], payload: {} },
    ]
    const imported = await runCli(['import', '-', '-c', 'things', '--data-dir', cluster.dataDir], {
      input: lines.map((line) => JSON.stringify(line)).join('\n'),
    })
    expect([imported.code, imported.stdout]).toEqual([0, expect.stringContaining('imported 2 points')])
    const exported = await maksdb('export', '-c', 'things')
    expect(exported.stdout.trim().split('\n').map(json)).toEqual([
      { id: 'a', vector: [1, 2, 3, 4], payload: { big: 1 } },
      { id: 'b', vector: [4, 3, 2, 1], payload: {} },
    ])
    const path = join(folder, 'out.jsonl')
    expect((await maksdb('export', '-c', 'things', '--output', path)).code).toBe(0)
    expect(readFileSync(path, 'utf8')).toBe(exported.stdout)
  })

  it('explains a file that does not fit in one sentence', async () => {
    const wrong = await maksdb('import', file('wrong.jsonl', '{"id":1,"vector":[1]}'), '-c', 'things')
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('dimension 4')])
    expect((await maksdb('import', file('x.txt', ''), '-c', 'things')).stderr).toContain(
      '.fvecs, .npy, .jsonl, .csv or .parquet',
    )
    expect((await maksdb('import', join(folder, 'absent.npy'), '-c', 'things')).code).toBe(1)
  })
})

describe('search, count, status', () => {
  it('search prints the result of REST with --json and a table without', async () => {
    const found = await maksdb('search', '-c', 'things', '--vector', '[1,2,3,4]', '--limit', '1', '--json')
    expect(json(found.stdout)).toEqual({
      points: [{ id: 'a', version: expect.any(Number) as number, score: 0, payload: { big: 1 } }],
    })
    expect((await maksdb('search', '-c', 'things', '--id', 'a', '--limit', '1')).stdout).toMatch(/^b /)
    expect(json((await maksdb('count', '-c', 'things', '--json')).stdout)).toEqual({ count: 2 })
    expect((await maksdb('count', '-c', 'things')).stdout).toBe('2\n')
  })

  it('status --json has one entry a process, in the documented shape', async () => {
    const { endpoint, processes } = json((await maksdb('status', '--json')).stdout) as {
      endpoint: string
      processes: { kind: string }[]
    }
    expect(endpoint).toBe(cluster.url)
    expect(processes.map(({ kind }) => kind).sort()).toEqual(['redis', 'router', 'shard', 'supervisor'])
    expect(processes.find(({ kind }) => kind === 'shard')).toEqual({
      name: 'things-shard-0-0',
      kind: 'shard',
      collection: 'things',
      cluster: 0,
      ordinal: 0,
      role: 'primary',
      ready: true,
      points: 2,
      pid: expect.any(Number) as number,
      port: expect.any(Number) as number,
      adminPort: expect.any(Number) as number,
      epoch: expect.any(Number) as number,
      appliedId: expect.stringMatching(/^\d+-\d+$/) as string,
    })
    expect(processes.find(({ kind }) => kind === 'router')).toMatchObject({
      collection: null,
      cluster: null,
      role: null,
      epoch: null,
      points: null,
      ready: true,
    })
    const nothing = await runCli(['status', '--json', '--data-dir', join(folder, 'nothing')])
    expect([nothing.code, json(nothing.stdout)]).toEqual([0, { endpoint: null, processes: [] }])
  })
})

describe('exit codes', () => {
  it('are 2 for wrong usage, 1 for what failed, 0 for help, which shows an example', async () => {
    expect((await runCli(['frobnicate'])).code).toBe(2)
    expect((await runCli(['search'])).code).toBe(2)
    expect((await maksdb('count', '-c', 'absent')).code).toBe(1)
    expect((await maksdb('backup')).stderr).toContain('not built yet')
    for (const command of [
      'start',
      'stop',
      'status',
      'import',
      'export',
      'search',
      'get',
      'delete',
      'count',
      'accept-loss',
    ]) {
      const help = await runCli([command, '--help'])
      expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('Example:')])
      expect(help.stdout).toContain('--json')
    }
  })

  it('a manifest that is wrong is refused with its field before anything starts', async () => {
    const manifest = (spec: string) =>
      file('bad.yaml', `apiVersion: maksdb.io/v1alpha1\nkind: VectorCluster\nmetadata: {name: bad}\nspec: ${spec}\n`)
    const start = (path: string) => runCli(['start', '-f', path, '--data-dir', join(folder, 'bad')])
    for (const [spec, says] of [
      ['{}', 'dimension'],
      ['{dimension: 0}', 'dimension'],
      ['{dimension: 4, clusters: 0}', 'clusters'],
      ['{dimension: 4, metric: Manhattan}', 'metric'],
      ['{dimension: 4, redundantStorage: "3.0"}', 'redundantStorage'],
      ['{dimension: 4, colour: red}', 'colour'],
      ['{dimension: 4, clusters: 5, centroids: {sampleSize: 10}}', 'sampleSize'],
      ['{dimension: 4, durability: Replicated}', 'Replicated'],
      ['{dimension: 4, centroids: {source: Supplied, configMapRef: {name: x, key: y}}}', 'ConfigMap x'],
    ] as const) {
      const { code, stderr } = await start(manifest(spec))
      expect([code, stderr]).toEqual([1, expect.stringContaining(says)])
    }
    expect((await runCli(['status', '--json', '--data-dir', join(folder, 'bad')])).stdout).toContain('"processes":[]')
  })

  it('a port that is taken is refused when it was asked for', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await runCli(['start', '--port', String(port), '--data-dir', join(folder, 'taken')])
    server.close()
    expect([code, stderr]).toEqual([1, expect.stringContaining(`port ${port}`)])
  })

  it('an address that others can reach needs a key', async () => {
    const { code, stderr } = await runCli(['start', '--host', '0.0.0.0', '--data-dir', join(folder, 'open')])
    expect([code, stderr]).toEqual([1, expect.stringContaining('--api-key')])
  })
})

describe('a second local cluster, with keys, collections by REST, its own ports', () => {
  const dataDir = join(folder, 'second')
  const keys = { rw: 'secret-key', ro: 'look-only' }
  let url = ''
  beforeAll(async () => {
    const { code, stdout, stderr } = await runCli([
      'start',
      '--data-dir',
      dataDir,
      '--api-key',
      keys.rw,
      '--read-only-api-key',
      keys.ro,
      '--json',
    ])
    expect([code, stderr]).toEqual([0, ''])
    url = (json(stdout) as { endpoint: string }).endpoint
    expect(url).not.toBe(cluster.url)
  })
  afterAll(async () => {
    await runCli(['stop', '--purge', '--data-dir', dataDir])
  })
  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { 'api-key': keys.rw },
  ) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it('creates a collection that is ready, describes it, and removes it with its processes', async () => {
    const started = performance.now()
    const created = await call('PUT', '/collections/My%20Films', {
      vectors: { '': { size: 4, distance: 'Cosine' } },
      sparse_vectors: {},
    })
    expect([created.status, await created.json()]).toMatchObject([200, { result: true }])
    console.log(`PUT /collections was ready after ${Math.round(performance.now() - started)} ms`)
    const described = (await (await call('GET', '/collections/My%20Films')).json()) as {
      result: { config: { params: { vectors: unknown } }; status: string }
    }
    expect(described.result.config.params.vectors).toEqual({ '': { size: 4, distance: 'Cosine' } })
    expect((await call('PUT', '/collections/My%20Films', { vectors: { size: 4, distance: 'Cosine' } })).status).toBe(
      409,
    )
    expect(
      (
        await call('PUT', '/collections/My%20Films/points?wait=true', {
          points: [
            { id: 1, vector: { '': [3, 4, 0, 0] } },
            { id: 2, vector: [0, 0] },
          ],
        })
      ).status,
    ).toBe(400)
    expect(
      (
        await call('PUT', '/collections/My%20Films/points?wait=true', {
          points: [{ id: 1, vector: { '': [3, 4, 0, 0] } }],
        })
      ).status,
    ).toBe(200)
    const point = (await (await call('GET', '/collections/My%20Films/points/1')).json()) as {
      result: { vector: unknown }
    }
    expect(point.result.vector).toEqual({ '': [0.6, 0.8, 0, 0] })
    const scored = (await (
      await call('POST', '/collections/My%20Films/points/query', { query: { nearest: [30, 40, 0, 0] }, using: '' })
    ).json()) as { result: { points: { score: number }[] } }
    expect(scored.result.points[0]?.score).toBeCloseTo(1, 6)
    expect((await call('DELETE', '/collections/My%20Films')).status).toBe(200)
    expect(((await (await call('GET', '/collections')).json()) as { result: unknown }).result).toEqual({
      collections: [],
    })
    expect(
      (
        json((await runCli(['status', '--json', '--data-dir', dataDir])).stdout) as { processes: { kind: string }[] }
      ).processes
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['router', 'supervisor'])
  })

  it('asks for a key: none or a wrong one is 401, the read-only one may read and not write', async () => {
    expect((await call('GET', '/collections', undefined, {})).status).toBe(401)
    expect((await call('GET', '/collections', undefined, { 'api-key': 'wrong' })).status).toBe(401)
    expect((await call('GET', '/collections', undefined, { authorization: `Bearer ${keys.rw}` })).status).toBe(200)
    expect((await call('GET', '/collections', undefined, { 'api-key': keys.ro })).status).toBe(200)
    expect(
      (await call('PUT', '/collections/x', { vectors: { size: 2, distance: 'Dot' } }, { 'api-key': keys.ro })).status,
    ).toBe(403)
    expect((await call('DELETE', '/collections/x', undefined, { 'api-key': keys.ro })).status).toBe(403)
    expect((await call('GET', '/metrics', undefined, {})).status).toBe(401)
    expect((await call('GET', '/metrics', undefined, { 'api-key': keys.ro })).status).toBe(200)
    expect((await call('GET', '/healthz', undefined, {})).status).toBe(200)
  })

  it('Dot scores are products, higher is better', async () => {
    expect(
      (await call('PUT', '/collections/dots', { vectors: { size: 2, distance: 'Dot' }, hnsw_config: { m: 16 } }))
        .status,
    ).toBe(200)
    await call('PUT', '/collections/dots/points?wait=true', {
      batch: {
        ids: [1, 2],
        vectors: [
          [1, 0],
          [3, 3],
        ],
        payloads: [{ a: 1 }, null],
      },
    })
    const answer = (await (
      await call('POST', '/collections/dots/points/search', {
        vector: [1, 1],
        limit: 5,
        score_threshold: 0.5,
        with_payload: true,
      })
    ).json()) as { result: { id: number; score: number; payload: unknown }[] }
    expect(answer.result.map(({ id, score, payload }) => [id, score, payload])).toEqual([
      [2, 6, {}],
      [1, 1, { a: 1 }],
    ])
  })
})
