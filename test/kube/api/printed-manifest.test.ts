/** What the router prints where a collection is asked for on Kubernetes: the API server takes it as it stands. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { collectionConfigSchema, routerEnvSchema } from '../../../protocol/env/config.ts'
import { AliasChanges } from '../../../router/cluster/alias-changes.ts'
import { Collections } from '../../../router/cluster/collections.ts'
import { ShardClient } from '../../../router/cluster/shard-client.ts'
import { Points } from '../../../router/points.ts'
import { makeRestServer } from '../../../router/rest/server.ts'
import { InFlight } from '../../../runtime/in-flight.ts'
import { Metrics } from '../../../runtime/metrics.ts'
import { ApiServer } from '../support/api-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-printed-'))
const logger = pino({ level: 'silent' })
let server: ApiServer
let client: KubeClient
let router: Server
let collections: Collections

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await server.installCrd(client)
  const routerFile = join(folder, 'router.json')
  // A VectorCluster whose Redis is not there: these routes need none.
  const there = collectionConfigSchema.parse({
    collection: 'Films 1',
    namespace: 'media',
    name: 'films',
    vectors: { '': { size: 2, metric: 'L2' } },
    clusters: 1,
    replicas: 1,
    centroidSource: 'Random',
    seed: 0,
    sampleSize: 10,
    recallTarget: 1,
    uid: 'uid-of-films',
    owner: 'media/films',
    since: 0,
    ownRedis: true,
    redundantStorage: 1,
    durability: 'Fsync',
    redisUrl: 'redis://127.0.0.1:1',
    walBudgetBytes: 1,
  })
  writeFileSync(routerFile, JSON.stringify({ collections: [there] }))
  const env = routerEnvSchema.parse({ MAKSDB_ROUTER_FILE: routerFile, MAKSDB_INTERNAL_TOKEN: 'token' })
  collections = new Collections(routerFile, logger)
  const metrics = new Metrics('router')
  const shards = new ShardClient('token', () => {})
  const points = new Points(shards, metrics)
  router = makeRestServer({
    env,
    collections,
    aliasChanges: new AliasChanges(collections, logger),
    shards,
    points,
    metrics,
    logger,
    inFlight: new InFlight({ bytes: 'QUEUE_BODIES_MAX' }, env.MAKSDB_BODY_BYTES_MAX),
    notReady: () => undefined,
    isLeaving: () => false,
  })
  await new Promise<void>((resolve) => router.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  router.close()
  collections.close()
  await client.connection.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function ask(
  method: string,
  collection: string,
  body?: object,
): Promise<{ status: number; error: string; hint: string }> {
  const { port } = router.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/collections/${encodeURIComponent(collection)}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  const { status, maksdb } = (await response.json()) as { status: { error: string }; maksdb: { hint: string } }
  return { status: response.status, error: status.error, hint: maksdb.hint }
}

describe('a collection that is asked for on Kubernetes', () => {
  it.each<[string, object, object]>([
    ['series', { vectors: { size: 4, distance: 'Cosine' } }, { dimension: 4, metric: 'Cosine' }],
    [
      'music',
      { vectors: { '': { size: 2, distance: 'Dot' } }, maksdb: { clusters: 4, replicas: 2, redundantStorage: '1.2' } },
      { dimension: 2, metric: 'InnerProduct', clusters: 4, replicas: 2, redundantStorage: '1.2' },
    ],
    ["Blade 'Runner'", { vectors: { size: 2, distance: 'Euclid' } }, { collection: "Blade 'Runner'" }],
    ['2026', { vectors: { size: 2, distance: 'Euclid' } }, { collection: '2026' }],
    ['films-redis', { vectors: { size: 2, distance: 'Euclid' } }, { collection: 'films-redis' }],
    ['x'.repeat(41), { vectors: { size: 2, distance: 'Euclid' } }, { collection: 'x'.repeat(41) }],
  ])('%s: the manifest that the refusal prints is applied as it stands', async (collection, body, spec) => {
    const { status, error, hint } = await ask('PUT', collection, body)
    expect([status, hint]).toEqual([403, expect.stringContaining('kubectl')])
    const manifest = JSON.parse(error.slice(error.indexOf('{'))) as KubeObject
    const made = await client.call('POST', '/apis/maksdb.io/v1alpha1/namespaces/default/vectorclusters', {
      body: manifest,
      query: { fieldValidation: 'Strict' },
    })
    expect(made.spec).toMatchObject(spec)
    expect((made.spec as { collection?: string }).collection ?? made.metadata.name).toBe(collection)
  })

  it('is refused for what the API server would refuse, before anything is printed', async () => {
    const answer = await ask('PUT', 'series', { vectors: { size: 4, distance: 'Dot' }, maksdb: { clusters: 0 } })
    expect([answer.status, answer.error]).toEqual([400, expect.stringContaining('spec.clusters')])
  })

  it('and one that is there: the refusal to delete it names the VectorCluster and its namespace', async () => {
    const answer = await ask('DELETE', 'Films 1')
    expect([answer.status, answer.error]).toEqual([403, expect.stringContaining('kubectl delete vc films -n media')])
  })
})
