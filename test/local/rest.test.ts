/** Bad input, one case a test: its status, an error that names what is wrong, and that nothing changed. */
import { request as rawRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
const BODY_LIMIT = 200_000
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 3, clusters: 2, centroids: { source: 'Random', seed: 7 } },
    env: { MAKSDB_BODY_BYTES_MAX: String(BODY_LIMIT) },
  })
  await cluster.settled()
  await cluster.collection.upsert([
    { id: 1, vector: [1, 0, 0], payload: { name: 'one', nested: { a: 1, b: 2 } } },
    { id: 'two', vector: [0, 1, 0], payload: { name: 'two' } },
    { id: 18446744073709551615n, vector: [0, 0, 1], payload: { big: 18446744073709551615n } },
  ])
})
afterAll(() => cluster.close())

async function state(): Promise<string> {
  return (
    await cluster.fetch('POST', '/collections/things/points/scroll', {
      limit: 100,
      with_vector: true,
      with_payload: true,
    })
  ).raw.replace(/"time":[^,]+/, '')
}

type Case = [what: string, method: string, path: string, body: unknown, status: number, says: RegExp]
const P = '/collections/things/points'
const point = (extra: object) => ({ points: [{ id: 9, vector: [1, 2, 3], ...extra }] })

const cases: Case[] = [
  ['a wrong dimension', 'PUT', P, point({ vector: [1, 2] }), 400, /points\[0\]\.vector has 2 values.*dimension 3/],
  ['an empty vector', 'PUT', P, point({ vector: [] }), 400, /has 0 values/],
  ['a number beyond float32', 'PUT', P, '{"points":[{"id":9,"vector":[1e39,0,0]}]}', 400, /not a finite float32/],
  ['infinity by overflow', 'PUT', P, '{"points":[{"id":9,"vector":[1e999,0,0]}]}', 400, /not a finite float32/],
  ['NaN, which is not JSON', 'PUT', P, '{"points":[{"id":9,"vector":[NaN,0,0]}]}', 400, /not valid JSON/],
  ['text in a vector', 'PUT', P, point({ vector: ['1', 2, 3] }), 400, /must be a number/],
  ['a nested vector', 'PUT', P, point({ vector: [[1, 2, 3]] }), 400, /has 1 values/],
  ['a named vector', 'PUT', P, point({ vector: { image: [1, 2, 3] } }), 400, /image/],
  ['a missing vector', 'PUT', P, { points: [{ id: 9 }] }, 400, /has no vector/],
  ['a missing id', 'PUT', P, { points: [{ vector: [1, 2, 3] }] }, 400, /has no id/],
  ['a negative id', 'PUT', P, point({ id: -1 }), 400, /negative/],
  ['a fractional id', 'PUT', P, point({ id: 1.5 }), 400, /whole number/],
  ['an id above 2^64-1', 'PUT', P, '{"points":[{"id":18446744073709551616,"vector":[1,2,3]}]}', 400, /2\^64-1/],
  ['an id of 257 bytes', 'PUT', P, point({ id: 'x'.repeat(257) }), 400, /at most 256 bytes/],
  ['an empty id', 'PUT', P, point({ id: '' }), 400, /empty/],
  ['an id that is an object', 'PUT', P, point({ id: {} }), 400, /not an object/],
  ['an id with half a surrogate pair', 'PUT', P, '{"points":[{"id":"\\ud800","vector":[1,2,3]}]}', 400, /well-formed/],
  ['a payload that is a list', 'PUT', P, point({ payload: [1] }), 400, /payload must be a JSON object/],
  [
    'a payload nested beyond measure',
    'PUT',
    P,
    `{"points":[{"id":9,"vector":[1,2,3],"payload":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}]}`,
    400,
    /nested deeper/,
  ],
  ['an unknown field of a point', 'PUT', P, point({ colour: 'red' }), 400, /colour/],
  ['an unknown field of the body', 'PUT', P, { ...point({}), upsert: true }, 400, /upsert/],
  ['neither points nor batch', 'PUT', P, {}, 400, /"points" or "batch"/],
  ['a batch whose lists differ', 'PUT', P, { batch: { ids: [1, 2], vectors: [[1, 2, 3]] } }, 400, /differ in length/],
  [
    'one bad point among good ones',
    'PUT',
    P,
    {
      points: [
        { id: 20, vector: [1, 1, 1] },
        { id: 21, vector: [1] },
      ],
    },
    400,
    /points\[1\]/,
  ],
  ['a wait that is no boolean', 'PUT', `${P}?wait=maybe`, point({}), 400, /"wait"/],
  ['a timeout that is no number', 'PUT', `${P}?timeout=soon`, point({}), 400, /"timeout"/],
  ['malformed JSON', 'PUT', P, '{"points":[', 400, /not valid JSON/],
  ['a body that is a list', 'PUT', P, '[]', 400, /must be a JSON object/],
  ['a body that is missing', 'PUT', P, undefined, 400, /must be a JSON object/],
  ['a body above the limit', 'PUT', P, `{"points":[${' '.repeat(BODY_LIMIT)}]}`, 413, /larger than the limit/],
  ['a limit of 0', 'POST', `${P}/query`, { query: [1, 2, 3], limit: 0 }, 400, /"limit" must be from 1/],
  ['a negative limit', 'POST', `${P}/query`, { query: [1, 2, 3], limit: -1 }, 400, /"limit"/],
  ['a fractional limit', 'POST', `${P}/query`, { query: [1, 2, 3], limit: 1.5 }, 400, /"limit"/],
  ['a limit above the cap', 'POST', `${P}/query`, { query: [1, 2, 3], limit: 10_001 }, 400, /10000/],
  ['a query of a wrong dimension', 'POST', `${P}/query`, { query: [1, 2] }, 400, /dimension 3/],
  [
    'a query with a filter, by name',
    'POST',
    `${P}/query`,
    { query: [1, 2, 3], filter: { must: [{ key: 'a', match: { value: 1 } }] } },
    400,
    /"filter" is not supported yet/,
  ],
  [
    'a query with mmr, by name',
    'POST',
    `${P}/query`,
    { query: { nearest: [1, 2, 3], mmr: { diversity: 0.5 } } },
    400,
    /"mmr" is not supported yet/,
  ],
  [
    'a query that recommends, by name',
    'POST',
    `${P}/query`,
    { query: { recommend: { positive: [1] } } },
    400,
    /recommend/,
  ],
  [
    'a query with a prefetch, by name',
    'POST',
    `${P}/query`,
    { query: [1, 2, 3], prefetch: [{ query: [1, 2, 3] }] },
    400,
    /prefetch/,
  ],
  ['a query without a query', 'POST', `${P}/query`, {}, 400, /query/],
  ['an unknown search parameter', 'POST', `${P}/query`, { query: [1, 2, 3], params: { speed: 'fast' } }, 400, /speed/],
  ['probes of 0', 'POST', `${P}/query`, { query: [1, 2, 3], params: { probes: 0 } }, 400, /probes/],
  [
    'a token, by name',
    'POST',
    `${P}/query`,
    { query: [1, 2, 3], params: { token: 'x' } },
    400,
    /"token" is not supported yet/,
  ],
  [
    'consistency session, by name',
    'POST',
    `${P}/query`,
    { query: [1, 2, 3], params: { consistency: 'session' } },
    400,
    /"session" is not supported yet/,
  ],
  [
    'an unknown consistency',
    'POST',
    `${P}/query`,
    { query: [1, 2, 3], params: { consistency: 'best' } },
    400,
    /consistency must be/,
  ],
  ['another vector name', 'POST', `${P}/query`, { query: [1, 2, 3], using: 'image' }, 400, /image/],
  ['a query by an id that does not exist', 'POST', `${P}/query`, { query: 404 }, 404, /404/],
  ['a batch without searches', 'POST', `${P}/query/batch`, { searches: [] }, 400, /searches/],
  ['a scroll that orders by a key, by name', 'POST', `${P}/scroll`, { order_by: 'name' }, 400, /order_by/],
  ['a scroll with a filter, by name', 'POST', `${P}/scroll`, { filter: { must: [{ has_id: [1] }] } }, 400, /filter/],
  ['a count with a filter, by name', 'POST', `${P}/count`, { filter: { should: [{ has_id: [1] }] } }, 400, /filter/],
  ['a delete by filter, by name', 'POST', `${P}/delete`, { filter: { must: [{ has_id: [1] }] } }, 400, /filter/],
  ['a delete without ids', 'POST', `${P}/delete`, {}, 400, /points/],
  [
    'payload edits, by name',
    'POST',
    `${P}/payload`,
    { payload: { a: 1 }, points: [1] },
    400,
    /"points\/payload" is not supported yet/,
  ],
  ['a point that does not exist', 'GET', `${P}/404`, undefined, 404, /404/],
  ['a collection that does not exist', 'POST', '/collections/nothing/points/query', { query: [1] }, 404, /nothing/],
  ['an unknown route', 'GET', '/no/such/route', undefined, 404, /no route/],
  ['pages that come later, by name', 'GET', '/console', undefined, 400, /console/],
  ['a broken escape in the path', 'GET', `${P}/%E0%A4%A`, undefined, 400, /./],
  ['re-clustering, by name', 'POST', '/v1/collections/things/recluster', {}, 400, /"recluster" is not supported yet/],
  [
    'centroids of a wrong number',
    'PUT',
    '/v1/collections/things/centroids',
    { centroids: [[1, 2, 3]] },
    400,
    /list of 2 vectors/,
  ],
  [
    'centroids where there are some',
    'PUT',
    '/v1/collections/things/centroids',
    {
      centroids: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    },
    409,
    /has centroids/,
  ],
  [
    'a collection that exists',
    'PUT',
    '/collections/things',
    { vectors: { size: 3, distance: 'Euclid' } },
    409,
    /already exists/,
  ],
  ['Manhattan', 'PUT', '/collections/other', { vectors: { size: 3, distance: 'Manhattan' } }, 400, /Manhattan/],
  ['a collection without a size', 'PUT', '/collections/other', { vectors: { distance: 'Dot' } }, 400, /size/],
  [
    'sparse vectors',
    'PUT',
    '/collections/other',
    { vectors: { size: 3, distance: 'Dot' }, sparse_vectors: { text: {}, more: { index: { on_disk: true } } } },
    400,
    /sparse_vectors/,
  ],
  [
    'a durability that is not built, by name',
    'PUT',
    '/collections/other',
    { vectors: { size: 3, distance: 'Dot' }, maksdb: { durability: 'Journal' } },
    400,
    /Journal is not supported yet/,
  ],
  [
    'a durability that does not exist',
    'PUT',
    '/collections/other',
    { vectors: { size: 3, distance: 'Dot' }, maksdb: { durability: 'Diamond' } },
    400,
    /durability/,
  ],
]

