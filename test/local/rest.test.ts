/** Bad input, one case a test: its status, an error that names what is wrong, and that nothing changed. */
import { request as rawRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BAD_COLLECTIONS } from '../support/bad-collections.ts'
import { BAD_READS } from '../support/bad-reads.ts'
import { BODY_BYTES_MAX, POINTS, point } from '../support/bad-request.ts'
import { BAD_WRITES } from '../support/bad-writes.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 3, clusters: 2, centroids: { source: 'Random', seed: 7 } },
    env: { MAKSDB_BODY_BYTES_MAX: String(BODY_BYTES_MAX) },
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

function asIs(method: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(cluster.port, '127.0.0.1', () =>
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ),
    )
    socket.on('data', (part) => {
      answer += part.toString()
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

describe('bad input', () => {
  it.each([...BAD_WRITES, ...BAD_READS, ...BAD_COLLECTIONS])(
    '%s gets its status and changes nothing',
    async (_what, method, path, body, status, says) => {
      const before = await state()
      const answer = await cluster.fetch(method, path, body)
      expect(answer.status, answer.raw).toBe(status)
      expect((answer.json.status as { error: string }).error).toMatch(says)
      expect(answer.json).toHaveProperty('time')
      expect(answer.json.maksdb?.hint).toBeTypeOf('string')
      expect(await state()).toBe(before)
    },
  )

  it.each(['.', '..', '%2e', '%2E%2e', 'a%00b', '%ED%A0%80'])(
    'a collection named %s cannot be made: no request would reach it',
    async (segment) => {
      // As curl --path-as-is sends it: fetch would take the dots out.
      const answer = await asIs('PUT', `/collections/${segment}`, '{"vectors":{"size":3,"distance":"Dot"}}')
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect((await cluster.fetch('GET', '/collections')).json.result).toEqual({ collections: [{ name: 'things' }] })
    },
  )

  it('a header of ours that nobody reads is refused', async () => {
    const answer = await cluster.fetch('POST', `${POINTS}/query`, { query: [1, 0, 0] }, { 'maksdb-prob': '1' })
    expect(answer.status).toBe(400)
    expect((answer.json.status as { error: string }).error).toContain('the header "maksdb-prob" is not supported')
  })

  it('a body of another type is 415, compressed or not', async () => {
    const before = await state()
    expect(
      (await cluster.fetch('PUT', POINTS, JSON.stringify(point({})), { 'content-type': 'text/plain' })).status,
    ).toBe(415)
    expect((await cluster.fetch('PUT', POINTS, JSON.stringify(point({})), { 'content-encoding': 'gzip' })).status).toBe(
      415,
    )
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

  it.each(['', 'two words', 'x'.repeat(256), 'ü'])('an Idempotency-Key of %j is refused', async (key) => {
    const answer = await cluster.fetch('PUT', POINTS, point({}), { 'idempotency-key': key })
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
          `${POINTS}?wait=true`,
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
    expect((await cluster.fetch('POST', `${POINTS}/query`, body)).status).toBe(200)
    expect(
      (await cluster.fetch('POST', `${POINTS}/query`, { query: { nearest: [1, 0, 0], mmr: { diversity: null } } }))
        .status,
    ).toBe(200)
  })

  it('index tuning and foreign consistency levels are accepted', async () => {
    expect(
      (
        await cluster.fetch('POST', `${POINTS}/query?consistency=majority&timeout=5`, {
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
    const answer = await cluster.fetch('GET', `${POINTS}/18446744073709551615`)
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
    const { raw } = await cluster.fetch('GET', `${POINTS}/50`)
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
    const all = async (route: string, body: object) =>
      (await cluster.fetch('POST', `${POINTS}/${route}`, { limit: 999_999_999, ...body })).json.result as {
        points: unknown[]
      }
    expect((await all('query', { query: [1, 0, 0], params: { exact: true } })).points).toHaveLength(3)
    expect((await all('query', {})).points).toHaveLength(3)
    expect((await all('scroll', {})).points).toHaveLength(3)
    expect((await all('query', { query: [1, 0, 0], offset: 999_999_999 })).points).toEqual([])
  })

  it('a query without "query" lists the points in the order of their ids, alone and in a batch', async () => {
    const body = { limit: 2, offset: 1, with_payload: ['name'] }
    const { json } = await cluster.fetch('POST', `${POINTS}/query`, body)
    const points = [
      { id: expect.anything() as unknown, score: 1, payload: {} },
      { id: 'two', score: 1, payload: { name: 'two' } },
    ]
    expect(json.result).toMatchObject({ points })
    const searches = [{ query: [1, 0, 0], limit: 1 }, body]
    const batch = (await cluster.fetch('POST', `${POINTS}/query/batch?maksdb-exact=1`, { searches })).json
    expect(batch.result).toMatchObject([{ points: [{ id: 1 }] }, { points }])
  })

  it('payload selection by paths into lists, and by quoted keys', async () => {
    const payload = { tags: ['x', 'y'], 'a.b': 1, cast: [{ name: 'Ann', age: 40 }, { name: 'Bo' }] }
    await cluster.collection.upsert([{ id: 70, vector: [1, 1, 1], payload }])
    const ask = async (with_payload: unknown) =>
      (await cluster.fetch('POST', `${POINTS}/scroll`, { offset: 70, limit: 1, with_payload })).json.result as {
        points: { payload: unknown }[]
      }
    const selected = async (with_payload: unknown) => (await ask(with_payload)).points[0]?.payload
    expect(await selected(['tags[]'])).toEqual({ tags: ['x', 'y'] })
    expect(await selected(['tags[1]', '"a.b"'])).toEqual({ tags: ['y'], 'a.b': 1 })
    expect(await selected({ exclude: ['cast[].age', '"a.b"', 'tags[0]'] })).toEqual({
      tags: ['y'],
      cast: [{ name: 'Ann' }, { name: 'Bo' }],
    })
    await cluster.collection.delete([70])
  })

  it('payload selection by keys', async () => {
    const ask = async (with_payload: unknown) =>
      ((await cluster.fetch('POST', POINTS, { ids: [1], with_payload })).json.result as { payload?: unknown }[])[0]
        ?.payload
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
    const { json } = await cluster.fetch('POST', `${POINTS}/query/batch`, { searches })
    expect((json.result as { points: { id: unknown }[] }[]).map(({ points }) => points[0]?.id)).toEqual([1, 'two'])
    expect(json.maksdb).toMatchObject({ probed: 2, exact: true })
  })

  it('take their parameters in the query string and in headers too', async () => {
    const inQuery = await cluster.fetch('POST', `${POINTS}/query?maksdb-probes=1`, { query: [1, 0, 0] })
    const inHeader = await cluster.fetch(
      'POST',
      `${POINTS}/query`,
      { query: [1, 0, 0] },
      { 'maksdb-exact': 'true', 'maksdb-consistency': 'strong' },
    )
    expect(inQuery.json.maksdb).toMatchObject({ probed: 1, cells: 2, exact: false })
    expect(inHeader.json.maksdb).toMatchObject({ probed: 2, exact: true, consistency: 'strong' })
  })
})
