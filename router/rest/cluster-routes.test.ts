import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { parseEnv, routerEnvSchema } from '../../protocol/env/config.ts'
import { QDRANT_VERSION } from '../../protocol/version.ts'
import { InFlight } from '../../runtime/in-flight.ts'
import { makeRestServer, type RestParts } from './server.ts'

/** A collection of two cells; the second one has no primary. */
const films = {
  config: { name: 'films', collection: 'films', clusters: 2 },
  topology: {},
  pods: (cell: number) => (cell === 0 ? [{ points: 5 }] : []),
  leader: (cell: number) => (cell === 0 ? {} : undefined),
}
let server: Server
let url: string
beforeAll(async () => {
  const find = (name: string) => (name === 'films' ? films : undefined)
  const parts = {
    env: parseEnv(routerEnvSchema, { MAKSDB_ROUTER_FILE: '', MAKSDB_INTERNAL_TOKEN: '' }),
    collections: {
      names: ['films'],
      find,
      named: find,
      lookUp: async (name: string) => find(name),
      get: (name: string) => {
        if (find(name)) return films
        throw new MaksError('NOT_FOUND', `Not found: Collection \`${name}\` doesn't exist!`)
      },
    },
    metrics: { observe: () => undefined, add: () => undefined },
    isLeaving: () => false,
    inFlight: new InFlight({ bytes: 'QUEUE_BODIES_MAX' }, 1024),
  }
  server = makeRestServer(parts as unknown as RestParts)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function ask(method: string, path: string, body?: unknown) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${url}${path}`, { method, ...sent })
  const { result, status } = (await response.json()) as { result?: unknown; status: unknown }
  return { code: response.status, result, status }
}

describe('what stock tools ask before they work', () => {
  it.each<[string, unknown]>([
    ['/cluster', { status: 'disabled' }],
    [
      '/collections/films/cluster',
      {
        peer_id: 0,
        shard_count: 2,
        local_shards: [
          { shard_id: 0, points_count: 5, state: 'Active' },
          { shard_id: 1, points_count: 0, state: 'Dead' },
        ],
        remote_shards: [],
        shard_transfers: [],
      },
    ],
  ])('GET %s has the least form of it', async (path, result) => {
    expect(await ask('GET', path)).toEqual({ code: 200, result, status: 'ok' })
  })

  it('GET /telemetry has what clients require, with its parameters and without', async () => {
    const { result } = await ask('GET', '/telemetry')
    expect(result).toMatchObject({
      id: expect.any(String) as string,
      app: { name: 'maksdb', version: QDRANT_VERSION, startup: expect.any(String) as string },
      collections: { number_of_collections: 1 },
      cluster: { enabled: false },
      requests: { rest: { responses: {} }, grpc: { responses: {} } },
    })
    expect((await ask('GET', '/telemetry?anonymize=true&details_level=10')).result).toEqual(result)
  })

  it.each(['/collections/absent/cluster'])('GET %s says that the collection does not exist', async (path) => {
    const status = { error: "Not found: Collection `absent` doesn't exist!" }
    expect(await ask('GET', path)).toEqual({ code: 404, result: undefined, status })
  })
})

it('a collection that exists is 409 with the words that clients look for, whatever the body asks', async () => {
  const status = { error: 'Wrong input: Collection `films` already exists!' }
  expect(await ask('PUT', '/collections/films', { sparse_vectors: { text: {} } })).toMatchObject({ code: 409, status })
})