describe('bad input', () => {
  it.each(cases)('%s gets its status and changes nothing', async (_what, method, path, body, status, says) => {
    const before = await state()
    const answer = await cluster.fetch(method, path, body)
    expect(answer.status, answer.raw).toBe(status)
    expect((answer.json.status as { error: string }).error).toMatch(says)
    expect(answer.json).toHaveProperty('time')
    expect(answer.json.maksdb?.hint).toBeTypeOf('string')
    expect(await state()).toBe(before)
  })

  it('a body of another type is 415, compressed or not', async () => {
    const before = await state()
    expect((await cluster.fetch('PUT', P, JSON.stringify(point({})), { 'content-type': 'text/plain' })).status).toBe(
      415,
    )
    expect((await cluster.fetch('PUT', P, JSON.stringify(point({})), { 'content-encoding': 'gzip' })).status).toBe(415)
    expect(await state()).toBe(before)
  })

  it('a foreign Host header is refused where no key is set', async () => {
    const status = await new Promise((resolve, reject) => {
      const request = rawRequest(`${cluster.url}/collections`, { headers: { host: 'evil.example' } }, (response) =>
        resolve(response.statusCode),
      )
      request.on('error', reject)
      request.end()
    })
    expect(status).toBe(403)
  })

  it('an Idempotency-Key is refused by name until it works', async () => {
    const answer = await cluster.fetch('PUT', P, point({}), { 'idempotency-key': 'k' })
    expect([answer.status, (answer.json.status as { error: string }).error]).toEqual([
      400,
      expect.stringContaining('Idempotency-Key'),
    ])
  })

  it('a version that does not match is 409, and the point stays as it is', async () => {
    const before = await state()
    expect(
      (
        await cluster.fetch(
          'PUT',
          `${P}?wait=true`,
          { points: [{ id: 1, vector: [3, 3, 3] }] },
          { 'maksdb-if-version': '999' },
        )
      ).status,
    ).toBe(409)
    expect(await state()).toBe(before)
  })

  it('shard and admin ports want the internal credential, and health and metrics do not', async () => {
    const shard = await cluster.find({ kind: 'shard' })
    expect((await fetch(`http://127.0.0.1:${shard.port}/rpc/status`)).status).toBe(401)
    expect(
      (
        await fetch(`http://127.0.0.1:${shard.port}/rpc/commit`, {
          method: 'POST',
          headers: { 'x-maksdb-internal': 'guess' },
        })
      ).status,
    ).toBe(401)
    expect((await fetch(`http://127.0.0.1:${shard.adminPort}/healthz`)).status).toBe(200)
    expect(await (await fetch(`http://127.0.0.1:${shard.adminPort}/metrics`)).text()).toContain('maksdb_applied_seq')
    const supervisor = await cluster.find({ kind: 'supervisor' })
    expect((await fetch(`http://127.0.0.1:${supervisor.adminPort}/stop`, { method: 'POST' })).status).toBe(401)
  })
})

