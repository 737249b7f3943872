/** `helm test`: a small VectorCluster is made, written, read and taken away. Arguments: namespace, name, more of its spec as JSON. */
import { request } from 'undici'
import { until } from '../runtime/until.ts'
import { Connection } from './kube/connection.ts'
import { KubeClient } from './kube/kube-client.ts'
import { isNotFound } from './kube/kube-error.ts'
import type { KubeObject } from './kube/objects.ts'
import { KEYS, names, PORTS } from './manifests/names.ts'
import { OWNED, VECTOR_CLUSTERS } from './resources.ts'

const LIMIT_MS = 240_000
const EVERY_MS = 1000
const POINTS = 100

/** On a VectorCluster that a test has made, and may delete. */
const OF_SELF_TEST = 'maksdb.io/self-test'

class Foreign extends Error {}

const [namespace = 'default', name = 'maksdb-test', more = '{}'] = process.argv.slice(2)
const client = new KubeClient(Connection.fromDefault())
const say = (line: string) => console.log(line)

try {
  await gone()
  await client.create(VECTOR_CLUSTERS, {
    apiVersion: VECTOR_CLUSTERS.apiVersion,
    kind: VECTOR_CLUSTERS.kind,
    metadata: { name, namespace, annotations: { [OF_SELF_TEST]: 'true' } },
    spec: { ...(JSON.parse(more) as object), dimension: 2, replicas: 2, reclaimPolicy: 'Delete' },
  })
  const made = await until(
    'the VectorCluster to be ready',
    async () => {
      const object = await client.get(VECTOR_CLUSTERS, { namespace, name })
      const { conditions = [] } = (object.status ?? {}) as { conditions?: { type: string; status: string }[] }
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True') ? object : undefined
    },
    LIMIT_MS,
    EVERY_MS,
  )
  say(`VectorCluster ${name} is ready`)
  await writeAndRead()
  say(`wrote and read ${POINTS} points through Service ${names(name).service}`)
  await client.delete(VECTOR_CLUSTERS, made)
} catch (error) {
  say(String(error))
  process.exitCode = 1
}
await client.connection.close()

async function gone(): Promise<void> {
  await until(
    'a VectorCluster of an earlier test to be gone',
    async () => {
      const left = await client.get(VECTOR_CLUSTERS, { namespace, name }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined
        throw error
      })
      if (left && left.metadata.annotations?.[OF_SELF_TEST] !== 'true')
        throw new Foreign(
          `VectorCluster ${namespace}/${name} exists and is not of a test: it is left alone, and nothing was tested`,
        )
      if (left) await client.delete(VECTOR_CLUSTERS, left)
      return left ? undefined : true
    },
    LIMIT_MS,
    EVERY_MS,
  )
}

async function writeAndRead(): Promise<void> {
  const secret: KubeObject = await client.get(OWNED.Secret, { namespace, name: names(name).apiKey })
  const key = Buffer.from(secret.data?.[KEYS.apiKey] ?? '', 'base64').toString()
  const call = async (method: 'PUT' | 'POST', path: string, body: unknown) => {
    const url = `http://${names(name).service}.${namespace}.svc:${PORTS.rest}/collections/${name}${path}`
    const headers = { 'content-type': 'application/json', 'api-key': key }
    const answer = await request(url, { method, headers, body: JSON.stringify(body) })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return JSON.parse(text) as { result: unknown }
  }
  const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: [id, 1] }))
  await call('PUT', '/points?wait=true', { points })
  const { result } = await call('POST', '/points/count', { exact: true })
  const { count } = result as { count: number }
  if (count !== POINTS) throw new Error(`wrote ${POINTS} points, and ${count} are there`)
  const found = await call('POST', '/points/query', { query: [41, 1], limit: 1 })
  const [nearest] = (found.result as { points: { id: number }[] }).points
  if (nearest?.id !== 41) throw new Error(`the nearest of [41, 1] is ${nearest?.id}`)
}
