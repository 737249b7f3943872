/** No single request, however large, keeps any process from answering `/healthz` for a second. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'
import { HealthWatch } from '../support/health-watch.ts'
import { CELLS, type LargeRequest, SMALL_DIMENSION, WIDE_DIMENSION } from '../support/largest/bodies.ts'
import { LARGEST, TOO_LARGE } from '../support/largest-requests.ts'

const SILENCE_MAX_MS = 1000

let cluster: TestCluster
let watch: HealthWatch
beforeAll(async () => {
  cluster = await TestCluster.start({
    name: 'small',
    spec: {
      dimension: SMALL_DIMENSION,
      clusters: CELLS,
      replicas: 1,
      centroids: { source: 'Random', seed: 1 },
      redis: { managed: { storage: { size: '2Gi' } } },
    },
  })
  for (const [name, size] of [
    ['wide', WIDE_DIMENSION],
    ['untrained', 65_536],
    ['trainable', 2],
  ] as const) {
    const made = await cluster.fetch('PUT', `/collections/${name}`, {
      vectors: { size, distance: 'Euclid' },
      maksdb: { clusters: CELLS, replicas: 1 },
    })
    expect(made.status, made.raw).toBe(200)
  }
  const points = Array.from({ length: 200 }, (_, id) => ({ id, vector: [id, id % 7] }))
  expect((await cluster.fetch('PUT', '/collections/trainable/points?wait=true', { points })).status).toBe(200)
  await cluster.settled()
  watch = await HealthWatch.of(await cluster.processes())
})
afterAll(async () => {
  await watch?.close()
  await cluster?.close()
})

/** The answer's status and length, and who was silent longest while it was made. Nothing of a large answer is kept. */
async function sent({ method, path, body }: LargeRequest) {
  const text = body?.()
  await watch.silences()
  const started = performance.now()
  const response = await fetch(`${cluster.url}${path}`, {
    method,
    ...(text === undefined ? {} : { body: text, headers: { 'content-type': 'application/json' } }),
  }).catch((error: unknown) => {
    const ended = ['FATAL', '"level":60', 'killed and started again', '"exit"'].flatMap((what) =>
      cluster.linesWith(what),
    )
    throw new Error(`no answer; the logs say: ${ended.join('\n')}`, { cause: error })
  })
  let bytes = 0
  let head = ''
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (head === '') head = Buffer.from(part).toString().slice(0, 300)
  }
  const ms = performance.now() - started
  const silences = Object.entries(await watch.silences()).sort((a, b) => b[1] - a[1])
  return { status: response.status, bytes, head, ms, silences }
}

async function watched(request: LargeRequest, title: string) {
  const { status, bytes, head, ms, silences } = await sent(request)
  const [worst = ['nobody', 0]] = silences
  console.log(
    `${title}: ${status}, ${(bytes / 1e6).toFixed(1)} MB in ${Math.round(ms)} ms; longest silence ${Math.round(worst[1])} ms, ${worst[0]}`,
  )
  expect(status, head).toBe(request.status)
  expect(silences.filter(([, silence]) => silence > SILENCE_MAX_MS)).toEqual([])
}

describe('while the largest request of a route is answered, every process answers, too', () => {
  const table = Object.entries(LARGEST).flatMap(([route, requests]) =>
    requests.map((request): [string, LargeRequest] => [`${route} ${request.what}`.trim(), request]),
  )
  it.each(table)('%s', (title, request) => watched(request, title))
})

describe('while a request is refused that is as long as a body may be, every process answers, too', () => {
  it.each(TOO_LARGE.map((request): [string, LargeRequest] => [request.what, request]))('%s', (title, request) =>
    watched(request, title),
  )
})