describe('garbage on the wire', () => {
  const GARBAGE = [
    'GET // HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /%00%ff?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'POST /collections/things/points/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{',
    'POST /collections/things/points HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'PUT /collections/__proto__ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    'POST /rpc/commit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n\x00\xff\x00\xff',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    '\r\n\r\n\r\n',
  ]

  async function throwAt(port: number, bytes: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')))
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
      socket.resume()
      setTimeout(() => socket.destroy(), 60)
    })
  }

  it('ends no process and changes nothing, at any port', async () => {
    const before = await state()
    const processes = (await cluster.processes()).filter(({ kind }) => kind !== 'redis')
    for (const { port, adminPort } of processes) {
      for (const one of [port, adminPort]) if (one !== null) for (const bytes of GARBAGE) await throwAt(one, bytes)
    }
    expect((await cluster.processes()).map(({ pid }) => pid)).toEqual(
      expect.arrayContaining(processes.map(({ pid }) => pid)),
    )
    expect(await state()).toBe(before)
  })
})

describe('what clients send without meaning it', () => {
  it('null is absent, and empty objects and lists are too', async () => {
    const body = {
      query: [1, 0, 0],
      filter: { should: [], must: null },
      score_threshold: null,
      using: '',
      shard_key: null,
      prefetch: [],
      params: null,
      limit: 1,
    }
    expect((await cluster.fetch('POST', `${P}/query`, body)).status).toBe(200)
    expect(
      (await cluster.fetch('POST', `${P}/query`, { query: { nearest: [1, 0, 0], mmr: { diversity: null } } })).status,
    ).toBe(200)
  })

  it('index tuning and foreign consistency levels are accepted', async () => {
    expect(
      (
        await cluster.fetch('POST', `${P}/query?consistency=majority&timeout=5`, {
          query: [1, 0, 0],
          params: { hnsw_ef: 64, quantization: { rescore: true } },
        })
      ).status,
    ).toBe(200)
    expect(
      (
        await cluster.fetch('PUT', '/collections/things/index?wait=true', {
          field_name: 'name',
          field_schema: 'keyword',
        })
      ).status,
    ).toBe(200)
  })
})

