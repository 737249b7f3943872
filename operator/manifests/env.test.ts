import { expect, it } from 'vitest'
import { memoryEnv, NATIVE_ENV } from '../../protocol/env/process-env.ts'
import { parseVectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import { manifests } from './manifests.ts'

const context = {
  cluster: parseVectorCluster({
    apiVersion: 'maksdb.io/v1alpha1',
    kind: 'VectorCluster',
    metadata: { name: 'films' },
    spec: { dimension: 2 },
  }),
  uid: 'a',
  since: 1,
  claimed: true,
  clusters: 1,
  image: 'maksdb:1',
  imagePullPolicy: 'Always',
  restartedAt: '',
  apiKeyDigest: '',
  centroidsDigest: '',
  credentials: { known: [], shardsFollow: true },
}

type Container = { name: string; env?: { name: string; value?: string }[] }

function envOf(container: string): Record<string, string | undefined> {
  const containers = manifests(context, [1]).flatMap(({ spec }) => {
    const template = spec?.template as { spec: { containers: Container[] } } | undefined
    return template?.spec.containers ?? []
  })
  const env = containers.find(({ name }) => name === container)?.env ?? []
  return Object.fromEntries(env.map(({ name, value }) => [name, value]))
}

it('pods get the bounds of threads and memory that local processes get', () => {
  expect(envOf('shard')).toMatchObject({ ...NATIVE_ENV, ...memoryEnv() })
  expect(envOf('router')).toMatchObject(memoryEnv())
})
