/** Every rule of the CRD on a real API server: something that it accepts and something that it refuses, by a sentence that names the field. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeError } from '../../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import { crd } from '../../../tools/crd.ts'
import { ApiServer } from '../support/api-server.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await server.installCrd(client)
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

let made = 0
function object(spec: object, name = `c-${made++}`): KubeObject {
  const { apiVersion, kind } = VECTOR_CLUSTERS
  return { apiVersion, kind, metadata: { name, namespace: 'default' }, spec: { dimension: 2, ...spec } }
}

/** As kubectl does it: what the schema does not know is an error. */
function create(manifest: KubeObject): Promise<KubeObject> {
  const path = '/apis/maksdb.io/v1alpha1/namespaces/default/vectorclusters'
  return client.call('POST', path, { body: manifest, query: { fieldValidation: 'Strict', dryRun: 'All' } })
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return (error as KubeError).message
  }
  return 'it was accepted'
}

const long = (length: number) => 'x'.repeat(length)
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '1']))
const external = { external: { urlSecretRef: { name: 'a', key: 'b' } } }
const template = (part: object) => ({ podTemplate: part })
const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }
/** A pod template with `count` parts that differ in their names alone. */
const parts = (list: 'containers' | 'initContainers' | 'volumes', count: number, name = 'part') =>
  template({
    spec: {
      [list]: Array.from({ length: count }, (_, i) => ({
        name: `${name}${i}`,
        ...(list === 'volumes' ? { emptyDir: {} } : { image: 'web' }),
      })),
    },
  })
const secretRef = (name: string) => ({ secretRef: { name } })
const ref = (name: string, key: string) => ({ name, key })