describe('values that must come back as they went', () => {
  it('ids of 64 bits, and integers of 64 bits in payloads', async () => {
    const answer = await cluster.fetch('GET', `${P}/18446744073709551615`)
    expect(answer.raw).toContain('"id":18446744073709551615')
    expect(answer.raw).toContain('"big":18446744073709551615')
  })

  it('both spellings of a UUID are one id; 1 and "1" are two', async () => {
    const uuid = '550e8400-e29b-41d4-a716-446655440000'
    await cluster.collection.upsert([
      { id: uuid, vector: [1, 1, 1] },
      { id: '1', vector: [2, 2, 2] },
    ])
    expect(await cluster.collection.get([uuid.replaceAll('-', '').toUpperCase()])).toEqual([{ id: uuid, payload: {} }])
    expect(
      (await cluster.collection.get([1, '1'], { withVector: true })).map(({ id, vector }) => [id, vector]),
    ).toEqual([
      [1, [1, 0, 0]],
      ['1', [2, 2, 2]],
    ])
    await cluster.collection.delete([uuid, '1'])
  })

  it('names that mean something to JavaScript, and to Redis', async () => {
    const ids = ['__proto__', 'constructor', 'a|b', 'x{y}', 'ünï', '𝔘', 'new\nline']
    await cluster.collection.upsert(ids.map((id, i) => ({ id, vector: [i, i, i], payload: { ['__proto__x']: i, id } })))
    const found = await cluster.collection.get(ids)
    expect(found.map(({ id, payload }) => [id, payload.id])).toEqual(ids.map((id) => [id, id]))
    await cluster.collection.delete(ids)
    expect(await cluster.collection.get(ids)).toEqual([])
  })

  it('every float32, in its shortest form', async () => {
    const vector = [0.1, 1 / 3, 16777217].map(Math.fround)
    await cluster.collection.upsert([{ id: 50, vector }])
    const { raw } = await cluster.fetch('GET', `${P}/50`)
    expect(raw).toContain('"vector":[0.1,0.33333334,16777216]')
    await cluster.collection.delete([50])
  })

  it('of two points with one id in a request the last wins', async () => {
    await cluster.collection.upsert([
      { id: 60, vector: [1, 1, 1], payload: { n: 1 } },
      { id: 60, vector: [2, 2, 2], payload: { n: 2 } },
    ])
    expect(await cluster.collection.get([60])).toEqual([{ id: 60, payload: { n: 2 } }])
    await cluster.collection.delete([60])
  })

  it('a limit above the number of points returns what there is', async () => {
    expect((await cluster.collection.query([1, 0, 0], { limit: 1000, exact: true })).points).toHaveLength(3)
  })

  it('payload selection by keys', async () => {
    const ask = async (with_payload: unknown) =>
      ((await cluster.fetch('POST', P, { ids: [1], with_payload })).json.result as { payload?: unknown }[])[0]?.payload
    expect(await ask(['nested.a'])).toEqual({ nested: { a: 1 } })
    expect(await ask({ exclude: ['nested'] })).toEqual({ name: 'one' })
    expect(await ask(false)).toBeUndefined()
  })
})

