import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { OpenCall } from '../../runtime/call.ts'
import { NameClaims } from '../cluster/name-claims.ts'
import { type CollectionParts, createCollection, parseCreate } from './collection-admin.ts'

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })
const created = (part: object, vectors: object = {}) =>
  parseCreate({ vectors: { size: 3, distance: 'Dot', ...vectors }, ...part })
const SPEC = { spec: { dimension: 3, metric: 'InnerProduct' }, settings: new Map() }

describe('a new collection', () => {
  it.each([
    ['Euclid', 'L2'],
    ['Dot', 'InnerProduct'],
    ['Cosine', 'Cosine'],
  ])('has the distance %s as the metric %s', (distance, metric) => {
    expect(created({}, { distance }).spec).toEqual({ dimension: 3, metric })
  })

  it.each([1, 65_536])('may have the size %d', (size) => {
    expect(created({}, { size }).spec).toMatchObject({ dimension: size })
  })

  it.each(['', 'text', 'fast-all-minilm-l6-v2', 'size', 'distance', '__proto__'])('may name its vector %j', (name) => {
    const { spec } = parseCreate({ vectors: { [name]: { size: 3, distance: 'Dot' } } })
    expect(spec).toEqual({ ...SPEC.spec, vectorName: name })
  })

  it('has further fields of its spec in "maksdb"; size and distance come from "vectors"', () => {
    expect(created({ maksdb: { clusters: 4, dimension: 9 } }).spec).toEqual({ clusters: 4, ...SPEC.spec })
    expect(created({ maksdb: null })).toEqual(SPEC)
  })

  it.each(['shard_number', 'replication_factor', 'write_consistency_factor', 'timeout'])(
    'takes "%s", which has no meaning here',
    (name) => {
      expect(created({ [name]: 7 })).toEqual(SPEC)
    },
  )

  it('has settings that clients read back: metadata, index tuning, also that of its vector', () => {
    const tuning = { hnsw_config: { m: 32 }, quantization_config: { binary: {} } }
    const { spec, settings } = created(
      { ...tuning, optimizers_config: null, wal_config: {}, on_disk_payload: true, metadata: { owner: 'me' } },
      { ...tuning, on_disk: false },
    )
    expect(spec).toEqual(SPEC.spec)
    expect(Object.fromEntries(settings)).toEqual({
      'hnsw_config.m': '32',
      quantization_config: '{"binary":{}}',
      on_disk_payload: 'true',
      'metadata.owner': '"me"',
      'vector.hnsw_config.m': '32',
      'vector.quantization_config': '{"binary":{}}',
      'vector.on_disk': 'false',
    })
  })

  it.each(['sparse_vectors', 'init_from', 'sharding_method', 'strict_mode_config'])(
    'refuses "%s" by name, unless it is empty',
    (name) => {
      expect(created({ [name]: null })).toEqual(SPEC)
      expect(created({ [name]: {} })).toEqual(SPEC)
      expect(() => created({ [name]: { a: {} } })).toThrowError(
        error('UNSUPPORTED', new RegExp(`^the body: "${name}" is not supported$`)),
      )
    },
  )

  it.each(['multivector_config', 'datatype'])('refuses "%s" of its vector by name, unless it is empty', (name) => {
    expect(created({}, { [name]: null })).toEqual(SPEC)
    expect(() => created({}, { [name]: 'x' })).toThrowError(
      error('UNSUPPORTED', new RegExp(`^vectors: "${name}" is not supported$`)),
    )
  })

  it.each<[string, unknown, string, RegExp]>([
    ['no body', undefined, 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['no vectors', {}, 'BAD_REQUEST', /^vectors must be a JSON object$/],
    ['vectors of null', { vectors: null }, 'BAD_REQUEST', /^vectors must be a JSON object$/],
    ['a list of vectors', { vectors: [] }, 'BAD_REQUEST', /^vectors must be a JSON object$/],
    ['an unknown field', { vectors: { size: 3, distance: 'Dot' }, more: 1 }, 'UNSUPPORTED', /"more" is not supported/],
    [
      'an unknown field of its vector',
      { vectors: { size: 3, distance: 'Dot', more: 1 } },
      'UNSUPPORTED',
      /^vectors: "m/,
    ],
    ['a named vector without a distance', { vectors: { image: { size: 3 } } }, 'BAD_REQUEST', /"distance" is missing/],
    ['empty vectors', { vectors: {} }, 'BAD_REQUEST', /^vectors: "size" is missing$/],
    ['no size', { vectors: { distance: 'Dot' } }, 'BAD_REQUEST', /^vectors: "size" is missing$/],
    ['two vectors of some size', { vectors: { size: {}, text: {} } }, 'UNSUPPORTED', /^only one vector for each point/],
    ['two vectors', { vectors: { '': {}, image: {} } }, 'UNSUPPORTED', /^only one vector for each point/],
    ['a vector of null', { vectors: { '': null } }, 'BAD_REQUEST', /^vectors must be a JSON object$/],
    [
      'a vector without a size',
      { vectors: { '': { distance: 'Dot' } } },
      'BAD_REQUEST',
      /^vectors: "size" is missing$/,
    ],
    ['a size of null', { vectors: { size: null, distance: 'Dot' } }, 'BAD_REQUEST', /^vectors: "size" is missing$/],
    ['"maksdb" as a list', { vectors: { size: 3, distance: 'Dot' }, maksdb: [] }, 'BAD_REQUEST', /^maksdb must be a/],
  ])('with %s is refused by name', (_what, body, code, message) => {
    expect(() => parseCreate(body)).toThrowError(error(code, message))
  })

  it.each([0, -1, 65_537, 1.5, '3', true])('with the size %j is refused by name', (size) => {
    expect(() => created({}, { size })).toThrowError(error('BAD_REQUEST', /^vectors: "size" must be/))
  })

  it.each<[unknown, string, RegExp]>([
    [undefined, 'BAD_REQUEST', /^vectors: "distance" is missing/],
    [null, 'BAD_REQUEST', /^vectors: "distance" is missing/],
    [['Dot'], 'BAD_REQUEST', /^vectors: "distance" must be a text$/],
    [{ toString: 1 }, 'BAD_REQUEST', /^vectors: "distance" must be a text$/],
    [1, 'BAD_REQUEST', /^vectors: "distance" must be a text$/],
    ['', 'UNSUPPORTED', /^distance "" is not supported; use Euclid, Cosine or Dot$/],
    ['dot', 'UNSUPPORTED', /^distance "dot" is not supported/],
    ['Manhattan', 'UNSUPPORTED', /^distance "Manhattan" is not supported/],
    ['x'.repeat(1000), 'UNSUPPORTED', /^distance "x{100}" is not supported/],
  ])('with the distance %j is refused by name', (distance, code, message) => {
    expect(() => created({}, { distance })).toThrowError(error(code, message))
  })
})

describe('the creation of a collection', () => {
  let server: Server
  afterEach(() => server.close())

  /** A supervisor that makes every collection, and a router for which it is ready after it has read its list `ready` times. */
  async function create(ready: number, call: OpenCall, onRead: (reads: number) => void = () => undefined) {
    let reads = 0
    server = createServer((request, response) => {
      request.resume()
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const made = () => ({
      refresh: async () => undefined,
      topology: { gateOpen: reads >= ready, cells: [{}] },
      leader: () => ({}),
    })
    const parts = {
      env: { MAKSDB_SUPERVISOR_URL: `http://127.0.0.1:${port}`, MAKSDB_INTERNAL_TOKEN: 'x' },
      collections: {
        claims: new NameClaims(),
        named: () => (reads === 0 ? undefined : made()),
        find: () => undefined,
        reload: () => onRead(++reads),
      },
    }
    const body = { vectors: { size: 3, distance: 'Dot' } }
    const outcome = createCollection(parts as unknown as CollectionParts, 'things', body, call)
    return outcome.then(
      (value) => ({ value, reads }),
      (thrown: unknown) => ({ thrown, reads }),
    )
  }

  it('is answered when every cell of it has a primary', async () => {
    const call = new OpenCall(60_000)
    expect(await create(3, call)).toEqual({ value: true, reads: 3 })
    call.cancel('')
  })

  it('is not waited for any longer if the client has gone', async () => {
    const call = new OpenCall(60_000)
    const outcome = await create(1000, call, (reads) => {
      if (reads === 2) call.cancel('the caller has gone')
    })
    expect(outcome).toEqual({ thrown: expect.objectContaining({ code: 'TIMEOUT' }), reads: 2 })
  })
})
