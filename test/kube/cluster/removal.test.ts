/** The end of a VectorCluster and of the release: what is to stay stays, what is to go goes, nothing hangs. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OWNED, OWNED_SELECTOR } from '../../../operator/resources.ts'
import { Kubernetes, rest } from '../support/kubernetes.ts'

const k = new Kubernetes('removal')
const operator = new Kubernetes('maksdb-system')

beforeAll(() => k.start())
afterAll(async () => {
  await k.stop()
  await operator.client.connection.close()
})

async function write(name: string, count: number): Promise<void> {
  const points = Array.from({ length: count }, (_, id) => ({ id, vector: [id, 1] }))
  await rest(await k.endpoint(name), 'PUT', `/collections/${name}/points?wait=true`, { points })
}

async function countOf(name: string): Promise<number> {
  return (
    await rest<{ count: number }>(await k.endpoint(name), 'POST', `/collections/${name}/points/count`, { exact: true })
  ).count
}

async function left(name: string): Promise<string[]> {
  const kinds = Object.values(OWNED)
  const lists = await Promise.all(
    kinds.map((resource) =>
      k.client.list(resource, { namespace: 'removal', labelSelector: `${OWNED_SELECTOR},maksdb.io/cluster=${name}` }),
    ),
  )
  const pods = await k.pods(`maksdb.io/cluster=${name}`)
  return [...lists.flatMap(({ items }) => items), ...pods].map(({ kind, metadata }) => `${kind} ${metadata.name}`)
}

function gone(name: string) {
  return k.until(`everything of ${name} to be gone`, 120_000, async () =>
    (await left(name)).length === 0 ? true : undefined,
  )
}

it('with Retain the volumes stay, and the manifest applied again brings the data back', async () => {
  const spec = { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random' } }
  await k.apply('kept', spec)
  await k.settled('kept')
  await write('kept', 500)
  await k.kubectl('delete', 'vc', 'kept')
  await gone('kept')
  expect(await k.claims('maksdb.io/cluster=kept')).toHaveLength(5)
  await k.apply('kept', spec)
  await k.settled('kept')
  expect(await countOf('kept')).toBe(500)
})

it('with Delete nothing is left behind', async () => {
  await k.apply('dropped', { dimension: 2, replicas: 2, reclaimPolicy: 'Delete' })
  await k.settled('dropped')
  await k.kubectl('delete', 'vc', 'dropped')
  await gone('dropped')
  await k.until('the volumes to be gone', 60_000, async () =>
    (await k.claims('maksdb.io/cluster=dropped')).length === 0 ? true : undefined,
  )
})

it('keys in an external Redis go with Delete: the finalizer holds the object so long', async () => {
  // The managed Redis of another VectorCluster serves as one that was there already.
  const password = await k.secret('kept-internal', 'redis-password')
  const url = `redis://:${password}@kept-redis.removal.svc:6379`
  await k.kubectl('create', 'secret', 'generic', 'redis-url', `--from-literal=url=${url}`)
  // It lets in the pods of its own cluster alone where policies are enforced.
  await k.kubectl('delete', 'networkpolicy', 'kept-redis')
  await k.apply('guest', {
    dimension: 2,
    redis: { external: { urlSecretRef: { name: 'redis-url', key: 'url' } } },
    reclaimPolicy: 'Delete',
  })
  await k.settled('guest')
  await write('guest', 10)
  const keys = () =>
    k.kubectl('exec', 'kept-redis-0', '--', 'redis-cli', '-a', password, '--scan', '--pattern', 'maks:{removal/guest}*')
  expect(await keys()).not.toBe('')
  await k.kubectl('delete', 'vc', 'guest', '--timeout=120s')
  await gone('guest')
  expect((await keys()).trim()).toBe('')
  expect(await countOf('kept')).toBe(500)
})

it('the release can be uninstalled before its VectorClusters: they go on, and go away without it', async () => {
  await operator.helm('uninstall', 'maksdb', '--wait')
  expect(await countOf('kept')).toBe(500)
  await k.kubectl('delete', 'vc', 'kept', '--timeout=60s')
  await gone('kept')
  await operator.helm(
    'upgrade',
    '--install',
    'maksdb',
    'helm/maksdb',
    ...operator.imageValues,
    '--wait',
    '--timeout',
    '120s',
  )
  await k.apply('kept', { dimension: 2, clusters: 2, replicas: 2, centroids: { source: 'Random' } })
  await k.settled('kept')
  expect(await countOf('kept')).toBe(500)
})