describe('queries', () => {
  it('scores are roots of squares, thresholds cut, offsets skip', async () => {
    const { points } = await cluster.collection.query([1, 0, 0], { limit: 3, exact: true })
    expect(points.map(({ id, score }) => [id, Number(score.toFixed(5))])).toEqual([
      [1, 0],
      [18446744073709551615n, 1.41421],
      ['two', 1.41421],
    ])
    expect(
      (await cluster.collection.query([1, 0, 0], { scoreThreshold: 1, exact: true })).points.map(({ id }) => id),
    ).toEqual([1])
    expect(
      (await cluster.collection.query([1, 0, 0], { offset: 1, limit: 1, exact: true })).points.map(({ id }) => id),
    ).toEqual([18446744073709551615n])
  })

  it('by id leave the point itself out', async () => {
    expect((await cluster.collection.query({ id: 1 }, { exact: true })).points.map(({ id }) => id)).not.toContain(1)
  })

  it('in a batch answer in order, and probes above the number of cells mean all', async () => {
    const searches = [
      { query: [1, 0, 0], limit: 1, params: { probes: 99 } },
      { query: [0, 1, 0], limit: 1, params: { exact: true } },
    ]
    const { json } = await cluster.fetch('POST', `${P}/query/batch`, { searches })
    expect((json.result as { points: { id: unknown }[] }[]).map(({ points }) => points[0]?.id)).toEqual([1, 'two'])
    expect(json.maksdb).toMatchObject({ probed: 2, exact: true })
  })

  it('take their parameters in the query string and in headers too', async () => {
    const inQuery = await cluster.fetch('POST', `${P}/query?maksdb-probes=1`, { query: [1, 0, 0] })
    const inHeader = await cluster.fetch(
      'POST',
      `${P}/query`,
      { query: [1, 0, 0] },
      { 'maksdb-exact': 'true', 'maksdb-consistency': 'strong' },
    )
    expect(inQuery.json.maksdb).toMatchObject({ probed: 1, cells: 2, exact: false })
    expect(inHeader.json.maksdb).toMatchObject({ probed: 2, exact: true, consistency: 'strong' })
  })
})