/** Path of a field, what it accepts, what it refuses. */
const FIELDS: [string, object[], object[]][] = [
  [
    'spec.dimension',
    [{ dimension: 1 }, { dimension: 65_536 }],
    [{ dimension: 0 }, { dimension: 65_537 }, { dimension: 'two' }, { dimension: null }],
  ],
  ['spec.metric', [{ metric: 'Cosine' }], [{ metric: 'Manhattan' }]],
  [
    'spec.collection',
    [{ collection: 'Films 2' }],
    [{ collection: 'a/b' }, { collection: '.' }, { collection: '..' }, { collection: '' }, { collection: long(256) }],
  ],
  ['spec.clusters', [{ clusters: 256 }], [{ clusters: 0 }, { clusters: 257 }]],
  ['spec.replicas', [{ replicas: 9 }], [{ replicas: 0 }, { replicas: 10 }]],
  ['spec.centroids.source', [{ centroids: { source: 'Random' } }], [{ centroids: { source: 'Guessed' } }]],
  [
    'spec.centroids.seed',
    [{ centroids: { seed: 4_294_967_295 } }],
    [{ centroids: { seed: -1 } }, { centroids: { seed: 4_294_967_296 } }],
  ],
  [
    'spec.centroids.sampleSize',
    [{ centroids: { sampleSize: 10 } }],
    [{ centroids: { sampleSize: 0 } }, { centroids: { sampleSize: 10_000_001 } }],
  ],
  [
    'spec.centroids.configMapRef.name',
    [{ centroids: { configMapRef: ref('a', 'b') } }],
    [
      { centroids: { configMapRef: ref('A', 'b') } },
      { centroids: { configMapRef: ref('', 'b') } },
      { centroids: { configMapRef: ref(long(254), 'b') } },
    ],
  ],
  [
    'spec.centroids.configMapRef.key',
    [{ centroids: { configMapRef: ref('a', 'B.json') } }],
    [
      { centroids: { configMapRef: ref('a', 'b/c') } },
      { centroids: { configMapRef: ref('a', '') } },
      { centroids: { configMapRef: ref('a', long(254)) } },
    ],
  ],
  [
    'spec.search.recallTarget',
    [{ search: { recallTarget: 1 } }],
    [{ search: { recallTarget: 1.1 } }, { search: { recallTarget: -0.1 } }],
  ],
  ['spec.search.probes', [{ search: { probes: 256 } }], [{ search: { probes: 0 } }, { search: { probes: 257 } }]],
  [
    'spec.redundantStorage',
    [{ redundantStorage: '1.25' }],
    [{ redundantStorage: '2.1' }, { redundantStorage: '1.00000' }],
  ],
  ['spec.durability', [{ durability: 'Memory' }], [{ durability: 'Hope' }]],
  [
    'spec.redis.managed.storage.size',
    [{ redis: { managed: { storage: { size: '2Gi' } } } }, { redis: { managed: { storage: { size: '1.5Gi' } } } }],
    [
      { redis: { managed: { storage: { size: 'two' } } } },
      { redis: { managed: { storage: { size: `1${'0'.repeat(32)}` } } } },
    ],
  ],
  [
    'spec.redis.managed.storage.storageClassName',
    [{ redis: { managed: { storage: { storageClassName: 'fast' } } } }],
    [{ redis: { managed: { storage: { storageClassName: long(254) } } } }],
  ],
  [
    'spec.redis.managed.resources.requests',
    [{ redis: { managed: { resources: { requests: { cpu: '500m', memory: 1 } } } } }],
    [
      { redis: { managed: { resources: { requests: { cpu: 'lots' } } } } },
      { redis: { managed: { resources: { requests: many(17) } } } },
    ],
  ],
  [
    'spec.redis.managed.resources.limits',
    [{ redis: { managed: { resources: { limits: { cpu: 1 } } } } }],
    [
      { redis: { managed: { resources: { limits: { cpu: '-1' } } } } },
      { redis: { managed: { resources: { limits: many(17) } } } },
    ],
  ],
  [
    'spec.redis.external.urlSecretRef.name',
    [{ redis: external }],
    [
      { redis: { external: { urlSecretRef: ref('A', 'b') } } },
      { redis: { external: { urlSecretRef: ref('', 'b') } } },
      { redis: { external: { urlSecretRef: ref(long(254), 'b') } } },
    ],
  ],
  [
    'spec.redis.external.urlSecretRef.key',
    [{ redis: external }],
    [
      { redis: { external: { urlSecretRef: ref('a', 'b c') } } },
      { redis: { external: { urlSecretRef: ref('a', '') } } },
      { redis: { external: { urlSecretRef: ref('a', long(254)) } } },
    ],
  ],
  ['spec.redis.image', [{ redis: { image: 'redis:8' } }], [{ redis: { image: '' } }, { redis: { image: long(501) } }]],
  [
    'spec.storage.size',
    ['1Ti', '1.5Gi', '10Pi', '1Ei', '1e9', '.5Ti', '1073741824'].map((size) => ({ storage: { size } })),
    [
      ...['0Gi', '0', '500m', '-1Gi', '1GB', '1e999', '1100Pi', '100E'].map((size) => ({ storage: { size } })),
      { storage: { size: `1${'0'.repeat(32)}` } },
    ],
  ],
  [
    'spec.storage.storageClassName',
    [{ storage: { storageClassName: 'fast' } }],
    [{ storage: { storageClassName: long(254) } }],
  ],
  ['spec.reclaimPolicy', [{ reclaimPolicy: 'Delete' }], [{ reclaimPolicy: 'Keep' }]],
  ['spec.image', [{ image: 'maksdb:1' }], [{ image: '' }, { image: long(501) }]],
  [
    'spec.auth.secretRef.name',
    [{ auth: secretRef('a') }],
    [{ auth: secretRef('A') }, { auth: secretRef('') }, { auth: secretRef(long(254)) }],
  ],
  [
    'spec.tls.secretRef.name',
    [{ tls: secretRef('a') }],
    [{ tls: secretRef('A') }, { tls: secretRef('') }, { tls: secretRef(long(254)) }],
  ],
  [
    'spec.router.replicas',
    [{ router: { replicas: 100 } }],
    [{ router: { replicas: 0 } }, { router: { replicas: 101 } }],
  ],
  [
    'spec.router.resources.requests',
    [{ router: { resources: { requests: { cpu: 1 } } } }],
    [{ router: { resources: { requests: { cpu: 'x' } } } }, { router: { resources: { requests: many(17) } } }],
  ],
  [
    'spec.router.resources.limits',
    [{ router: { resources: { limits: { cpu: 1 } } } }],
    [{ router: { resources: { limits: { cpu: 'x' } } } }, { router: { resources: { limits: many(17) } } }],
  ],
  [
    'spec.resources.requests',
    [{ resources: { requests: { memory: '1Gi' } } }],
    [{ resources: { requests: { memory: '1Gb' } } }, { resources: { requests: many(17) } }],
  ],
  [
    'spec.resources.limits',
    [{ resources: { limits: { memory: '1Gi' } } }],
    [{ resources: { limits: { memory: '1Gb' } } }, { resources: { limits: many(17) } }],
  ],
  [
    'spec.nodeSelector',
    [{ nodeSelector: { disk: 'ssd' } }],
    [{ nodeSelector: { disk: long(64) } }, { nodeSelector: { disk: 'no spaces' } }, { nodeSelector: many(33) }],
  ],
  [
    'spec.tolerations',
    [{ tolerations: [{ key: 'a', operator: 'Exists' }] }],
    [{ tolerations: Array.from({ length: 33 }, () => ({})) }],
  ],
  ['spec.tolerations[0].key', [{ tolerations: [{ key: 'a' }] }], [{ tolerations: [{ key: long(317) }] }]],
  [
    'spec.tolerations[0].operator',
    [{ tolerations: [{ operator: 'Equal' }] }],
    [{ tolerations: [{ operator: 'Like' }] }],
  ],
  ['spec.tolerations[0].value', [{ tolerations: [{ value: 'a' }] }], [{ tolerations: [{ value: long(64) }] }]],
  [
    'spec.tolerations[0].effect',
    [{ tolerations: [{ effect: 'NoExecute' }] }],
    [{ tolerations: [{ effect: 'Never' }] }],
  ],
  [
    'spec.tolerations[0].tolerationSeconds',
    [{ tolerations: [{ tolerationSeconds: 60 }] }],
    [{ tolerations: [{ tolerationSeconds: -1 }] }, { tolerations: [{ tolerationSeconds: 31_536_001 }] }],
  ],
  [
    'spec.topologySpreadConstraints',
    [{ topologySpreadConstraints: [spread] }],
    [
      { topologySpreadConstraints: Array.from({ length: 17 }, () => spread) },
      { topologySpreadConstraints: [{ maxSkew: 1 }] },
    ],
  ],
  [
    'spec.imagePullSecrets',
    [{ imagePullSecrets: [{ name: 'a' }] }],
    [{ imagePullSecrets: Array.from({ length: 17 }, () => ({ name: 'a' })) }],
  ],
  [
    'spec.imagePullSecrets[0].name',
    [{ imagePullSecrets: [{ name: 'a' }] }],
    [
      { imagePullSecrets: [{ name: 'A' }] },
      { imagePullSecrets: [{ name: '' }] },
      { imagePullSecrets: [{ name: long(254) }] },
    ],
  ],
  [
    'spec.podSecurityContext.runAsUser',
    [{ podSecurityContext: { runAsUser: 1_000_660_000 } }, { podSecurityContext: { runAsUser: 0 } }],
    [{ podSecurityContext: { runAsUser: -1 } }, { podSecurityContext: { runAsUser: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.runAsGroup',
    [{ podSecurityContext: { runAsGroup: 1_000_660_000 } }, { podSecurityContext: { runAsGroup: 0 } }],
    [{ podSecurityContext: { runAsGroup: -1 } }, { podSecurityContext: { runAsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.fsGroup',
    [{ podSecurityContext: { fsGroup: 1_000_660_000 } }, { podSecurityContext: { fsGroup: 0 } }],
    [{ podSecurityContext: { fsGroup: -1 } }, { podSecurityContext: { fsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.level',
    [{ podSecurityContext: { seLinuxOptions: { level: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { level: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.role',
    [{ podSecurityContext: { seLinuxOptions: { role: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { role: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.type',
    [{ podSecurityContext: { seLinuxOptions: { type: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { type: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.user',
    [{ podSecurityContext: { seLinuxOptions: { user: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { user: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seccompProfile.type',
    [{ podSecurityContext: { seccompProfile: { type: 'RuntimeDefault' } } }],
    [{ podSecurityContext: { seccompProfile: { type: 'None' } } }],
  ],
  [
    'spec.podSecurityContext.seccompProfile.localhostProfile',
    [{ podSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } } }],
    [{ podSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.runAsUser',
    [{ containerSecurityContext: { runAsUser: 1_000_660_000 } }, { containerSecurityContext: { runAsUser: 0 } }],
    [{ containerSecurityContext: { runAsUser: -1 } }, { containerSecurityContext: { runAsUser: 2_147_483_648 } }],
  ],
  [
    'spec.containerSecurityContext.runAsGroup',
    [{ containerSecurityContext: { runAsGroup: 1_000_660_000 } }, { containerSecurityContext: { runAsGroup: 0 } }],
    [{ containerSecurityContext: { runAsGroup: -1 } }, { containerSecurityContext: { runAsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.level',
    [{ containerSecurityContext: { seLinuxOptions: { level: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { level: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.role',
    [{ containerSecurityContext: { seLinuxOptions: { role: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { role: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.type',
    [{ containerSecurityContext: { seLinuxOptions: { type: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { type: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.user',
    [{ containerSecurityContext: { seLinuxOptions: { user: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { user: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seccompProfile.type',
    [{ containerSecurityContext: { seccompProfile: { type: 'RuntimeDefault' } } }],
    [{ containerSecurityContext: { seccompProfile: { type: 'None' } } }],
  ],
  [
    'spec.containerSecurityContext.seccompProfile.localhostProfile',
    [{ containerSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } } }],
    [{ containerSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.fsGroupChangePolicy',
    [{ podSecurityContext: { fsGroupChangePolicy: 'Always' } }],
    [{ podSecurityContext: { fsGroupChangePolicy: 'Never' } }],
  ],
  [
    'spec.podSecurityContext.supplementalGroups',
    [{ podSecurityContext: { supplementalGroups: [1] } }],
    [{ podSecurityContext: { supplementalGroups: Array.from({ length: 33 }, () => 1) } }],
  ],
  [
    'spec.podSecurityContext.supplementalGroups[0]',
    [{ podSecurityContext: { supplementalGroups: [1] } }],
    [
      { podSecurityContext: { supplementalGroups: [-1] } },
      { podSecurityContext: { supplementalGroups: [2_147_483_648] } },
    ],
  ],
  [
    'spec.containerSecurityContext.capabilities.add',
    [{ containerSecurityContext: { capabilities: { add: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { add: Array.from({ length: 65 }, () => 'ALL') } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.add[0]',
    [{ containerSecurityContext: { capabilities: { add: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { add: [long(64)] } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.drop',
    [{ containerSecurityContext: { capabilities: { drop: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { drop: Array.from({ length: 65 }, () => 'ALL') } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.drop[0]',
    [{ containerSecurityContext: { capabilities: { drop: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { drop: [long(64)] } } }],
  ],
  [
    'spec.service.ipFamilyPolicy',
    [{ service: { ipFamilyPolicy: 'PreferDualStack' } }],
    [{ service: { ipFamilyPolicy: 'Both' } }],
  ],
  [
    'spec.podTemplate.metadata.labels',
    [template({ metadata: { labels: { a: 'b' } } })],
    [
      template({ metadata: { labels: { a: long(64) } } }),
      template({ metadata: { labels: { a: 'no spaces' } } }),
      template({ metadata: { labels: many(33) } }),
    ],
  ],
  [
    'spec.podTemplate.metadata.annotations',
    [template({ metadata: { annotations: { a: 'b' } } })],
    [template({ metadata: { annotations: { a: long(4097) } } }), template({ metadata: { annotations: many(33) } })],
  ],
  ...(['containers', 'initContainers', 'volumes'] as const).flatMap((list): [string, object[], object[]][] => [
    [`spec.podTemplate.spec.${list}`, [parts(list, 16)], [parts(list, 17)]],
    [`spec.podTemplate.spec.${list}[0].name`, [parts(list, 1)], [parts(list, 1, 'A'), parts(list, 1, long(63))]],
  ]),
]

const SOURCES =
  'configMap, secret, emptyDir, persistentVolumeClaim, projected, downwardAPI, csi, ephemeral, hostPath, nfs, image'
/** Rules in CEL: message, what is accepted, what is refused; with `from`, as a change of that. */
const RULES: [string, { from?: object; good: object; bad: object; name?: string }][] = [
  ['dimension cannot be changed', { from: { dimension: 3 }, good: { dimension: 3 }, bad: { dimension: 4 } }],
  ['metric cannot be changed', { from: {}, good: { metric: 'L2' }, bad: { metric: 'Cosine' } }],
  ['collection cannot be changed', { from: { collection: 'a' }, good: { collection: 'a' }, bad: { collection: 'b' } }],
  [
    'collection must not be "." or "..", which cannot stand in the path of a request',
    { good: { collection: '...' }, bad: { collection: '..' } },
  ],
  [
    'centroids.source cannot be changed',
    {
      from: { centroids: { source: 'Random' } },
      good: { centroids: { source: 'Random', seed: 1 } },
      bad: { centroids: { source: 'Dynamic' } },
    },
  ],
  [
    'centroids.sampleSize must be at least 10 for each of the clusters',
    { good: { clusters: 2, centroids: { sampleSize: 20 } }, bad: { clusters: 2, centroids: { sampleSize: 19 } } },
  ],
  [
    'durability: Replicated needs an external Redis with replicas',
    { good: { durability: 'Replicated', redis: external }, bad: { durability: 'Replicated' } },
  ],
  [
    'a request of resources cannot be above its limit',
    {
      good: { resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: 1, memory: '2048Mi' } } },
      bad: { resources: { requests: { memory: '4Gi' }, limits: { memory: '2Gi' } } },
    },
  ],
  [
    'redis.managed.storage.size must be at least 4Mi for each of the clusters',
    { good: { clusters: 256 }, bad: { clusters: 26, redis: { managed: { storage: { size: '100Mi' } } } } },
  ],
  [
    'redis.managed.resources.limits.memory must be at least 64Mi, and 3Mi for each of the clusters',
    {
      good: { clusters: 22, redis: { managed: { resources: { limits: { memory: 66 * 1024 ** 2 } } } } },
      bad: { clusters: 22, redis: { managed: { resources: { limits: { memory: '65Mi' } } } } },
    },
  ],
  [
    'redis has either managed or external, not both',
    { good: { redis: external }, bad: { redis: { ...external, managed: {} } } },
  ],
  [
    'redis: the kind of Redis, managed or external, cannot be changed',
    { from: { redis: external }, good: { redis: external }, bad: {} },
  ],
  [
    'a volume can only grow',
    { from: { storage: { size: '2Gi' } }, good: { storage: { size: '3Gi' } }, bad: { storage: { size: '1Gi' } } },
  ],
  ['a volume has more than no bytes', { good: { storage: { size: '1' } }, bad: { storage: { size: '0.0' } } }],
  ['a volume has at most 1Ei', { good: { storage: { size: '1024Pi' } }, bad: { storage: { size: '1025Pi' } } }],
  [
    'storageClassName cannot be changed',
    { from: { storage: { storageClassName: 'a' } }, good: { storage: { storageClassName: 'a' } }, bad: {} },
  ],
  [
    `a volume has exactly one of ${SOURCES}`,
    {
      good: template({ spec: { volumes: [{ name: 'a', configMap: { name: 'b' } }] } }),
      bad: template({ spec: { volumes: [{ name: 'a', configMap: { name: 'b' }, emptyDir: {} }] } }),
    },
  ],
  [
    "podTemplate.spec.containers: the name shard is the operator's",
    {
      good: template({ spec: { containers: [{ name: 'web', image: 'web' }] } }),
      bad: template({ spec: { containers: [{ name: 'shard', image: 'web' }] } }),
    },
  ],
  [
    "podTemplate.spec.volumes: the names data, tmp, config, internal, redis, centroids are the operator's",
    {
      good: template({ spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } }),
      bad: template({ spec: { volumes: [{ name: 'data', emptyDir: {} }] } }),
    },
  ],
  ['metadata.name must have at most 40 characters', { good: {}, bad: {}, name: long(41) }],
  [
    'metadata.name must be lower-case letters, digits and "-", and begin with a letter: it names a Service',
    { good: {}, bad: {}, name: '9lives' },
  ],
  [
    'metadata.name must not end in -redis or -shards: Services of other VectorClusters have such names',
    { good: {}, bad: {}, name: 'films-redis' },
  ],
]

describe('a field', () => {
  it.each(FIELDS)('%s', async (path, accepted, refused) => {
    for (const spec of accepted) await create(object(spec))
    for (const spec of refused) expect(await refusal(create(object(spec))), JSON.stringify(spec)).toContain(path)
  })

  it('that the schema does not know is an error', async () => {
    expect(await refusal(create(object({ dimensions: 3 })))).toContain('unknown field "spec.dimensions"')
  })

  it.each([
    ['spec.podTemplate.spec.nonsense', template({ spec: { nonsense: 1 } })],
    ['spec.podTemplate.spec.securityContext', template({ spec: { securityContext: {} } })],
    [
      'spec.podTemplate.spec.containers[0].nonsense',
      template({ spec: { containers: [{ name: 'a', image: 'b', nonsense: 1 }] } }),
    ],
    [
      'spec.podTemplate.spec.volumes[0].nonsense',
      template({ spec: { volumes: [{ name: 'a', emptyDir: {}, nonsense: {} }] } }),
    ],
    ['spec.affinity.nonsense', { affinity: { nonsense: {} } }],
    [
      'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].nonsense',
      {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', nonsense: 1 }],
          },
        },
      },
    ],
    ['spec.topologySpreadConstraints[0].nonsense', { topologySpreadConstraints: [{ ...spread, nonsense: 1 }] }],
  ])('of a pod that Kubernetes or the operator does not know is an error: %s', async (path, spec) => {
    expect(await refusal(create(object(spec)))).toContain(`unknown field "${path}"`)
    // By server-side apply too, as the operator's own tools and GitOps controllers write it.
    expect(await refusal(client.apply(VECTOR_CLUSTERS, object(spec), 'test'))).toContain('field not declared in schema')
  })

  it('that names two parts of a pod alike is an error', async () => {
    const twice = ['a', 'a'].map((name) => ({ name, image: 'b' }))
    expect(await refusal(create(object(template({ spec: { containers: twice } }))))).toContain('Duplicate value')
  })

  it('of a pod goes through as it is', async () => {
    const spec = template({
      spec: {
        serviceAccountName: 'films',
        priorityClassName: 'high',
        containers: [
          {
            name: 'logs',
            image: 'fluent-bit:4',
            args: ['-q'],
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            resources: { limits: { memory: '64Mi' } },
            volumeMounts: [{ name: 'settings', mountPath: '/settings', readOnly: true }],
            livenessProbe: { httpGet: { path: '/', port: 2020 }, periodSeconds: 5 },
            securityContext: { capabilities: { drop: ['ALL'] } },
          },
        ],
        volumes: [{ name: 'settings', configMap: { name: 'logs', items: [{ key: 'a', path: 'b' }] } }],
      },
    })
    expect((await create(object(spec))).spec?.podTemplate).toEqual(spec.podTemplate)
  })

  it('that is missing: only dimension, and the API server fills in the rest', async () => {
    const { apiVersion, kind } = VECTOR_CLUSTERS
    const bare = { apiVersion, kind, metadata: { name: 'bare', namespace: 'default' } }
    expect(await refusal(create({ ...bare, spec: {} }))).toContain('spec.dimension: Required value')
    expect((await create({ ...bare, spec: { dimension: 7 } })).spec).toEqual({
      dimension: 7,
      metric: 'L2',
      clusters: 1,
      replicas: 1,
      centroids: { source: 'Dynamic', seed: 0, sampleSize: 10_000 },
      search: { recallTarget: 0.95 },
      redundantStorage: '1.0',
      durability: 'Fsync',
      redis: { managed: { storage: { size: '1Gi' } } },
      storage: { size: '10Gi' },
      router: { replicas: 2 },
      reclaimPolicy: 'Retain',
    })
  })
})

describe('a rule', () => {
  it.each(RULES)('%s', async (message, { from, good, bad, name }) => {
    if (from === undefined) {
      await create(object(good))
      expect(await refusal(create(object(bad, name)))).toContain(message)
      return
    }
    const before = object(from)
    await client.apply(VECTOR_CLUSTERS, before, 'test')
    const after = (spec: object) => ({
      ...before,
      spec: { ...object(spec).spec, ...('dimension' in from ? { ...spec } : {}) },
    })
    await client.apply(VECTOR_CLUSTERS, after(good), 'test')
    expect(await refusal(client.apply(VECTOR_CLUSTERS, after(bad), 'test'))).toContain(message)
  })
})

it.each([
  ['cpu of shards', { resources: { requests: { cpu: 2 }, limits: { cpu: '1500m' } } }],
  ['memory of routers', { router: { resources: { requests: { memory: 5 }, limits: { memory: 4 } } } }],
  [
    'any resource of Redis',
    { redis: { managed: { resources: { requests: { 'a.b/c': '2' }, limits: { 'a.b/c': 1 } } } } },
  ],
])('a request above its limit is refused: %s', async (_what, spec) => {
  expect(await refusal(create(object(spec)))).toContain('a request of resources cannot be above its limit')
})

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema
  'x-kubernetes-validations'?: { message?: string }[]
  [keyword: string]: unknown
}
const BOUNDS = ['minimum', 'maximum', 'enum', 'pattern', 'minLength', 'maxLength', 'maxItems', 'maxProperties']

it('sizes are compared as quantities: written otherwise is the same, a byte less is smaller', async () => {
  const sized = (size: string) => ({
    ...object({ storage: { size } }, 'sized'),
    spec: { dimension: 2, storage: { size } },
  })
  for (const size of ['1.5Gi', '1536Mi', '1610612736', '1.6Gi', '2e9', '10Pi', '10240Ti'])
    await client.apply(VECTOR_CLUSTERS, sized(size), 'test')
  expect(await refusal(client.apply(VECTOR_CLUSTERS, sized('11258999068426239'), 'test'))).toContain(
    'a volume can only grow',
  )
})

describe('the tables above', () => {
  const root = crd().spec.versions[0]?.schema.openAPIV3Schema as unknown as Schema
  const fields: string[] = []
  const messages = new Set<string>()
  walk(root, '')
  function walk(schema: Schema, path: string): void {
    for (const { message } of schema['x-kubernetes-validations'] ?? []) if (message !== undefined) messages.add(message)
    if (path.startsWith('.spec') && BOUNDS.some((bound) => bound in schema)) fields.push(path.slice(1))
    for (const [name, field] of Object.entries(schema.properties ?? {}))
      if (name !== 'status') walk(field, `${path}.${name}`)
    if (schema.items) walk(schema.items, `${path}[0]`)
    // What an entry of a map may be is asked for at the map.
    if (schema.additionalProperties) walk(schema.additionalProperties, path)
  }

  it('have every field that has a bound', () => {
    const tried = new Set(FIELDS.map(([path]) => path))
    expect([...new Set(fields)].filter((path) => !tried.has(path))).toEqual([])
  })

  it('have every rule', () => {
    expect([...messages].sort()).toEqual(RULES.map(([message]) => message).sort())
  })
})

it('the samples are accepted', async () => {
  for (const file of ['minimal', 'production', 'supplied-centroids']) {
    const documents = parseAllDocuments(readFileSync(`crds/samples/${file}.yaml`, 'utf8')).map(
      (document) => document.toJS() as KubeObject,
    )
    for (const one of documents.filter(({ kind }) => kind === VECTOR_CLUSTERS.kind))
      await create({ ...one, metadata: { ...one.metadata, namespace: 'default' } })
  }
})
